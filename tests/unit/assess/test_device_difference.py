"""Say what a target lacks of a configuration, section by section, in every family of syntax."""

from __future__ import annotations

import re

import pytest

from exitkit.assess.device_difference import (
    ANOTHER_ORDER,
    DEFAULT_HIDDEN,
    DEFAULT_SHOWN,
    CompareRules,
    compare_configurations,
)
from exitkit.knowledge.network_platforms import platform_of
from exitkit.model.run import ItemResult

IOS, JUNOS, FORTIOS, XR = "cisco_ios", "juniper_junos", "fortinet_fortios", "cisco_iosxr"

PFSENSE = (
    "<pfsense><filter><rule><tracker>17</tracker>{}</rule>"
    "<rule><tracker>18</tracker></rule></filter></pfsense>"
)
LOST = {
    FORTIOS: (
        "config firewall policy\n edit 1\n  set action accept\n next\nend\n",
        "config firewall policy\n edit 1\n next\nend\n",
        "config firewall policy > edit 1 > set action accept",
    ),
    JUNOS: (
        "set system host-name a\nset snmp location b\n",
        "set system host-name a\n",
        "set snmp location b",
    ),
    "f5_tmsh": (
        "ltm pool web {\n members {\n  a:443 {\n   address 10.0.0.1\n  }\n }\n}\n",
        "ltm pool web {\n members {\n  a:443 {\n  }\n }\n}\n",
        "ltm pool web > members > a:443 > address 10.0.0.1",
    ),
    "pfsense": (
        PFSENSE.format("<type>block</type>"),
        PFSENSE.format(""),
        "pfsense > filter > rule 17 > type: block",
    ),
    "mikrotik_routeros": (
        "/ip address\nadd address=10.0.0.1/24 interface=lan\nadd address=10.0.1.1/24\n",
        "/ip address\nadd address=10.0.0.1/24 interface=lan\n",
        "/ip address > add address=10.0.1.1/24",
    ),
    "linux": (
        "### /etc/wireguard/wg0.conf\n[Interface]\nListenPort = 51820\nMTU = 1420\n",
        "### /etc/wireguard/wg0.conf\n[Interface]\nMTU = 1420\n",
        "/etc/wireguard/wg0.conf > [Interface] > ListenPort = 51820",
    ),
    XR: (
        "router bgp 1\n neighbor 10.0.0.1\n  remote-as 2\n !\n!\n",
        "router bgp 1\n neighbor 10.0.0.1\n !\n!\n",
        "router bgp 1 > neighbor 10.0.0.1 > remote-as 2",
    ),
    "citrix_adc": (
        "add lb vserver a SSL 10.0.0.1 443\nbind lb vserver a svc\n",
        "add lb vserver a SSL 10.0.0.1 443\n",
        "bind lb vserver a svc",
    ),
}
SHUFFLED = {
    IOS: (
        "ip access-list extended x\n 10 permit tcp any any\n 20 deny ip any any\n",
        "ip access-list extended x\n 10 deny ip any any\n 20 permit tcp any any\n",
        "ip access-list extended x",
    ),
    "cisco_asa": (
        "access-list IN extended permit ip any any\naccess-list IN extended deny tcp any any\n",
        "access-list IN extended deny tcp any any\naccess-list IN extended permit ip any any\n",
        "access-list IN",
    ),
    JUNOS: (
        "set firewall filter F term a then accept\nset firewall filter F term b then discard\n",
        "set firewall filter F term b then discard\nset firewall filter F term a then accept\n",
        "firewall filter F",
    ),
    FORTIOS: (
        "config firewall policy\n edit 1\n next\n edit 2\n next\nend\n",
        "config firewall policy\n edit 2\n next\n edit 1\n next\nend\n",
        "config firewall policy",
    ),
    "opnsense": (
        '<opnsense><filter><rule uuid="1"/><rule uuid="2"/></filter></opnsense>',
        '<opnsense><filter><rule uuid="2"/><rule uuid="1"/></filter></opnsense>',
        "opnsense > filter",
    ),
    "mikrotik_routeros": (
        "/ip firewall filter add action=accept chain=input\n/ip firewall filter add action=drop\n",
        "/ip firewall filter add action=drop\n/ip firewall filter add action=accept chain=input\n",
        "/ip firewall filter",
    ),
    "linux": (
        "### /etc/nftables.conf\ntable inet f {\n  chain input {\n    accept\n    drop\n  }\n}\n",
        "### /etc/nftables.conf\ntable inet f {\n  chain input {\n    drop\n    accept\n  }\n}\n",
        "/etc/nftables.conf > table inet f { > chain input {",
    ),
}


def items(name: str, kept: str, there: str) -> list[ItemResult]:
    platform = platform_of(name)
    rules = CompareRules(platform.ordered, platform.defaults)
    return list(compare_configurations(platform.placed(kept), platform.placed(there), rules))


def unequal(name: str, kept: str, there: str) -> dict[str, tuple[str, str]]:
    return {
        one.item: (one.result, one.detail)
        for one in items(name, kept, there)
        if one.result != "equal"
    }


@pytest.mark.parametrize("name", sorted(LOST))
def test_a_lost_line_is_named_with_the_sections_it_stood_in(name: str) -> None:
    kept, there, lost = LOST[name]
    assert unequal(name, kept, kept) == {}
    assert unequal(name, kept, there) == {lost: ("missing", "")}


@pytest.mark.parametrize("name", sorted(SHUFFLED))
def test_rules_in_another_order_are_different_though_none_is_missing(name: str) -> None:
    kept, there, section = SHUFFLED[name]
    [(item, (result, detail))] = unequal(name, kept, there).items()
    assert (item, result) == (section, "different")
    assert detail.startswith(ANOTHER_ORDER)


