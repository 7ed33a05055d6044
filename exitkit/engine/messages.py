"""Deal with what people ask of a run from outside: each message once, and visibly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from exitkit.engine import rehearse
from exitkit.engine.amend import take_in_amendment
from exitkit.engine.approvals import describe, take_in_approval, take_in_skip
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.step_state import StepProgress
from exitkit.model.plan import Mode, Step
from exitkit.store.journal import Message


def take_in_messages(run: Coordinator) -> None:
    """Take in every message that no event tells of yet, oldest first."""
    for message in run.journal.inbox():
        if message.id not in run.state.dealt_with:
            _take_in(run, message)


def _take_in(run: Coordinator, message: Message) -> None:
    command = str(message.body.get("command", ""))
    step = run.frontier.step(str(message.body.get("step", "")))
    on_step = _ON_STEP.get(command)
    on_run = _ON_RUN.get(command)
    dealt_with = False
    if on_step is not None and step is not None:
        dealt_with = on_step(run, step, message)
    elif on_run is not None:
        dealt_with = on_run(run, message)
    if not dealt_with:
        why = f"{describe(message)}: nothing to do for it as the run stands"
        run.record("message.ignored", {"why": why, "inbox": message.id})


def _approve(run: Coordinator, step: Step, message: Message) -> bool:
    take_in_approval(run, step, message)
    return True


def _skip(run: Coordinator, step: Step, message: Message) -> bool:
    take_in_skip(run, step, message)
    return True


def _rerun(run: Coordinator, step: Step, message: Message) -> bool:
    if run.of(step).progress not in (StepProgress.HELD, StepProgress.FAILED) or run.state.stopping:
        return False
    run.record_step("released", step, _by(message))
    return True


def _abort(run: Coordinator, message: Message) -> bool:
    if run.state.mode is Mode.EXIT:
        # Nobody undoes an exit by a slip of the hand: it stands still until somebody decides.
        return _pause(run, message)
    if run.state.stopping:
        return False
    run.record("run.interrupted", _by(message))
    return True


def _pause(run: Coordinator, message: Message) -> bool:
    if run.state.paused or run.state.stopping:
        return False
    run.record("run.paused", _by(message))
    return True


def _resume(run: Coordinator, message: Message) -> bool:
    if not run.state.paused:
        return False
    run.record("run.resumed", _by(message))
    return True


def _amend(run: Coordinator, message: Message) -> bool:
    take_in_amendment(run, message)
    run.refusals = rehearse.refusals_of(run.plan, run.state)
    return True


def _by(message: Message) -> dict[str, Any]:
    return {"by": str(message.body.get("by", "")), "inbox": message.id}


_ON_STEP: Mapping[str, Callable[[Coordinator, Step, Message], bool]] = MappingProxyType(
    {"approve": _approve, "skip": _skip, "rerun": _rerun}
)
_ON_RUN: Mapping[str, Callable[[Coordinator, Message], bool]] = MappingProxyType(
    {"abort": _abort, "pause": _pause, "resume": _resume, "amend": _amend}
)
