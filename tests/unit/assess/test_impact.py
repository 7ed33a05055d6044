"""Check that what others rely on comes first among what is lost equally."""

from __future__ import annotations

from typing import Any

import pytest

from exitkit.assess.impact import IMPACT_LEVELS, dependents
from exitkit.assess.summary import gap_groups
from exitkit.model.verdict import Level
from exitkit.store.shipped import RELATIONS


def relation(subject: str, kind: str, other: str) -> dict[str, str]:
    return {"from": subject, "relation": kind, "to": other}


@pytest.mark.parametrize(
    ("kind", "relied_on", "relying"),
    [("dependsOn", "b", "a"), ("encryptedWith", "b", "a"), ("runsOn", "b", "a"),
     ("contains", "a", "b"), ("grants", "a", "b")],
)  # fmt: skip
def test_who_relies_on_whom_follows_from_the_kind_of_relation(
    kind: str, relied_on: str, relying: str
) -> None:
    found = dependents([relation("a", kind, "b")], {"a", "b"})
    assert found == {relied_on: frozenset({relying})}


def test_explaining_and_governing_make_nobody_rely_on_another() -> None:
    rows = [relation("a", "documentedBy", "b"), relation("a", "governedBy", "b")]
    assert dependents(rows, {"a", "b"}) == {}


def test_only_wanted_assets_are_counted_and_each_that_relies_once() -> None:
    rows = [
        relation("a", "dependsOn", "key"), relation("a", "encryptedWith", "key"),
        relation("b", "dependsOn", "key"), relation("b", "dependsOn", "other"),
        relation("key", "dependsOn", "key"),
    ]  # fmt: skip
    assert dependents(rows, {"key"}) == {"key": frozenset({"a", "b"})}


def gap(number: int, asset: str, level: str, **more: Any) -> dict[str, Any]:
    return {
        "@id": f"urn:{number}", "asset": asset, "aspect": "data", "level": level,
        "reasonCode": "quota", "reasonText": f"Reason {asset}.", "responsibleParty": "customer",
        "workaround": "Ask.", **more,
    }  # fmt: skip


def test_within_a_level_what_most_assets_rely_on_comes_first() -> None:
    gaps = [gap(1, "lonely", "none"), gap(2, "key", "none"), gap(3, "busy", "open")]
    rows = [relation(name, "dependsOn", "key") for name in ("a", "b")]
    rows += [relation(name, "dependsOn", "busy") for name in ("a", "b", "c")]
    groups = gap_groups(gaps, {}, dependents(rows, {"lonely", "key", "busy"}))
    assert [(group.assets, group.dependents) for group in groups] == [
        (("key",), 2),
        (("lonely",), 0),
        (("busy",), 3),
    ]


def test_an_asset_of_the_same_group_is_no_other_asset() -> None:
    gaps = [gap(1, "a", "none", reasonText="Same."), gap(2, "b", "none", reasonText="Same.")]
    (group,) = gap_groups(gaps, {}, dependents([relation("a", "dependsOn", "b")], {"a", "b"}))
    assert group.dependents == 0


def test_every_level_that_needs_a_reason_has_its_place() -> None:
    assert set(IMPACT_LEVELS) == {level for level in Level if level.needs_reason}


def test_every_kind_of_relation_of_the_format_has_been_thought_of() -> None:
    silent = {"documentedBy", "governedBy"}
    heard = {kind for kind in RELATIONS if dependents([relation("a", kind, "b")], {"a", "b"})}
    assert heard | silent == set(RELATIONS)