def test_a_dropped_entry_of_a_list_is_named_with_its_place() -> None:
    kept = (
        "ip access-list extended x\n 10 permit tcp any any eq 22\n 20 permit icmp any any\n"
        " 30 deny ip any any\n"
    )
    there = "ip access-list extended x\n 5 permit tcp any any eq 22\n 15 deny ip any any\n"
    assert unequal(IOS, kept, there) == {
        "ip access-list extended x > permit icmp any any": (
            "missing",
            "entry 2 of 3, after 'permit tcp any any eq 22'",
        )
    }


def test_an_entry_more_in_a_list_that_is_told_line_by_line_is_named() -> None:
    kept = "access-list 10 permit host 10.0.0.1\n"
    there = f"{kept}access-list 10 permit any\n"
    assert unequal(IOS, kept, there) == {"access-list 10 > permit any": ("extra", "")}


def test_a_lost_section_is_said_once_with_its_size() -> None:
    kept = "router ospf 1\n router-id 10.0.0.1\n area 0\n  interface Lo0\n"
    assert unequal(XR, kept, "hostname a\n") == {"router ospf 1": ("missing", "with its 3 lines")}


def test_another_value_is_one_difference_and_not_two() -> None:
    kept = "interface e0\n ip address 10.0.0.1 255.0.0.0\n mtu 9000\n"
    there = "interface e0\n ip address 10.0.0.9 255.255.0.0\n mtu 1400\n"
    assert unequal(IOS, kept, there) == {
        "interface e0 > ip address 10.0.0.1 255.0.0.0": (
            "different",
            "there: ip address 10.0.0.9 255.255.0.0",
        ),
        "interface e0 > mtu 9000": ("different", "there: mtu 1400"),
    }


def test_another_name_of_the_device_is_different() -> None:
    assert unequal(IOS, "hostname a\n", "hostname b\n") == {
        "hostname a": ("different", "there: hostname b")
    }


def test_two_sections_of_one_kind_are_not_taken_for_one_that_changed() -> None:
    kept, there = "interface Vlan10\n mtu 9000\nvlan 10\n", "interface Vlan20\n mtu 9\nvlan 20\n"
    assert unequal(IOS, kept, there) == {
        "interface Vlan10": ("missing", "with its 1 line"),
        "vlan 10": ("missing", ""),
    }


def test_lines_in_another_order_where_order_says_nothing_are_equal() -> None:
    kept = "config system global\n set a 1\n set b 2\nend\n"
    there = "config system global\n set b 2\n set a 1\nend\n"
    assert unequal(FORTIOS, kept, there) == {}


def test_a_default_is_equal_and_said_whichever_side_prints_it() -> None:
    bare, told = "interface e1\n mtu 9000\n", "interface e1\n mtu 9000\n no shutdown\n"
    for kept, there, detail in ((bare, told, DEFAULT_SHOWN), (told, bare, DEFAULT_HIDDEN)):
        [default] = [one for one in items("dell_os10", kept, there) if one.detail]
        assert default == ItemResult("interface e1 > no shutdown", "equal", detail)
    assert unequal("dell_os10", bare, bare + " shutdown\n") == {
        "interface e1 > shutdown": ("extra", "")
    }


def test_a_section_of_the_target_that_the_source_lacks_is_its_own_affair() -> None:
    assert unequal(IOS, "hostname a\n", "hostname a\ninterface Loopback9\n mtu 9\n") == {}


def test_a_masked_secret_is_equal_to_any_other() -> None:
    kept = "username admin secret 9 <masked:0a1b2c3d>\n"
    assert unequal(IOS, kept, "username admin secret <masked>\n") == {}
    assert unequal(IOS, kept, "hostname a\n") == {"username admin secret <masked>": ("missing", "")}


def test_a_banner_is_one_line_whatever_it_says() -> None:
    kept = "banner motd ^C\nkeep\n  out\n^C\nhostname a\n"
    found = unequal(IOS, kept, "hostname a\n")
    assert found == {"banner motd ^C / keep / out / ^C": ("missing", "")}


def test_a_rule_inserted_in_front_leaves_the_others_equal() -> None:
    rule = "<rule><tracker>{}</tracker><descr>web</descr></rule>"
    kept = f"<pfsense><filter>{rule.format(7)}{rule.format(8)}</filter></pfsense>"
    there = kept.replace("<filter>", f"<filter>{rule.format(1)}")
    assert unequal("pfsense", kept, there) == {"pfsense > filter > rule 1": ("extra", "")}


def test_a_hostile_depth_ends() -> None:
    text = "".join(f"{'a' * 3} {number} {{\n" for number in range(5000))
    placed = list(platform_of("f5_tmsh").placed(text))
    assert len(placed) == 5000
    assert max(len(around) for around, _ in placed) == 64
    nested = "<a>" * 3000 + "</a>" * 3000
    assert max(len(around) for around, _ in platform_of("pfsense").placed(nested)) == 64


def test_an_xml_with_entities_of_its_own_is_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]><pfsense>&b;</pfsense>'
    assert [line for _, line in platform_of("pfsense").placed(bomb)] == [bomb]


def test_a_list_is_found_by_the_groups_of_its_pattern() -> None:
    rules = CompareRules((re.compile(r"^(?P<list>acl \S+) (?P<entry>.+)"),))
    assert rules.list_of("acl 5 permit any") == ("acl 5", "permit any")
    assert rules.list_of("route 5") is None
