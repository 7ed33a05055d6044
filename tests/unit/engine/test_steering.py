"""People steer a run: pause, amend, skip, wait, sign; nothing finished is ever done again."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.drivers.ssh_keygen import sign_with_ssh_key
from exitkit.engine.approvals import approval_of, approve, post_approval, post_skip, skip_of
from exitkit.engine.run import Interrupts, advance, drive
from exitkit.engine.signed_words import (
    APPROVAL_PREDICATE,
    SKIP_PREDICATE,
    ssh_envelope,
    statement_bytes,
)
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress
from exitkit.errors import InputError
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event
from exitkit.store.canonical import storable
from exitkit.store.keys import generate_key, load_private
from exitkit.store.seal import sign_statement
from exitkit.store.ssh_signature import read_allowed_signers
from exitkit.workspace.plan_file import plan_from_document

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]
START = dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)


def no_wait(state: RunState) -> bool:
    return False


class Clock:
    """A clock that is set by hand, and the steady seconds that go with it."""

    def __init__(self) -> None:
        self.now = START
        self.steady = 0.0

    def forward(self, **how: float) -> None:
        step = dt.timedelta(**how)
        self.now += step
        self.steady += step.total_seconds()

    def set(self) -> dict[str, Any]:
        return {"clock": lambda: self.now, "steady": lambda: self.steady}


def test_a_pause_lets_nothing_begin_and_undoes_nothing(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    run = workshop.start(plan, mode=Mode.EXIT)

    def pause(event: Event) -> None:
        if event.type == "step.spawned" and event.step == "a":
            run.journal.post({"command": "pause", "by": "user:lead"})

    workshop.on_event = pause
    assert drive(run, Interrupts()).word == "paused"
    assert workshop.effects() == ["did a"]
    assert workshop.of_type("run.paused")[0].data["by"] == "user:lead"
    run.journal.post({"command": "resume", "by": "user:lead"})
    assert drive(run, Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a", "did b"]


def test_an_interrupted_exit_pauses_and_goes_on_where_it_was(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a"), make_step("b", needs=["a"])]))
    run = workshop.start(plan, mode=Mode.EXIT)
    interrupts = Interrupts()

    def interrupt(event: Event) -> None:
        if event.type == "step.spawned" and event.step == "a":
            interrupts.count = 1

    workshop.on_event = interrupt
    assert drive(run, interrupts).word == "paused"
    run.close()
    again = workshop.resume()
    again.journal.post({"command": "resume", "by": "user:test"})
    assert drive(again, Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a", "did b"]
    assert [e.step for e in workshop.of_type("step.started")] == ["a", "b"]


def test_an_abort_only_pauses_an_exit(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a")])), mode=Mode.EXIT)
    run.journal.post({"command": "abort", "by": "user:test"})
    state = drive(run, Interrupts())
    assert (state.word, workshop.effects()) == ("paused", [])


def test_a_failed_step_of_an_exit_waits_for_a_decision(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    picky = make_step("a", argv=["sh", "-c", 'test -e "$EXITKIT_WORKSPACE/right"'])
    plan = make_plan(make_milestone("M1", [picky, make_step("b")]))
    run = workshop.start(plan, mode=Mode.EXIT)
    state = drive(run, Interrupts(), no_wait)
    assert (state.word, state.step("a").progress) == ("blocked", StepProgress.FAILED)
    # What does not hang on it goes on, and nothing is undone.
    assert workshop.effects() == ["did b"]
    (tmp_path / "right").touch()
    run.journal.post({"command": "rerun", "step": "a", "by": "user:test"})
    assert drive(run, Interrupts(), no_wait).ended == "completed"


@pytest.mark.parametrize(
    ("pools", "more", "most"),
    [
        ({"total": 3}, {}, 3),
        ({"total": 3, "per_account": 1}, {"account": "123456789012"}, 1),
        ({"total": 3, "named": {"tape": 2}}, {"pool": "tape"}, 2),
        ({"total": 3}, {"pool": "line"}, 1),
    ],
)
def test_no_more_steps_run_at_once_than_the_pools_let(
    workshop: Any, make_step: Make, make_milestone: Make, make_plan: MakePlan,
    pools: dict[str, Any], more: dict[str, Any], most: int,
) -> None:  # fmt: skip
    steps = [make_step(name, argv=["true"], **more) for name in "abcd"]
    document = make_plan(make_milestone("M1", steps)).document
    at_once: list[int] = []
    run = workshop.start(plan_from_document({**document, "pools": pools}), mode=Mode.EXIT)
    workshop.on_event = lambda event: at_once.append(len(run.jobs()))
    assert drive(run, Interrupts()).ended == "completed"
    assert max(at_once) == most


def test_a_retry_waits_longer_each_time(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    step = make_step("a", argv=["false"], retries=2, backoff="10m")
    run = workshop.start(make_plan(make_milestone("M1", [step])), **clock.set())
    begun = []
    workshop.on_event = lambda e: begun.append(e.at) if e.type == "step.started" else None
    while not run.state.ended:
        if not advance(run) and not run.state.active:
            clock.forward(minutes=1)
    assert [at - START for at in begun] == [dt.timedelta(minutes=m) for m in (0, 10, 30)]


def test_a_clock_set_back_does_not_put_a_retry_off(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    step = make_step("a", argv=["false"], retries=1, backoff="10m")
    run = workshop.start(make_plan(make_milestone("M1", [step])), **clock.set())
    while not workshop.of_type("step.failed"):
        advance(run)
    clock.now -= dt.timedelta(days=400)
    assert drive(run, Interrupts()).ended == "failed"
    jump = workshop.of_type("clock.anomaly")[0].data["jump_s"]
    assert jump == -400 * 86400


def test_a_clock_set_forward_ends_no_step(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a")])), **clock.set())
    workshop.on_event = lambda event: (
        setattr(clock, "now", START + dt.timedelta(days=45))
        if event.type == "step.spawned" else None
    )  # fmt: skip
    assert drive(run, Interrupts()).ended == "completed"
    assert workshop.of_type("clock.anomaly")[0].data["jump_s"] == 45 * 86400


def amended(plan: Plan, *milestones: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = storable({**plan.document, "version": "2"})
    return {**document, "milestones": list(milestones)}


def test_an_amended_plan_changes_what_has_not_begun(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    first = make_milestone("M1", [make_step("a")])
    plan = make_plan(
        first, make_milestone("M2", [{**APPROVAL}, make_step("b", needs=["go"])], depends_on=["M1"])
    )
    run = workshop.start(plan)
    drive(run, Interrupts(), no_wait)
    second = make_milestone(
        "M2", [{**APPROVAL}, make_step("c", needs=["go"])], depends_on=["M1"]
    )  # fmt: skip
    new = amended(plan, first, second)
    run.journal.post({"command": "amend", "plan": new, "reason": "b is gone", "by": "user:lead"})
    run.close()
    again = workshop.resume()
    drive(again, Interrupts(), no_wait)
    told = workshop.of_type("plan.amended")[0].data
    assert told["previous_digest"] == plan.digest
    assert told["plan_digest"] == plan_from_document(new).digest == again.plan.digest
    approve(again.journal, "go", load_private(tmp_path / "keys" / "exitkit.pem"), "Lead")
    assert drive(again, Interrupts(), no_wait).ended == "completed"
    assert workshop.effects() == ["did a", "did c", "undid c", "undid a"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"argv": ["true"]}, "step a is done and is no longer what it was"),
        ({"id": "other"}, "step a is done and is no longer what it was"),
        ({"kind": "rub-out"}, "step a is done"),
        ({"needs": ["nothing"]}, 'no step "nothing"'),
    ],
)
def test_an_amendment_of_what_is_done_is_rejected(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make,
    change: dict[str, Any], why: str,
) -> None:  # fmt: skip
    plan = make_plan(make_milestone("M1", [make_step("a"), APPROVAL]))
    run = workshop.start(plan)
    drive(run, Interrupts(), no_wait)
    new = amended(plan, make_milestone("M1", [{**make_step("a"), **change}, APPROVAL]))
    run.journal.post({"command": "amend", "plan": new, "by": "user:lead"})
    drive(run, Interrupts(), no_wait)
    assert why in workshop.of_type("plan.amend_rejected")[0].data["why"]
    assert run.plan.digest == plan.digest


APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}


def test_a_step_is_skipped_for_a_signed_reason(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    plan = make_plan(make_milestone("M1", [
        make_step("a", argv=["false"]), make_step("b", needs=["a"]),
    ]))  # fmt: skip
    run = workshop.start(plan, mode=Mode.EXIT)
    drive(run, Interrupts(), no_wait)
    word = skip_of(run.journal, "a", "Moved by hand, ticket 4711.", "Lead")
    stranger = tmp_path / "stranger.pem"
    generate_key(stranger, stranger.with_suffix(".pub"))
    for key in (stranger, tmp_path / "keys" / "exitkit.pem"):
        envelope = sign_statement(statement_bytes(SKIP_PREDICATE, word), load_private(key))
        post_skip(run.journal, "a", envelope)
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    assert "not signed by a trusted key" in workshop.of_type("message.ignored")[0].data["why"]
    assert workshop.of_type("step.skipped")[0].data["reason"] == "Moved by hand, ticket 4711."
    assert workshop.effects() == ["did b"]
    assert workshop.of_type("milestone.reached") == []


def test_an_approval_is_never_skipped(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [APPROVAL, make_step("a")])))
    drive(run, Interrupts(), no_wait)
    with pytest.raises(InputError, match="an approval cannot be skipped"):
        skip_of(run.journal, "go", "In a hurry.", "Lead")


def test_two_people_approve_with_their_ssh_keys(
    workshop: Any, make_plan: MakePlan, make_milestone: Make, tmp_path: Path
) -> None:
    lines = []
    for name in ("ann", "ben", "ann-too"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name]
        subprocess.run(make, cwd=tmp_path, check=True)
        lines.append(f"{name[:3]}@example.org " + (tmp_path / f"{name}.pub").read_text())
    (tmp_path / "allowed").write_text("# who may approve\n" + "".join(lines))
    signers = read_allowed_signers(tmp_path / "allowed")
    run = workshop.start(
        make_plan(make_milestone("M1", [{**APPROVAL, "parties": 2}])), allowed_signers=signers
    )
    drive(run, Interrupts(), no_wait)
    for key, by in (("ann", "ann"), ("ann-too", "ann"), ("ann", "ben"), ("ben", "ben")):
        word = approval_of(run.journal, "go", f"{by}@example.org")
        payload = statement_bytes(APPROVAL_PREDICATE, word)
        armored = sign_with_ssh_key(payload, tmp_path / key)
        post_approval(run.journal, "go", ssh_envelope(payload, armored))
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    why = [e.data["why"] for e in workshop.of_type("approval.rejected")]
    assert why == [
        "the same person approved already",
        "its SSH key does not speak for ben@example.org now",
    ]
    given = [e.data["person"] for e in workshop.of_type("approval.given")]
    assert given == ["ann@example.org", "ben@example.org"]


def test_a_wait_ends_with_its_date_and_no_process_lives_meanwhile(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    clock = Clock()
    wait = {"id": "w", "kind": "wait-until", "after": "P30D"}
    plan = make_plan(make_milestone("M1", [wait, make_step("a", needs=["w"])]))
    run = workshop.start(plan, mode=Mode.EXIT, **clock.set())
    for _ in range(30):
        assert drive(run, Interrupts(), no_wait).word == "blocked"
        run.close()
        clock.forward(days=1)
        run = workshop.resume(**clock.set())
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    assert [e.data["until"][:10] for e in workshop.of_type("step.waiting")] == ["2026-12-31"]


def test_an_anchor_that_gets_its_date_ends_the_wait(
    workshop: Any, make_plan: MakePlan, make_milestone: Make
) -> None:
    clock = Clock()
    wait = {"id": "w", "kind": "wait-until", "anchor": "TA", "offset": "P2D"}
    run = workshop.start(make_plan(make_milestone("M1", [wait])), mode=Mode.EXIT, **clock.set())
    drive(run, Interrupts(), no_wait)
    assert "TA has no date" in run.state.step("w").message
    run.close()
    known = {"anchors": {"TA": START.date()}, **clock.set()}
    run = workshop.resume(**known)
    assert drive(run, Interrupts(), no_wait).word == "blocked"
    clock.forward(days=2)
    assert drive(run, Interrupts(), no_wait).ended == "completed"


def test_a_fact_is_looked_for_until_it_holds(
    workshop: Any, make_plan: MakePlan, make_milestone: Make, tmp_path: Path
) -> None:
    clock = Clock()
    look = ["sh", "-c", 'test -e "$EXITKIT_WORKSPACE/receipt"']
    wait = {
        "id": "w", "kind": "wait-for", "fact": "The notice was received.", "check": look,
        "every": "6h", "at_most": "P10D",
    }  # fmt: skip
    run = workshop.start(make_plan(make_milestone("M1", [wait])), mode=Mode.EXIT, **clock.set())
    for _ in range(2):
        assert drive(run, Interrupts(), no_wait).word == "blocked"
        clock.forward(hours=6)
    (tmp_path / "receipt").touch()
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    assert [e.at - START for e in workshop.of_type("step.started")] == [
        dt.timedelta(hours=h) for h in (0, 6, 12)
    ]
    assert workshop.of_type("step.succeeded")[0].data["outcome"]["metrics"] == {"holds": True}


def test_a_fact_that_never_holds_fails_in_the_end(
    workshop: Any, make_plan: MakePlan, make_milestone: Make
) -> None:
    clock = Clock()
    wait = {
        "id": "w", "kind": "wait-for", "fact": "It is so.", "check": ["false"], "every": "1d",
        "at_most": "P2D",
    }  # fmt: skip
    run = workshop.start(make_plan(make_milestone("M1", [wait])), mode=Mode.EXIT, **clock.set())
    while run.state.step("w").progress is not StepProgress.FAILED:
        drive(run, Interrupts(), no_wait)
        clock.forward(days=1)
    assert len(workshop.of_type("step.waiting")) == 2


def test_a_fact_that_people_attest_is_signed(
    workshop: Any, make_plan: MakePlan, make_milestone: Make, tmp_path: Path
) -> None:
    wait = {"id": "w", "kind": "wait-for", "fact": "The keys were handed over."}
    run = workshop.start(make_plan(make_milestone("M1", [wait])), mode=Mode.EXIT)
    drive(run, Interrupts(), no_wait)
    approve(run.journal, "w", load_private(tmp_path / "keys" / "exitkit.pem"), "Lead")
    assert drive(run, Interrupts(), no_wait).ended == "completed"
    assert workshop.of_type("approval.given")[0].data["statement"] == "The keys were handed over."


def test_a_rehearsal_waits_for_nothing_but_people(
    workshop: Any, make_plan: MakePlan, make_milestone: Make
) -> None:
    waits = [
        {"id": "date", "kind": "wait-until", "after": "P90D"},
        {"id": "word", "kind": "wait-for", "fact": "The provider answered."},
        {"id": "seen", "kind": "wait-for", "fact": "It is gone.", "check": ["false"]},
    ]
    state = workshop.rehearse(make_plan(make_milestone("M1", waits)))
    assert state.ended == "completed"
    metrics = {e.step: e.data["outcome"]["metrics"] for e in workshop.of_type("step.succeeded")}
    assert metrics == {"date": {"waited": False}, "word": {"waited": False},
                       "seen": {"holds": False}}  # fmt: skip


def test_what_a_rehearsal_leaves_out_keeps_back_what_needs_it(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(
        make_milestone("M1", [make_step("a")], rehearsal={"included": False}),
        make_milestone("M2", [make_step("b", needs=["a"]), make_step("c")]),
    )
    assert workshop.rehearse(plan).ended == "completed"
    assert workshop.effects() == ["did c", "undid c"]
