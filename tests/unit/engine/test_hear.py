"""What a step says while it works is in the journal before its end, without secrets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine import attempts, child, hear, supervise
from exitkit.model.plan import Plan

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]
SAY = (
    'cd "$EXITKIT_ATTEMPT_DIR" && echo "web1: Copy: changed" >> run.progress &&'
    ' echo "password=hunter2hunter2" >> run.progress && until [ -e heard ]; do sleep 0.01; done;'
    ' printf "last words\\nhalf a li" >> run.progress'
)


def test_lines_are_events_while_the_step_works_and_the_last_are_not_lost(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    def go_on(event: Any) -> None:
        if event.type == "step.progress":
            next((workshop.root / "runs").glob("*/artifacts/say/1")).joinpath("heard").touch()

    workshop.on_event = go_on
    say = make_step("say", argv=["sh", "-c", SAY], timeout="60s")
    state = workshop.rehearse(make_plan(make_milestone("M1", [say])))
    assert state.ended == "completed"
    types = workshop.types()
    said = [line for event in workshop.of_type("step.progress") for line in event.data["said"]]
    assert said[0] == "web1: Copy: changed"
    assert said[-1] == "last words"
    assert "hunter2hunter2" not in str(said)
    assert types.index("step.progress") < types.index("step.succeeded")
    last = len(types) - types[::-1].index("step.progress")
    assert last <= types.index("step.succeeded")
    assert "run.progress" not in workshop.of_type("step.succeeded")[0].data["outcome"]["artifacts"]


def test_a_step_that_never_stops_talking_fills_no_journal(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    talk = 'yes "a line of no interest" | head -n 9000 >> "$EXITKIT_ATTEMPT_DIR/run.progress"'
    step = make_step("say", argv=["sh", "-c", talk])
    workshop.rehearse(make_plan(make_milestone("M1", [step])))
    heard = [event.data["heard"] for event in workshop.of_type("step.progress")]
    assert heard == sorted(heard)
    assert hear.MOST_BYTES <= heard[-1] < hear.MOST_BYTES + hear.AN_EVENT_BYTES


def test_what_is_said_after_the_last_look_is_not_lost(
    workshop: Any,
    make_plan: MakePlan,
    make_step: Make,
    make_milestone: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "hear", lambda *_: None)  # every look comes too early
    talk = 'yes "a line of no interest" | head -n 2000 >> "$EXITKIT_ATTEMPT_DIR/run.progress"'
    step = make_step("say", argv=["sh", "-c", talk])
    workshop.rehearse(make_plan(make_milestone("M1", [step])))
    said = [line for event in workshop.of_type("step.progress") for line in event.data["said"]]
    assert len(said) == 2000
    types = workshop.types()
    assert types.index("step.succeeded") > len(types) - 1 - types[::-1].index("step.progress")


def test_a_child_tells_one_line_however_many_it_was_given(tmp_path: Path) -> None:
    place = supervise.progress_file(tmp_path, "run")
    say = child._sayer(str(place))
    say("one\ntwo")
    say("größer")
    assert place.read_text().splitlines() == ["one two", "größer"]
    child._sayer(os.devnull)("nobody listens")
