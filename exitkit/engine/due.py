"""Tell whether a run needs somebody now, so that workers leave alone one that only waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from exitkit.engine.state import RunState, fold
from exitkit.engine.step_state import NEVER, STUCK, StepProgress, StepState
from exitkit.model.run import Event
from exitkit.store.journal import Journal

LOOK_AGAIN = dt.timedelta(hours=1)
"""How often to see whether an anchor that a step waits for has got its date."""


def is_due(journal: Journal, events: Sequence[Event], now: dt.datetime) -> bool:
    """Tell whether a run that has begun and not ended could go on now."""
    state = fold(events)
    if state.plan is None or state.ended:
        return False
    if any(message.id not in state.dealt_with for message in journal.inbox()):
        return True
    if state.stopping or any(step.job for step in state.steps.values()):
        return True
    if state.paused:
        return False
    last = events[-1]
    if last.type != "coordinator.stopped" or last.data.get("handed_over"):
        # Nobody left it in peace: its process died, or went home in the midst of it.
        return True
    return any(_wakes(state, step, now) for step in state.steps.values())


def _wakes(state: RunState, step: StepState, now: dt.datetime) -> bool:
    if step.progress not in (*STUCK, StepProgress.PENDING) or step.request:
        return False
    if step.wakes_at != NEVER:
        return step.wakes_at <= now
    return step.progress is StepProgress.WAITING and now - state.at >= LOOK_AGAIN
