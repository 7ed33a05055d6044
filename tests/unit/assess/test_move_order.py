"""A plan moves what others rely on first, or is told where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitkit.assess.move_order import TooEarly, moved_too_early, steps_before
from exitkit.model.plan import Plan
from exitkit.workspace.plan_file import plan_from_document

RELIES = [("app", "db"), ("db", "key")]
MOVES = {"move-app": ["app"], "move-db": ["db"], "move-key": ["key"]}


def plan_of(*milestones: tuple[str, dict[str, list[str]], list[str]]) -> Plan:
    """Each milestone: its name, the needs of its steps, the milestones it depends on."""
    entries: list[dict[str, Any]] = [
        {
            "id": name, "title": name, "deadline": {"anchor": "TS"}, "criteria": [],
            "steps": [{"id": step, "kind": "restore", "needs": n} for step, n in steps.items()],
            "depends_on": depends,
        }
        for name, steps, depends in milestones
    ]  # fmt: skip
    return plan_from_document(
        {"id": "P", "version": "1", "contract_ref": "C", "milestones": entries}
    )  # fmt: skip


@pytest.mark.parametrize(
    "milestones",
    [
        [("M1", {"move-key": [], "move-db": ["move-key"], "move-app": ["move-db"]}, [])],
        [("M1", {"move-key": []}, []), ("M2", {"move-db": []}, ["M1"]),
         ("M3", {"move-app": []}, ["M2"])],
        [("M1", {"move-key": [], "move-db": ["move-key"]}, []), ("M2", {}, ["M1"]),
         ("M3", {"move-app": []}, ["M2"])],
    ],
)  # fmt: skip
def test_an_order_by_needs_or_milestones_is_sure(milestones: Any) -> None:
    assert list(moved_too_early(plan_of(*milestones), MOVES, RELIES)) == []


def test_what_may_move_too_early_is_named_with_both_steps() -> None:
    plan = plan_of(("M1", {"move-app": [], "move-db": ["move-app"], "move-key": []}, []))
    assert list(moved_too_early(plan, MOVES, RELIES)) == [
        TooEarly("move-app", "app", "db", "move-db"),
        TooEarly("move-db", "db", "key", "move-key"),
    ]


def test_a_reliance_through_what_no_step_moves_counts() -> None:
    plan = plan_of(("M1", {"move-app": [], "move-key": []}, []))
    moves = {"move-app": ["app"], "move-key": ["key"]}
    assert list(moved_too_early(plan, moves, RELIES)) == [
        TooEarly("move-app", "app", "key", "move-key")
    ]


def test_what_relies_on_each_other_moves_in_any_order() -> None:
    plan = plan_of(("M1", {"move-app": [], "move-db": []}, []))
    moves = {"move-app": ["app"], "move-db": ["db"]}
    assert list(moved_too_early(plan, moves, [("app", "db"), ("db", "app")])) == []


def test_a_pair_of_steps_is_told_once() -> None:
    plan = plan_of(("M1", {"move-app": [], "move-db": []}, []))
    moves = {"move-app": ["a1", "a2"], "move-db": ["d1", "d2"]}
    relies = [("a1", "d1"), ("a1", "d2"), ("a2", "d2")]
    assert len(list(moved_too_early(plan, moves, relies))) == 1


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_what_is_over_before_a_step_is_all_it_needs_and_what_those_need(
    pairs: list[tuple[int, int]],
) -> None:
    needs: dict[str, list[str]] = {f"s{n}": [] for n in range(8)}
    for one, other in pairs:
        if one > other:
            needs[f"s{one}"].append(f"s{other}")
    plan = plan_of(("M1", needs, []))
    before = {step: steps_before(plan, step) for step in needs}
    for step in needs:
        assert set(needs[step]) <= before[step]
        assert all(before[needed] <= before[step] for needed in needs[step])
        assert step not in before[step]


def test_a_long_chain_needs_no_recursion() -> None:
    needs = {f"s{n}": [f"s{n - 1}"] if n else [] for n in range(5000)}
    assert len(steps_before(plan_of(("M1", needs, [])), "s4999")) == 4999
