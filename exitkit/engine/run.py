"""Move a run on from wherever its journal says it is, as often as anybody asks."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from exitkit.engine import rehearse
from exitkit.engine.approvals import (
    APPROVAL_KIND,
    close_approved,
    describe,
    request_approval,
    take_in_approval,
)
from exitkit.engine.attempts import gather, start_attempt, start_probe
from exitkit.engine.coordinator import (
    JOURNAL,
    Coordinator,
    Surroundings,
    coordinator_document,
    open_run,
)
from exitkit.engine.state import RunState, StepProgress
from exitkit.engine.undo import stop_forward_work, undo_next
from exitkit.errors import InputError
from exitkit.model.plan import Milestone, Mode, Plan, Step
from exitkit.store.canonical import storable
from exitkit.store.files import sync_directory
from exitkit.store.journal import Journal, Message

AT_ONCE = 2
"""Steps that run side by side where the plan lets them."""
BUSY_POLL_S = 0.02
BLOCKED_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Start:
    """What a new run is about: `bundle_path` is relative to the workspace.

    `basis` is what an exit rests on (engine/exit_basis.py): dates, periods, the rehearsal.
    """

    run: str
    plan: Plan
    mode: Mode
    bundle: str
    bundle_path: str
    by: str
    basis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Interrupts:
    """How often somebody asked to stop."""

    count: int = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Count; the second time do not wait for anything that is still going on."""
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


def start_run(runs: Path, start: Start, surroundings: Surroundings) -> Coordinator:
    """Check everything, then write the first line of a new run; nothing is touched yet."""
    rehearse.check(start.plan, surroundings, start.mode)
    folder = runs / start.run
    if folder.exists():
        raise InputError(f"{start.run}: there is such a run; `exitkit resume {start.run}` goes on")
    folder.mkdir(parents=True)
    sync_directory(runs)
    journal = Journal(folder / JOURNAL, create=True)
    run = Coordinator(journal, surroundings, RunState(), {})
    run.record(
        "run.started",
        {
            "mode": start.mode.value, "plan": storable(dict(start.plan.document)),
            "plan_digest": start.plan.digest, "bundle": start.bundle,
            "bundle_path": start.bundle_path,
            "targets": list(rehearse.used_targets(start.plan, start.mode)),
            **coordinator_document(), "by": start.by,
            **({"exit": dict(start.basis)} if start.basis else {}),
        },
    )  # fmt: skip
    run.refusals = rehearse.refusals_of(run.plan, run.state)
    return run


def resume_run(folder: Path, surroundings: Surroundings) -> Coordinator:
    """Take over the run of `folder`, verified, from whoever coordinated it before."""
    return open_run(Journal(folder / JOURNAL), surroundings, rehearse.refusals_of)


def drive(
    run: Coordinator,
    interrupts: Interrupts,
    on_blocked: Callable[[RunState], bool] = lambda state: True,
) -> RunState:
    """Advance until the run ends, blocks and `on_blocked` says not to wait, or we are stopped.

    The first interruption stops and undoes a rehearsal and pauses an exit; the second stops at
    once and leaves the rest to `exitkit abort`.
    """
    try:
        while not run.state.ended:
            if interrupts.count and not run.state.stopping:
                run.record("run.interrupted", {"by": run.surroundings.actor})
            if advance(run) or run.state.ended:
                continue
            word = run.state.word
            if run.state.mode is Mode.EXIT and word == "paused":
                break
            if word == "blocked" and not run.state.stopping and not on_blocked(run.state):
                break
            time.sleep(BLOCKED_POLL_S if word == "blocked" else BUSY_POLL_S)
    except KeyboardInterrupt:
        # It may have come between a line's becoming durable and our knowing of it.
        run.journal.load()
    if not run.state.ended:
        run.record("coordinator.stopped", {"interrupts": interrupts.count})
    return run.state


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Count interruptions for a while instead of dying of them."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupts.handle) for number in signals}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def advance(run: Coordinator) -> bool:
    """Take in what happened and start what is ready; False when there was nothing to do."""
    before = run.journal.sequence
    if run.state.ended:
        return False
    gather(run)
    for message in run.journal.inbox():
        if message.id not in run.state.dealt_with:
            _take_in(run, message)
    if run.state.stopping:
        _stop(run)
    else:
        _go_on(run)
    return run.journal.sequence != before


