"""Hold every network platform's file to what the collector and the restorer ask of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netmiko.ssh_dispatcher import CLASS_MAPPER

from exitkit.errors import InputError
from exitkit.knowledge.network_platforms import all_platforms, platform_of
from exitkit.store.redact import Redactor

SECRET = "s3cr3t-Value9"
RESTORE_METHODS = {
    "configuration-lines", "configuration-script", "configuration-file", "set-commands", "files",
    "frr-reload",
}  # fmt: skip
LINES = {
    "cisco_ios": (
        f"snmp-server community {SECRET} RO 10",
        f"snmp-server host 10.0.0.9 version 2c {SECRET}",
        f"snmp-server host 10.0.0.9 vrf mgmt informs version 3 priv {SECRET}",
        f"snmp-server user mon group v3 auth sha {SECRET} priv aes 128 0therS3cret",
        f"enable secret 9 {SECRET}",
        f"username ops privilege 15 secret 5 {SECRET}",
        f" password 7 {SECRET}",
        f" neighbor 10.0.0.1 password 7 {SECRET}",
        f"tacacs-server host 10.0.0.49 key 7 {SECRET}",
        f" key 7 {SECRET}",
        f" key-string 7 {SECRET}",
        f"ntp authentication-key 1 md5 {SECRET} 7",
        f" ip ospf message-digest-key 1 md5 7 {SECRET}",
        f" standby 1 authentication md5 key-string 7 {SECRET}",
        f" standby 1 authentication {SECRET}",
        f"crypto isakmp key {SECRET} address 10.0.0.2",
        f" pre-shared-key local {SECRET}",
    ),
    "cisco_nxos": (
        f"snmp-server community {SECRET} group network-operator",
        f"snmp-server user admin network-admin auth md5 {SECRET} priv 0x12 localizedkey",
        f"username admin password 5 {SECRET}  role network-admin",
        f'tacacs-server host 10.0.0.49 key 7 "{SECRET}"',
        f" ip ospf message-digest-key 1 md5 3 {SECRET}",
    ),
    "arista_eos": (
        f"snmp-server community {SECRET} ro",
        f"username admin role network-admin secret sha512 {SECRET}",
        f"enable password sha512 {SECRET}",
        f"ntp authentication-key 1 sha1 7 {SECRET}",
        f" neighbor 10.0.0.1 password 7 {SECRET}",
        f"tacacs-server key 7 {SECRET}",
    ),
    "juniper_junos": (
        f'set system root-authentication encrypted-password "{SECRET}"',
        f"set snmp community {SECRET} authorization read-only",
        f'set system tacplus-server 10.0.0.49 secret "{SECRET}"',
        f'set protocols bgp group carrier authentication-key "{SECRET}"',
        f'set security ike policy p pre-shared-key ascii-text "{SECRET}"',
    ),
    "frr": (
        f"password {SECRET}",
        f"enable password 8 {SECRET}",
        f" neighbor 10.0.0.1 password {SECRET}",
        f" ip ospf message-digest-key 1 md5 {SECRET}",
    ),
}


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, lines in LINES.items() for line in lines]
)
def test_a_secret_is_masked_and_the_rest_of_its_line_stays(name: str, line: str) -> None:
    masked = Redactor(platform_of(name).secrets, b"k" * 32).apply(line)
    assert SECRET not in masked
    assert masked.split()[0] == line.split()[0]
    assert "0therS3cret" not in masked


@pytest.mark.parametrize("name", sorted(all_platforms()))
def test_a_platform_says_what_a_restore_leaves_out(name: str) -> None:
    platform = platform_of(name)
    assert platform.not_restored
    assert "configuration" in platform.commands
    assert platform.restore_method in RESTORE_METHODS
    assert platform.netmiko_type in CLASS_MAPPER


@pytest.mark.parametrize("name", sorted(all_platforms()))
def test_ansible_names_lead_to_the_platform(name: str) -> None:
    for network_os in platform_of(name).network_os:
        assert platform_of(network_os).name == name


@pytest.mark.parametrize(
    "line", ["service password-encryption", " description secret path to hall 2", "hostname key"]
)
def test_a_line_without_a_secret_stays(line: str) -> None:
    assert Redactor(platform_of("cisco_ios").secrets, b"k" * 32).apply(line) == line


@pytest.mark.parametrize("name", ["opnsense", "pfsense"])
def test_a_secret_in_cdata_may_hold_any_character(name: str) -> None:
    line = f"<ldap_bindpw><![CDATA[a<b>{SECRET}]]></ldap_bindpw>"
    masked = Redactor(platform_of(name).secrets, b"k" * 32).apply(line)
    assert masked.startswith("<ldap_bindpw><![CDATA[<masked:")
    assert SECRET not in masked
    assert [text for _, text in platform_of(name).placed(masked)] != [masked]


@pytest.mark.parametrize("name", sorted(all_platforms()))
def test_no_pattern_looks_past_its_line_for_what_precedes_a_secret(name: str) -> None:
    # With `\\s` each of many empty lines would be searched to the end of the answer.
    leading = [p for p in platform_of(name).secrets if p.startswith(("^\\s*", "^\\s+"))]
    assert leading == []


def test_items_name_each_line_with_its_section() -> None:
    text = "hostname a\n!\ninterface Lo0\n ip address 10.0.0.1 255.255.255.255\n!\nend\n"
    assert platform_of("cisco_ios").items(text) == (
        "hostname a",
        "interface Lo0",
        "interface Lo0 > ip address 10.0.0.1 255.255.255.255",
    )


def test_a_masked_line_is_withheld_and_not_typed() -> None:
    ios = platform_of("cisco_ios")
    text = "hostname a\nline vty 0 4\n password <masked:01234567>\n"
    assert ios.lines_to_type(text) == ("hostname a", "line vty 0 4")
    assert ios.withheld_lines(text) == ("line vty 0 4 > password <masked:01234567>",)


def test_an_unknown_platform_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no network platform 'vax'; use one of arista_eos"):
        platform_of("vax")


PIECES = (
    "! Last configuration change at 10:00", "ntp clock-period 17", "hostname a",
    " ntp clock-period", "Building configuration...", "Current configuration : 5 bytes",
    "", "!", "\n", "\n\n", " ", "\t", "\r", "\f", "\x1c", "caf\xe9",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(sorted(all_platforms())))
def test_what_is_kept_is_what_a_look_at_every_line_keeps(pieces: list[str], name: str) -> None:
    platform = platform_of(name)
    text = "".join(pieces)
    whole = text.replace("\r", "")
    for block in platform.volatile_blocks:
        whole = block.sub("", whole)
    lines = [line.rstrip() for line in whole.splitlines()]
    kept = [line for line in lines if not any(p.search(line) for p in platform.volatile)]
    assert platform.without_volatile(text) == "\n".join(kept).strip("\n") + "\n"


def test_a_whole_configuration_may_quote_a_refusal() -> None:
    platform = platform_of("cisco_ios")
    text = "hostname a\nbanner motd ^C\n% Access denied to strangers\n^C\nend"
    assert platform.forbidden.search(text)
    assert platform.is_whole("configuration", text)
    assert not platform.is_whole("version", text)
    assert not platform.is_whole("configuration", "% Access denied")
    assert not platform.is_whole("configuration", "end")


def test_what_no_restore_brings_back_is_a_sentence_and_not_a_mapping() -> None:
    said = [text for one in all_platforms().values() for text in one.not_restored]
    assert [text for text in said if text.startswith(("{", "["))] == []
