"""Check that what hurts most comes first, and that shares never look better than they are."""

from __future__ import annotations

from typing import Any

from exitkit.assess.summary import gap_groups, split_by, tally, tally_by
from exitkit.model.verdict import Level


def row(number: int, level: str, aspect: str = "data", **more: Any) -> dict[str, Any]:
    return {
        "@id": f"urn:{number}", "asset": f"asset-{number}", "aspect": aspect, "level": level,
        "reasonCode": "quota", "reasonText": "Too much.", "responsibleParty": "customer",
        "workaround": "Ask.", **more,
    }  # fmt: skip


ROWS = [
    row(1, "open"),
    row(2, "none"),
    row(3, "none"),
    row(4, "unknown", "access", responsibleParty="tool"),
    row(5, "importable"),
    row(6, "not-applicable"),
]


def test_levels_are_counted_weakest_first() -> None:
    assert tally(ROWS).counts == (
        ("unknown", 1), ("none", 2), ("open", 1), ("importable", 1), ("not-applicable", 1),
    )  # fmt: skip


def test_a_share_of_the_unknown_is_rounded_up() -> None:
    assert tally(ROWS).permille(Level.UNKNOWN) == 167
    assert tally([]).permille(Level.UNKNOWN) == 0


def test_verdicts_are_counted_within_each_aspect_and_kind() -> None:
    assert {word: one.total for word, one in tally_by(ROWS, "aspect").items()} == {
        "access": 1,
        "data": 5,
    }
    kinds = {f"asset-{number}": "db.database" for number in range(1, 6)}
    assert {word: one.total for word, one in tally_by(ROWS, kinds).items()} == {
        "?": 1,
        "db.database": 5,
    }


def test_gaps_with_one_obstacle_are_one_group_and_what_is_lost_for_certain_leads() -> None:
    groups = gap_groups(ROWS, {"asset-2": "X/A", "asset-3": "X/B"})
    assert [(group.level, group.count) for group in groups] == [
        ("none", 2),
        ("unknown", 1),
        ("open", 1),
    ]
    assert groups[0].native_types == ("X/A", "X/B")


def test_who_can_change_most_comes_first() -> None:
    assert list(split_by(gap_groups(ROWS, {}), "responsible")) == ["customer", "tool"]
