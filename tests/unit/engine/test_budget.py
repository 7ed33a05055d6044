"""A run that takes longer or moves more than its plan allows stops; a rehearsal is undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from exitkit.engine.budget import size_bytes
from exitkit.engine.run import Interrupts, drive
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event
from exitkit.store.canonical import storable
from exitkit.workspace.plan_file import plan_from_document

Make = Callable[..., Any]
START = dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)


def within(plan: Plan, **budget: dict[str, str]) -> Plan:
    return plan_from_document({**plan.document, "budget": budget})


def no_wait(state: Any) -> bool:
    return False


class Clock:
    def __init__(self) -> None:
        self.now, self.steady = START, 0.0

    def forward(self, seconds: int, *, is_set: bool = False) -> None:
        self.now += dt.timedelta(seconds=seconds)
        self.steady += 0 if is_set else seconds

    def given(self) -> dict[str, Any]:
        return {"clock": lambda: self.now, "steady": lambda: self.steady}


def test_a_rehearsal_that_takes_too_long_is_stopped_and_undone(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    slow = make_step("b", argv=["sleep", "600"], needs=["a"])
    plan = make_plan(make_milestone("M1", [make_step("a"), slow]))
    run = workshop.start(within(plan, rehearsal={"time": "2h"}), **clock.given())

    def pass_time(event: Event) -> None:
        if event.type == "step.spawned" and event.step == "b":
            clock.forward(7201)

    workshop.on_event = pass_time
    state = drive(run, Interrupts())
    assert (state.ended, state.because) == ("failed", "budget of time: 7201 s used of 2h")
    assert workshop.effects() == ["did a", "undid b", "undid a"]
    assert "budget of time" in workshop.of_type("run.failed")[0].data["message"]


def test_a_clock_that_was_set_uses_up_nothing(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    run = workshop.start(within(plan, rehearsal={"time": "2h"}), **clock.given())

    def set_clock(event: Event) -> None:
        if event.type == "step.spawned" and event.step == "a" and event.data["action"] == "run":
            clock.forward(86400, is_set=True)

    workshop.on_event = set_clock
    assert drive(run, Interrupts()).ended == "completed"


def moved(run: Any, step: str, size: int) -> None:
    """Let a step say that it moved so much, as a restorer does."""
    measured = {"category": "objects", "items": 1, "size_bytes": size, "duration_ms": 5}
    run.record("step.started", {"kind": "restore"}, milestone="M1", step=step, attempt=1)
    outcome = {"status": "succeeded", "message": "", "measurements": [measured]}
    data = {"how": "own", "outcome": outcome}
    run.record("step.succeeded", data, milestone="M1", step=step, attempt=1)


def test_a_rehearsal_that_moves_too_much_begins_nothing_more(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    run = workshop.start(within(plan, rehearsal={"volume": "1MB"}))
    moved(run, "a", 1_000_001)
    state = drive(run, Interrupts())
    assert (state.ended, state.because) == ("failed", "budget of volume: 1000001 B used of 1MB")
    # What had been moved is taken back, and b never began.
    assert workshop.effects() == ["undid a"]


def test_an_exit_over_budget_stands_still_until_somebody_decides(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    steps = [make_step("a"), make_step("b", needs=["a"])]
    plan = within(make_plan(make_milestone("M1", steps)), exit={"volume": "1MB"})
    run = workshop.start(plan, mode=Mode.EXIT)
    moved(run, "a", 2_000_000)
    assert drive(run, Interrupts(), no_wait).word == "paused"
    assert workshop.effects() == []
    # An amendment may raise it; where it does not go far enough, the run stands still again.
    for volume, ended in (("1500kB", ""), ("3MB", "completed")):
        new = storable({**plan.document, "budget": {"exit": {"volume": volume}}})
        run.journal.post({"command": "amend", "plan": new, "reason": "more", "by": "lead"})
        run.journal.post({"command": "resume", "by": "lead"})
        assert drive(run, Interrupts(), no_wait).ended == ended
    assert workshop.effects() == ["did b"]
    limits = [e.data["limit"] for e in workshop.of_type("budget.exceeded")]
    assert limits == ["1MB", "1500kB"]


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("500MB", 500_000_000), ("2GiB", 2 * 1024**3)]
)
def test_volumes_are_read_in_decimal_and_binary_units(text: str, size: int) -> None:
    assert size_bytes(text) == size
