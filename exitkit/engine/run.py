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

from exitkit.engine import rehearse, waits
from exitkit.engine.approvals import APPROVAL_KIND, close_approved, request_approval
from exitkit.engine.attempts import gather, start_attempt, start_probe
from exitkit.engine.budget import keep_within_budget
from exitkit.engine.coordinator import (
    Coordinator,
    Surroundings,
    coordinator_document,
    open_run,
)
from exitkit.engine.journals import create_journal, open_journal
from exitkit.engine.messages import take_in_messages
from exitkit.engine.pools import has_room, is_full
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress
from exitkit.engine.undo import stop_forward_work, undo_next
from exitkit.errors import InputError
from exitkit.model.plan import Mode, Plan, Step
from exitkit.store.canonical import storable
from exitkit.store.files import sync_directory

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
    journal = create_journal(folder, surroundings.journal_url)
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
    return open_run(open_journal(folder), surroundings, rehearse.refusals_of)


def drive(
    run: Coordinator,
    interrupts: Interrupts,
    on_blocked: Callable[[RunState], bool] = lambda state: True,
    leaves: Callable[[], bool] = lambda: False,
) -> RunState:
    """Advance until the run ends, blocks and `on_blocked` says not to wait, or we are stopped.

    `leaves` says that somebody else is to go on with it: what is at work works on.

    The first interruption stops and undoes a rehearsal and pauses an exit; the second stops at
    once and leaves the rest to `exitkit abort`.
    """
    try:
        while not run.state.ended and not leaves():
            run.journal.hold()
            if interrupts.count:
                _interrupt(run)
            if advance(run) or run.state.ended:
                continue
            word = run.state.word
            if word == "paused" and not run.state.stopping:
                break
            if word == "blocked" and not run.state.stopping and not on_blocked(run.state):
                break
            time.sleep(BLOCKED_POLL_S if word == "blocked" else BUSY_POLL_S)
    except KeyboardInterrupt:
        # It may have come between a line's becoming durable and our knowing of it.
        run.journal.load()
    if not run.state.ended:
        handed_over = {"handed_over": True} if leaves() else {}
        run.record("coordinator.stopped", {"interrupts": interrupts.count, **handed_over})
    return run.state


def _interrupt(run: Coordinator) -> None:
    by = {"by": run.surroundings.actor}
    if run.state.mode is Mode.EXIT and not run.state.paused:
        run.record("run.paused", by)
    elif run.state.mode is Mode.REHEARSAL and not run.state.stopping:
        run.record("run.interrupted", by)


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
    take_in_messages(run)
    keep_within_budget(run)
    if run.state.stopping:
        _stop(run)
    else:
        _go_on(run)
    return run.journal.sequence != before


def _go_on(run: Coordinator) -> None:
    if run.state.paused:
        return
    _refuse(run)
    rehearse.take_inventories(run, "before")
    _note_milestones(run)
    for step in run.active_steps():
        _follow(run, step)
    for step in run.frontier.to_ask():
        _ask(run, step)
    for step in run.frontier.to_work():
        if run.state.stopping or is_full(run):
            break
        if has_room(run, step) and not _is_asleep(run, step):
            start_attempt(run, step)
    _note_milestones(run)
    if not run.state.stopping and run.frontier.is_behind_us:
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
    for name, why in run.refusals.items():
        step = run.frontier.step(name)
        if step is not None and run.of(step).progress is StepProgress.PENDING:
            run.record_step("refused", step, {"message": why})


def _note_milestones(run: Coordinator) -> None:
    front = run.frontier
    while front.opened:
        milestone = front.opened.pop(0).id
        if milestone not in run.state.milestones:
            run.record("milestone.started", {}, milestone=milestone)
    while front.closed:
        closed = front.closed.pop(0)
        done = all(run.of(step).progress is StepProgress.DONE for step in closed.steps)
        if done and run.state.milestones.get(closed.id) == "started":
            run.record("milestone.reached", {}, milestone=closed.id)


def _follow(run: Coordinator, step: Step) -> None:
    """See to a step that has begun and is neither at work nor settled."""
    state = run.of(step)
    if run.state.stopping or state.job:
        return
    if state.progress is StepProgress.IN_DOUBT and has_room(run, step):
        start_probe(run, step)
    elif state.progress is StepProgress.WAITING:
        if state.request:
            close_approved(run, step)
        elif step.kind == waits.UNTIL_KIND:
            waits.look_at_clock(run, step)
        elif has_room(run, step) and not _is_asleep(run, step):
            start_attempt(run, step)


def _ask(run: Coordinator, step: Step) -> None:
    if step.kind == APPROVAL_KIND:
        request_approval(run, step, str(step.params["statement"]))
    elif waits.asks_people(step) or step.kind == waits.UNTIL_KIND:
        waits.begin_wait(run, step)
    elif has_room(run, step) and not _is_asleep(run, step):
        start_attempt(run, step)


def _is_asleep(run: Coordinator, step: Step) -> bool:
    return run.of(step).is_asleep(run.surroundings.clock())
