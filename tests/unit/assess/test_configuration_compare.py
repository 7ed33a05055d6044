"""Say what a target lacks of a configuration, section by section, in every family of syntax."""

from __future__ import annotations

import pytest

from exitkit.assess.device_lines import (
    ANOTHER_ORDER,
    DEFAULT_SHOWN,
    compare_trees,
    tree_of,
)
from exitkit.knowledge.network_platforms import platform_of

LOST = {
    "fortinet_fortios": (
        "config firewall policy\n edit 1\n  set action accept\n next\nend\n",
        "config firewall policy\n edit 1\n next\nend\n",
        "config firewall policy > edit 1 > set action accept",
    ),
    "juniper_junos": (
        "set system host-name a\nset firewall filter F term 1 then accept\n",
        "set system host-name a\n",
        "set firewall filter F term 1 then accept",
    ),
    "f5_tmsh": (
        "ltm pool web {\n members {\n  a:443 {\n   address 10.0.0.1\n  }\n }\n}\n",
        "ltm pool web {\n members {\n  a:443 {\n  }\n }\n}\n",
        "ltm pool web > members > a:443 > address 10.0.0.1",
    ),
    "pfsense": (
        "<pfsense>\n<filter>\n<rule/>\n<rule>\n</rule>\n<rule>\n<type>block</type>\n</rule>\n",
        "<pfsense>\n<filter>\n<rule/>\n<rule>\n</rule>\n",
        "pfsense > filter > rule[2] > <type>block</type>",
    ),
    "mikrotik_routeros": (
        "/ip address\nadd address=10.0.0.1/24 interface=lan\n/ip route\nadd gateway=10.0.0.254\n",
        "/ip address\nadd address=10.0.0.1/24 interface=lan\n",
        "/ip route > add gateway=10.0.0.254",
    ),
    "linux": (
        "### /etc/sysctl.conf\nnet.ipv4.ip_forward=1\n### /etc/hostname\ngw\n",
        "### /etc/sysctl.conf\n### /etc/hostname\ngw\n",
        "/etc/sysctl.conf > net.ipv4.ip_forward=1",
    ),
    "cisco_iosxr": (
        "router bgp 1\n neighbor 10.0.0.1\n  remote-as 2\n",
        "router bgp 1\n neighbor 10.0.0.1\n",
        "router bgp 1 > neighbor 10.0.0.1 > remote-as 2",
    ),
    "citrix_adc": (
        "add lb vserver a SSL 10.0.0.1 443\nbind lb vserver a svc\n",
        "add lb vserver a SSL 10.0.0.1 443\n",
        "bind lb vserver a svc",
    ),
}


def compared(name: str, kept: str, there: str) -> dict[str, tuple[str, str]]:
    platform = platform_of(name)
    trees = tree_of(platform.placed(kept)), tree_of(platform.placed(there))
    items = compare_trees(*trees, platform.ordered, platform.defaults)
    return {item.item: (item.result, item.detail) for item in items if item.result != "equal"}


@pytest.mark.parametrize("name", sorted(LOST))
def test_a_lost_line_is_named_with_the_sections_it_stood_in(name: str) -> None:
    kept, there, lost = LOST[name]
    assert compared(name, kept, kept) == {}
    assert compared(name, kept, there)[lost] == ("missing", "")
    assert {result for result, _ in compared(name, kept, there).values()} == {"missing"}


def test_rules_in_another_order_are_different_though_none_is_missing() -> None:
    kept = "config firewall policy\n edit 1\n next\n edit 2\n next\nend\n"
    there = "config firewall policy\n edit 2\n next\n edit 1\n next\nend\n"
    found = compared("fortinet_fortios", kept, there)
    assert found == {"config firewall policy": ("different", ANOTHER_ORDER)}


def test_lines_in_another_order_where_order_says_nothing_are_equal() -> None:
    kept = "config system global\n set a 1\n set b 2\nend\n"
    assert (
        compared("fortinet_fortios", kept, "config system global\n set b 2\n set a 1\nend\n") == {}
    )


def test_a_default_that_the_target_spells_out_is_equal_and_said() -> None:
    kept, there = "interface e1\n mtu 9000\n", "interface e1\n mtu 9000\n no shutdown\n speed 100\n"
    platform = platform_of("dell_os10")
    trees = tree_of(platform.placed(kept)), tree_of(platform.placed(there))
    items = {i.item: i for i in compare_trees(*trees, platform.ordered, platform.defaults)}
    shown = items["interface e1 > no shutdown"]
    assert (shown.result, shown.detail) == ("equal", DEFAULT_SHOWN)
    assert items["interface e1 > speed 100"].result == "extra"


def test_a_hostile_depth_ends() -> None:
    text = "".join(f"{'a' * 3} {number} {{\n" for number in range(5000))
    assert len(list(platform_of("f5_tmsh").placed(text))) == 5000