def _go_on(run: Coordinator) -> None:
    _refuse(run)
    rehearse.take_inventories(run, "before")
    for milestone in run.plan.milestones:
        if _is_open(run, milestone):
            _work_on(run, milestone)
    if not run.state.stopping and all(_is_closed(run, one) for one in run.plan.milestones):
        _finish(run, "completed", {})


def _stop(run: Coordinator) -> None:
    """Undo a rehearsal that cannot go on; an exit stays as it is."""
    if run.state.mode is Mode.EXIT:
        if run.state.stopping == "failed":
            run.record("run.failed", {"message": run.state.because})
        return
    stop_forward_work(run)
    if run.state.stopping == "failed":
        _finish(run, "failed", {"message": run.state.because})
    else:
        _finish(run, "aborted", {"by": run.state.because})


def _finish(run: Coordinator, word: str, data: Mapping[str, Any]) -> None:
    """Undo what is left to undo, one step at a time, look at the targets again, and end."""
    if run.state.mode is Mode.REHEARSAL:
        if undo_next(run):
            return
        rehearse.compare_inventories(run)
    run.record(f"run.{word}", {**data, "incidents": list(run.state.incidents)})


def _refuse(run: Coordinator) -> None:
    for step in run.plan.steps():
        if step.id in run.refusals and run.of(step).progress is StepProgress.PENDING:
            run.record_step("refused", step, {"message": run.refusals[step.id]})


def _work_on(run: Coordinator, milestone: Milestone) -> None:
    if milestone.id not in run.state.milestones and milestone.steps:
        run.record("milestone.started", {}, milestone=milestone.id)
    for step in milestone.steps:
        if run.state.stopping:
            return
        _work_on_step(run, step)
    done = [run.of(step).progress is StepProgress.DONE for step in milestone.steps]
    if done and all(done) and run.state.milestones[milestone.id] == "started":
        run.record("milestone.reached", {}, milestone=milestone.id)


def _work_on_step(run: Coordinator, step: Step) -> None:
    state = run.of(step)
    busy = sum(1 for other in run.state.steps.values() if other.job)
    if state.progress is StepProgress.PENDING and _needs_are_met(run, step):
        if step.kind == APPROVAL_KIND:
            request_approval(run, step)
        elif busy < AT_ONCE:
            start_attempt(run, step)
    elif state.progress is StepProgress.IN_DOUBT and not state.job and busy < AT_ONCE:
        start_probe(run, step)
    elif state.progress is StepProgress.WAITING:
        close_approved(run, step)


def _needs_are_met(run: Coordinator, step: Step) -> bool:
    return all(run.state.step(name).is_settled for name in step.needs)


def _is_open(run: Coordinator, milestone: Milestone) -> bool:
    """Tell whether a milestone may be worked on: everything it depends on is closed."""
    if not _is_part(run, milestone):
        return False
    return all(
        _is_closed(run, one) for one in run.plan.milestones if one.id in milestone.depends_on
    )


def _is_closed(run: Coordinator, milestone: Milestone) -> bool:
    if not _is_part(run, milestone):
        return True
    return all(run.of(step).is_settled for step in milestone.steps)


def _is_part(run: Coordinator, milestone: Milestone) -> bool:
    return milestone.in_rehearsal or run.state.mode is Mode.EXIT


def _take_in(run: Coordinator, message: Message) -> None:
    """Deal with one message: once, and visibly."""
    command = message.body.get("command")
    step = next((s for s in run.plan.steps() if s.id == message.body.get("step")), None)
    by = str(message.body.get("by", ""))
    if command == "approve" and step is not None:
        take_in_approval(run, step, message)
    elif command == "abort" and not run.state.stopping:
        run.record("run.interrupted", {"by": by, "inbox": message.id})
    elif command == "rerun" and step and run.of(step).progress is StepProgress.HELD:
        run.record_step("released", step, {"by": by, "inbox": message.id})
    else:
        why = f"{describe(message)}: nothing to do for it as the run stands"
        run.record("message.ignored", {"why": why, "inbox": message.id})
