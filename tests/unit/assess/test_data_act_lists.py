"""Check that both lists hold everything, and that the contract's lists are held against them."""

from __future__ import annotations

from typing import Any

import pytest

from exitkit.assess.data_act_lists import Standing, clauses_of, draw_up
from exitkit.model.verdict import Level
from exitkit.report.list_words import breaches

ASSETS = {
    "b1": ("storage.bucket", "AWS::S3::Bucket"),
    "b2": ("storage.bucket", "AWS::S3::Bucket"),
    "k": ("key.encryption", "AWS::KMS::Key"),
}


def row(asset: str, aspect: str, level: str, **more: str) -> dict[str, str]:
    told = {"format": "objects"} if Level(level).rank > 1 else {
        "reasonCode": "hardware-bound-key", "reasonText": "It stays.", "source": "kms: read",
        "responsibleParty": "outgoing-provider",
    }  # fmt: skip
    return {"asset": asset, "aspect": aspect, "level": level, **told, **more}


def contract(exportable: list[dict[str, Any]], exempt: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": {"exportable": exportable, "non_exportable": exempt}}


def entry(name: str, *covers: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "category": f"category of {name}"} | (
        {"covers": [*covers]} if covers else {}
    )


BUCKETS = {"kind": "storage.*", "aspects": ["data"]}
KEYS = {"type": "AWS::KMS::*"}


@pytest.mark.parametrize(
    ("level", "promised", "exempt", "standing"),
    [
        ("open", True, False, Standing.DELIVERED),
        ("rehearsed", True, True, Standing.DELIVERED),
        ("proprietary", False, False, Standing.NOT_PROMISED),
        ("open", False, True, Standing.EXEMPT_DELIVERED),
        ("none", True, False, Standing.NOT_DELIVERED),
        ("described", True, True, Standing.NOT_DELIVERED),
        ("none", False, True, Standing.EXEMPT),
        ("described", False, False, Standing.WITHHELD),
        ("unknown", False, False, Standing.OPEN),
        ("not-attempted", False, True, Standing.OPEN),
        ("unknown", True, False, Standing.NOT_DELIVERED),
    ],
)
def test_where_a_thing_stands_follows_from_what_was_said_and_what_was_seen(
    level: str, promised: bool, exempt: bool, standing: Standing
) -> None:
    told = contract(
        [entry("E", BUCKETS)] if promised else [], [entry("N", BUCKETS)] if exempt else []
    )
    lists = draw_up([row("b1", "data", level)], ASSETS, told)
    (found,) = lists.standing(*Standing)
    assert found.standing is standing
    assert found.clauses == ("E",) * promised + ("N",) * exempt


def test_every_verdict_that_applies_is_in_exactly_one_list() -> None:
    rows = [
        row("b1", "data", "rehearsed"), row("b2", "data", "open"), row("k", "credentials", "none"),
        row("b1", "history", "described"), row("b2", "access", "unknown"),
        row("k", "configuration", "not-applicable"),
    ]  # fmt: skip
    lists = draw_up(rows, ASSETS, {})
    sizes = [
        sum(one.assets for one in found) for found in (lists.portable, lists.exempt, lists.unknown)
    ]
    assert sizes == [2, 2, 1]
    (leaving,) = lists.portable
    assert (leaving.format, leaving.levels, leaving.rehearsed) == (
        "objects", (("open", 1), ("rehearsed", 1)), 1,
    )  # fmt: skip
    assert {one.justification for one in lists.exempt} == {"It stays."}


def test_a_cover_means_only_the_aspects_it_names() -> None:
    told = contract([entry("E", BUCKETS)], [])
    lists = draw_up([row("b1", "data", "open"), row("b1", "access", "open")], ASSETS, told)
    assert {one.aspect: one.standing for one in lists.portable} == {
        "data": Standing.DELIVERED,
        "access": Standing.NOT_PROMISED,
    }


def test_a_promise_of_what_nobody_found_is_not_kept() -> None:
    told = contract([entry("E", BUCKETS), entry("K", KEYS)], [])
    lists = draw_up([row("b1", "data", "open")], ASSETS, told)
    assert [one.id for one in lists.undelivered] == ["K"]
    assert list(breaches(lists)) == [
        "K: promises category of K, and the inventory holds none of it"
    ]


def test_an_entry_that_says_not_what_it_covers_is_not_compared() -> None:
    told = contract([entry("E")], [entry("N")])
    lists = draw_up([row("b1", "data", "open"), row("k", "credentials", "none")], ASSETS, told)
    assert [one.id for one in lists.vague] == ["E", "N"]
    assert lists.undelivered == ()
    assert len(lists.standing(Standing.NOT_PROMISED, Standing.WITHHELD)) == 2


@pytest.mark.parametrize("data", ["unknown", {}, {"exportable": "unknown"}, {"exportable": ["x"]}])
def test_a_list_nobody_wrote_promises_nothing(data: Any) -> None:
    assert clauses_of({"data": data}, "exportable") == ()
