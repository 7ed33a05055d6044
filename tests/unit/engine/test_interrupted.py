"""A step whose process died unseen is asked about, run again or held, as its plan says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exitkit.engine.run import Interrupts, drive
from exitkit.engine.step_state import StepProgress
from exitkit.model.plan import Mode

Make = Callable[..., Any]
# The first time it kills the process that runs it, after or before its effect, and hangs.
AFTER = "echo did >> effects; [ -e died ] || { touch died; kill -9 $PPID; }"
BEFORE = "[ -e died ] || { touch died; kill -9 $PPID; sleep 600; }; echo did >> effects"
ASKED = ["grep", "-qx", "did", "effects"]


def no_wait(state: Any) -> bool:
    return False


@pytest.mark.parametrize(
    ("script", "attempts", "how"),
    [(AFTER, [1], "probe"), (BEFORE, [1, 2], "own")],
    ids=["done", "not-done"],
)
def test_a_probe_decides_whether_a_lost_step_was_done(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make,
    script: str, attempts: list[int], how: str,
) -> None:  # fmt: skip
    step = make_step("a", argv=["sh", "-c", script], probe=ASKED, on_interrupt="probe")
    run = workshop.start(make_plan(make_milestone("M1", [step])), mode=Mode.EXIT)
    assert drive(run, Interrupts()).ended == "completed"
    assert workshop.effects() == ["did"]
    assert [e.attempt for e in workshop.of_type("step.started")] == attempts
    assert workshop.of_type("step.succeeded")[0].data["how"] == how


def test_a_lost_step_that_nobody_may_repeat_is_held_until_somebody_looked(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    step = make_step("a", argv=["sh", "-c", BEFORE], on_interrupt="ask")
    run = workshop.start(make_plan(make_milestone("M1", [step])), mode=Mode.EXIT)
    state = drive(run, Interrupts(), no_wait)
    assert (state.word, state.step("a").progress) == ("blocked", StepProgress.HELD)
    assert workshop.effects() == []
    run.journal.post({"command": "rerun", "step": "a", "by": "user:lead"})
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    assert workshop.effects() == ["did"]
    assert workshop.of_type("step.released")[0].data["by"] == "user:lead"


def test_a_destructive_step_is_held_even_where_the_plan_says_nothing(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    step = make_step("a", argv=["sh", "-c", AFTER], effect="destructive")
    run = workshop.start(make_plan(make_milestone("M1", [step])), mode=Mode.EXIT)
    state = drive(run, Interrupts(), no_wait)
    assert state.step("a").progress is StepProgress.HELD
    assert workshop.effects() == ["did"]
