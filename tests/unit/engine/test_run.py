"""A run goes forward once, comes back newest first, and says what it could not take back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from exitkit.engine.approvals import approve
from exitkit.engine.run import Interrupts, advance, drive
from exitkit.errors import Fenced, InputError
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event
from exitkit.store.keys import generate_key, load_private

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]


def test_steps_run_in_order_and_are_undone_newest_first(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(
        make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]),
        make_milestone("M2", [make_step("c")], depends_on=["M1"]),
    )
    state = workshop.rehearse(plan)
    assert state.ended == "completed"
    assert state.incidents == ()
    assert workshop.effects() == ["did a", "did b", "did c", "undid c", "undid b", "undid a"]
    assert [e.milestone for e in workshop.of_type("milestone.reached")] == ["M1", "M2"]
    assert workshop.types()[-1] == "run.completed"
    outcome = workshop.of_type("step.succeeded")[0].data["outcome"]
    assert outcome["status"] == "succeeded"
    assert outcome["metrics"] == {"exit_code": 0}
    assert "run.log" in outcome["artifacts"]


def test_independent_steps_run_side_by_side(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    # Each waits for the other: run one after the other they would never end.
    meet = (
        'touch "$EXITKIT_WORKSPACE/$EXITKIT_STEP"; '
        'until [ -e "$EXITKIT_WORKSPACE/$1" ]; do sleep 0.01; done'
    )
    steps = [
        make_step("a", argv=["sh", "-c", meet, "sh", "b"], timeout="20s"),
        make_step("b", argv=["sh", "-c", meet, "sh", "a"], timeout="20s"),
    ]
    assert workshop.rehearse(make_plan(make_milestone("M1", steps))).ended == "completed"


def test_a_failing_step_ends_the_run_after_undoing_what_was_done(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    fails = make_step("b", argv=["sh", "-c", "exit 7"], needs=["a"])
    plan = make_plan(make_milestone("M1", [make_step("a"), fails, make_step("c", needs=["b"])]))
    state = workshop.rehearse(plan)
    assert state.ended == "failed"
    assert workshop.effects() == ["did a", "undid b", "undid a"]
    assert workshop.of_type("step.failed")[0].data["final"] is True
    assert "sh ended with 7" in workshop.of_type("run.failed")[0].data["message"]


def test_a_step_is_tried_again_as_often_as_it_may(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    second = 'test -e "$EXITKIT_WORKSPACE/tried" || { touch "$EXITKIT_WORKSPACE/tried"; exit 1; }'
    step = make_step("a", argv=["sh", "-c", second], retries=1)
    state = workshop.rehearse(make_plan(make_milestone("M1", [step])))
    assert state.ended == "completed"
    assert [e.data["final"] for e in workshop.of_type("step.failed")] == [False]
    assert [e.attempt for e in workshop.of_type("step.started")] == [1, 2]


def test_a_step_that_hangs_is_ended_with_all_it_started(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    hang = 'sleep 600 & echo $! > "$EXITKIT_WORKSPACE/pid"; wait'
    step = make_step("a", argv=["sh", "-c", hang], timeout="8s")
    state = workshop.rehearse(make_plan(make_milestone("M1", [step])))
    assert state.ended == "failed"
    assert workshop.of_type("step.failed")[0].data["how"] == "timeout"
    pid = int((tmp_path / "pid").read_text())
    # A zombie has ended; whoever adopted it has not looked yet.
    alive = [p for p in psutil.process_iter() if p.pid == pid and p.status() != "zombie"]
    assert alive == []


def test_what_cannot_be_undone_is_an_incident(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    stuck = make_step("a", undo=["sh", "-c", "exit 1"])
    plan = make_plan(make_milestone("M1", [stuck, make_step("b", needs=["a"])]))
    state = workshop.rehearse(plan)
    assert state.ended == "completed"
    assert state.incidents == ("step a: sh ended with 1",)
    assert workshop.of_type("run.completed")[0].data["incidents"] == list(state.incidents)


def test_what_is_irreversible_is_shown_and_refused(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    close = make_step("close-account", effect="destructive", needs=["a"])
    after = make_step("after", needs=["close-account"])
    plan = make_plan(make_milestone("M1", [make_step("a"), close, after]))
    state = workshop.rehearse(plan)
    assert state.ended == "completed"
    refused = {e.step: e.data["message"] for e in workshop.of_type("step.refused")}
    assert refused == {
        "close-account": "its effect is destructive: shown, not run",
        "after": "needs close-account, which a rehearsal does not run",
    }
    assert workshop.effects() == ["did a", "undid a"]
    assert workshop.of_type("milestone.reached") == []


def test_a_milestone_left_out_of_rehearsals_is_not_run(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(
        make_milestone("M1", [make_step("a")], rehearsal={"included": False}),
        make_milestone("M2", [make_step("b")], depends_on=["M1"]),
    )
    assert workshop.rehearse(plan).ended == "completed"
    assert workshop.effects() == ["did b", "undid b"]


def test_nothing_starts_while_a_step_is_wrong(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    wrong = make_step("b", argv="rm -rf /")
    with pytest.raises(InputError, match="step b: argv: not a list"):
        workshop.start(make_plan(make_milestone("M1", [make_step("a"), wrong])))
    assert not (tmp_path / "runs").exists()


def test_an_exit_never_undoes(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a")]))
    assert workshop.rehearse(plan, mode=Mode.EXIT).ended == "completed"
    assert workshop.effects() == ["did a"]


def test_the_first_interruption_stops_and_undoes(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    slow = make_step("b", argv=["sleep", "600"], needs=["a"])
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a"), slow])))
    interrupts = Interrupts()

    def interrupt(event: Event) -> None:
        if event.type == "step.spawned" and event.step == "b" and event.data["action"] == "run":
            interrupts.count = 1

    workshop.on_event = interrupt
    state = drive(run, interrupts)
    assert state.ended == "aborted"
    assert workshop.effects() == ["did a", "undid b", "undid a"]


def test_the_second_interruption_stops_at_once_and_abort_undoes_later(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    run = workshop.start(plan)
    interrupts = Interrupts()

    def interrupt(event: Event) -> None:
        if event.type == "milestone.reached":
            interrupts.count = 1
        if event.type == "run.interrupted":
            interrupts.handle(signal.SIGINT, None)

    workshop.on_event = interrupt
    assert drive(run, interrupts).ended == ""
    run.close()
    workshop.on_event = lambda event: None
    again = workshop.resume()
    again.journal.post({"command": "abort", "by": "user:test"})
    assert drive(again, Interrupts()).ended == "aborted"
    assert workshop.effects() == ["did a", "did b", "undid b", "undid a"]


def test_a_second_coordinator_fences_the_first(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    first = workshop.start(plan)
    advance(first)
    second = workshop.resume()
    with pytest.raises(Fenced):
        drive(first, Interrupts())
    assert drive(second, Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a", "did b", "undid b", "undid a"]


def test_a_child_that_was_never_released_does_nothing(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    first = workshop.start(make_plan(make_milestone("M1", [make_step("a")])))

    def fence(event: Event) -> None:
        if event.type == "step.started" and event.attempt == 1:
            workshop.resume()

    workshop.on_event = fence
    with pytest.raises(Fenced):
        drive(first, Interrupts())
    assert workshop.effects() == []
    assert drive(workshop.open_runs[-1], Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a", "undid a"]


APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}


def approval_plan(make_plan: MakePlan, make_step: Make, make_milestone: Make, **more: Any) -> Plan:
    return make_plan(make_milestone("M1", [{**APPROVAL, **more}, make_step("a", needs=["go"])]))


def test_a_run_waits_for_an_approval_by_a_trusted_key(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    run = workshop.start(approval_plan(make_plan, make_step, make_milestone))
    assert drive(run, Interrupts(), lambda state: False).word == "blocked"
    assert workshop.effects() == []
    stranger = tmp_path / "keys" / "stranger.pem"
    generate_key(stranger, stranger.with_suffix(".pub"))
    approve(run.journal, "go", load_private(stranger), "Somebody")
    assert drive(run, Interrupts(), lambda state: False).word == "blocked"
    assert "not signed by a trusted key" in workshop.of_type("approval.rejected")[0].data["why"]
    approve(run.journal, "go", load_private(tmp_path / "keys" / "exitkit.pem"), "Exit lead")
    assert drive(run, Interrupts(), lambda state: False).ended == "completed"
    given = workshop.of_type("approval.given")[0].data
    assert given["by"] == "Exit lead"
    assert given["statement"] == "Go on."
    assert given["head"] == workshop.of_type("step.started")[0].digest


def test_two_parties_are_two_keys(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    run = workshop.start(approval_plan(make_plan, make_step, make_milestone, parties=2))
    drive(run, Interrupts(), lambda state: False)
    key = load_private(tmp_path / "keys" / "exitkit.pem")
    approve(run.journal, "go", key, "Exit lead")
    approve(run.journal, "go", key, "Exit lead under another name")
    assert drive(run, Interrupts(), lambda state: False).word == "blocked"
    assert workshop.of_type("approval.rejected")[0].data["why"] == "the same key approved already"


def test_an_approval_of_another_statement_is_rejected(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    run = workshop.start(approval_plan(make_plan, make_step, make_milestone))
    drive(run, Interrupts(), lambda state: False)
    key = load_private(tmp_path / "keys" / "exitkit.pem")
    approve(run.journal, "go", key, "Exit lead")
    # The same signed word, posted for a later request of the same step.
    envelope = run.journal.inbox()[0].body["envelope"]
    run.record("step.interrupted", {"policy": "rerun"}, milestone="M1", step="go", attempt=1)
    drive(run, Interrupts(), lambda state: False)
    assert workshop.of_type("approval.given") == []
    run.journal.post({"command": "approve", "step": "go", "envelope": envelope})
    drive(run, Interrupts(), lambda state: False)
    assert "another head" in workshop.of_type("approval.rejected")[-1].data["why"]


def test_only_a_waiting_step_can_be_approved(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a")])))
    key = load_private(tmp_path / "keys" / "exitkit.pem")
    with pytest.raises(InputError, match="does not wait for an approval"):
        approve(run.journal, "a", key, "Exit lead")


def test_no_secret_of_the_environment_is_written_down(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SANDBOX_PASSWORD", "PlantedSecret-4711")
    without = make_step("a", argv=["sh", "-c", 'test -z "$SANDBOX_PASSWORD"'])
    argv = ["sh", "-c", 'test -n "$SANDBOX_PASSWORD"']
    named = make_step("b", argv=argv, env=["SANDBOX_PASSWORD"])
    plan = make_plan(make_milestone("M1", [without, named]))
    assert workshop.rehearse(plan, environ=dict(os.environ)).ended == "completed"
    for path in (tmp_path / "runs").rglob("*"):
        if path.is_file():
            assert b"PlantedSecret" not in path.read_bytes(), path
