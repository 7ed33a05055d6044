"""Check that two records are compared member by member, and that no secret is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitkit.assess.difference import (
    LONGEST_VALUE,
    FieldChange,
    asset_changes,
    field_changes,
    step,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def changes(old: Any, new: Any) -> list[tuple[str, str, str]]:
    return [(one.path, one.old, one.new) for one in field_changes(old, new)]


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert changes(value, value) == []


@given(JSON, JSON)
def test_whatever_differs_is_said(old: Any, new: Any) -> None:
    # A member that is null and one that is not there read alike in a report.
    if not _alike(old, new):
        assert changes(old, new)


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_alike(old.get(key), new.get(key)) for key in old.keys() | new.keys())
    return bool(old == new)


def test_members_are_named_by_their_path() -> None:
    old = {"a": {"b": 1, "c": "x"}, "gone": True}
    new = {"a": {"b": 2, "c": "x"}, "come": [1]}
    assert changes(old, new) == [("a.b", "1", "2"), ("come", "", "[1]"), ("gone", "true", "")]


def test_objects_of_a_list_are_compared_by_their_name_wherever_they_stand() -> None:
    old = [{"Key": "env", "Value": "dev"}, {"Key": "team", "Value": "a"}]
    new = [{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "prod"}]
    assert changes({"Tags": old}, {"Tags": new}) == [("Tags[env].Value", "dev", "prod")]


def test_other_lists_tell_what_went_and_what_came() -> None:
    assert changes({"g": ["sg-1", "sg-2"]}, {"g": ["sg-2", "sg-3"]}) == [
        ("g[]", "sg-1", ""),
        ("g[]", "", "sg-3"),
    ]
    assert changes({"g": ["a", "b"]}, {"g": ["b", "a"]}) == [("g", '["a","b"]', '["b","a"]')]
    assert changes({"g": ["a", "a"]}, {"g": ["a"]}) == [("g", '["a","a"]', '["a"]')]


def test_of_a_masked_secret_only_the_change_is_said() -> None:
    old, new = {"p": "<masked:11111111>"}, {"p": "<masked:22222222>"}
    assert changes(old, new) == [("p", "", "secret changed")]
    assert changes(old, {}) == [("p", "", "secret changed")]


def test_a_long_value_is_cut() -> None:
    (one,) = field_changes({"v": "x" * 500}, {"v": ""})
    assert len(one.old) == LONGEST_VALUE


def test_of_an_asset_the_files_count_and_the_native_configuration_does_not() -> None:
    def record(digest: str, native: str) -> dict[str, Any]:
        return {
            "name": "sw1",
            "artifacts": [
                {"role": "device-config", "path": "sw1.txt", "sha256": digest, "sizeBytes": 3},
                {"role": "native-config", "path": "p", "sha256": native, "sizeBytes": 9},
            ],
        }

    assert list(asset_changes(record("a", "n1"), record("a", "n2"))) == []
    assert list(asset_changes(record("a", "n"), record("b", "n"))) == [
        FieldChange("files.sw1.txt.sha256", "a", "b")
    ]


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [("open", "rehearsed", 1), ("rehearsed", "open", -1), ("unknown", "none", -1),
     ("unknown", "not-attempted", 0), ("described", "unknown", -1), ("open", "not-applicable", 0)],
)  # fmt: skip
def test_a_verdict_moves_up_or_down(old: str, new: str, direction: int) -> None:
    assert step({"level": old}, {"level": new}) == direction
