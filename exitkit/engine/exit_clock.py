"""Read from an exit's journal what is late, by how much, and what would bring it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from exitkit.assess.exit_clock import ClockLine, Work, anchors_of, clock, reached_on
from exitkit.engine.journals import has_journal, open_journal
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress
from exitkit.model.plan import Milestone, Mode
from exitkit.model.run import Event

_SHOWN_STEPS = 4


def exit_clock(
    runs: Path,
    state: RunState,
    events: Sequence[Event],
    contract: Mapping[str, Any],
    today: dt.date,
) -> tuple[ClockLine, ...]:
    """Return the contract's clock for an exit; a rehearsal has none."""
    if state.mode is not Mode.EXIT or state.plan is None:
        return ()
    took = _rehearsed_seconds(runs, events)
    # What an ended exit did not reach was not reached on the day it ended.
    day = state.ended_at.date() if state.ended_at else today
    work = {one.id: _work(state, one, took) for one in state.plan.milestones}
    return clock(state.plan, contract, anchors_of(events), reached_on(events), work, day)


def _work(state: RunState, milestone: Milestone, took: Mapping[str, int]) -> Work:
    left = [step.id for step in milestone.steps if not state.step(step.id).is_settled]
    known = [took[name] for name in left if name in took]
    shown = left[:_SHOWN_STEPS] + (["..."] if len(left) > _SHOWN_STEPS else [])
    return Work(
        tuple(shown),
        tuple(_waits(state, left)),
        sum(known) if known and len(known) == len(left) else None,
    )


def _waits(state: RunState, left: Iterable[str]) -> Iterable[str]:
    for name in left:
        step = state.step(name)
        if step.progress is StepProgress.WAITING and step.request:
            yield f"`exitkit approve {state.run} {name}`: it waits for that signature"
        elif step.progress is StepProgress.HELD:
            yield f"`exitkit resume {state.run} --rerun {name}` after looking at what it did"
        elif step.progress is StepProgress.FAILED:
            yield f"correct what made {name} fail: {step.message}"


def _rehearsed_seconds(runs: Path, events: Sequence[Event]) -> dict[str, int]:
    """Return how long each step took in the rehearsal this exit rests on."""
    basis = events[0].data.get("exit", {}) if events else {}
    folder = runs / str(basis.get("rehearsal", {}).get("run", ""))
    if not basis.get("rehearsal") or not has_journal(folder):
        return {}
    with open_journal(folder) as journal:
        told = journal.load()
    starts = {event.step: event.at for event in told if event.type == "step.started"}
    return {
        event.step: int((event.at - starts[event.step]).total_seconds())
        for event in told
        if event.type == "step.succeeded" and event.step in starts
    }
