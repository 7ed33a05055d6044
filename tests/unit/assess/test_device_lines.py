"""Turn one device configuration into another, line by line."""

from __future__ import annotations

from exitkit.assess.device_lines import (
    lines_to_restore,
    lines_to_undo,
    tree,
    with_placeholders,
    without_masks,
)


def lines(text: str) -> dict[str, list[str]]:
    return tree(text.splitlines())


def test_a_mask_stands_for_any_secret_however_the_device_encodes_it() -> None:
    kept = "username admin secret 9 <masked:0a1b2c3d>"
    assert without_masks(kept) == "username admin secret <masked>"
    assert with_placeholders(kept, "fresh") == "username admin secret 0 fresh"
    assert with_placeholders("snmp-server community <masked:0a1b2c3d> RO", "x") == (
        "snmp-server community x RO"
    )


def test_restoring_takes_out_what_a_shared_section_has_more() -> None:
    kept = lines("interface e0\n mtu 9000\nip access-list extended x\n permit ip any host 1.1.1.1")
    there = lines("interface e0\n shutdown\nip access-list extended x\n permit ip any any")
    assert lines_to_restore(kept, there) == [
        "interface e0",
        " no shutdown",
        "no ip access-list extended x",
        "interface e0",
        " mtu 9000",
        "ip access-list extended x",
        " permit ip any host 1.1.1.1",
    ]


def test_restoring_replaces_a_numbered_list_whole() -> None:
    kept, there = lines("access-list 10 deny any"), lines("access-list 10 permit any")
    assert lines_to_restore(kept, there) == ["no access-list 10", "access-list 10 deny any"]


def test_undo_types_only_what_changed_and_never_leaves_a_device_without_a_name() -> None:
    before = lines("hostname spare\ninterface e0\n description old\nlogging host 1.1.1.1")
    now = lines(
        "hostname edge\ninterface e0\n description new\nlogging host 1.1.1.1\n"
        "router ospf 1\n area 0"
    )
    assert lines_to_undo(before, now) == [
        "no router ospf 1",
        "interface e0",
        " no description",
        "hostname spare",
        "interface e0",
        " description old",
    ]
    assert lines_to_undo(before, before) == []
