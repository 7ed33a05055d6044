"""Fold the events of one step into where it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from exitkit.model.run import Event
from exitkit.store.canonical import instant

NEVER = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


class StepProgress(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    IN_DOUBT = "in-doubt"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    SKIPPED = "skipped"


SETTLED = (StepProgress.DONE, StepProgress.REFUSED, StepProgress.SKIPPED)
STUCK = (StepProgress.WAITING, StepProgress.HELD, StepProgress.FAILED)
AT_WORK = (*STUCK, StepProgress.RUNNING, StepProgress.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Job:
    """A child process that works for a step; `action` is `run`, `probe` or `undo`."""

    action: str
    label: str
    pid: int
    process_started: str
    boot_id: str
    since: dt.datetime
    host: str = ""


@dataclass(frozen=True, slots=True)
class StepState:
    """One step as the journal tells it.

    `started` is the sequence of its latest start: undoing goes by it, newest first. `failures`
    and `lost` count attempts that failed or ended unseen. `request` is the open approval request.
    `heard` is how much of what its job says the journal holds.
    `asleep_since` to `wakes_at` is how long it is to be left alone before it is tried again.
    """

    progress: StepProgress = StepProgress.PENDING
    attempt: int = 0
    started: int = 0
    failures: int = 0
    lost: int = 0
    probes: int = 0
    undo_attempts: int = 0
    job: Job | None = None
    outcome: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    approved_by: tuple[str, ...] = ()
    approvals: int = 0
    heard: int = 0
    undone: bool = False
    incident: str = ""
    asleep_since: dt.datetime = NEVER
    wakes_at: dt.datetime = NEVER
    first_waited: dt.datetime = NEVER

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be done forward for this step."""
        return self.progress in SETTLED

    def is_asleep(self, now: dt.datetime) -> bool:
        """Whether it is not to be tried yet; a clock set back does not make it sleep longer."""
        return self.asleep_since <= now < self.wakes_at


def _started(step: StepState, event: Event) -> StepState:
    return replace(
        step, progress=StepProgress.RUNNING, attempt=event.attempt, started=event.sequence, job=None
    )


def _spawned(step: StepState, event: Event) -> StepState:
    data = event.data
    action = data["action"]
    job = Job(action, data["label"], data["pid"], data["process_started"], data["boot_id"],
              event.at, data.get("host", ""))  # fmt: skip
    return replace(
        step,
        job=job,
        probes=step.probes + (action == "probe"),
        undo_attempts=step.undo_attempts + (action == "undo"),
        heard=0,
    )


def _progress(step: StepState, event: Event) -> StepState:
    return replace(step, heard=int(event.data["heard"]))


def _succeeded(step: StepState, event: Event) -> StepState:
    outcome = event.data.get("outcome", {})
    return replace(
        step, progress=StepProgress.DONE, job=None, outcome=outcome, request={},
        message=outcome.get("message", ""),
    )  # fmt: skip


def _failed(step: StepState, event: Event) -> StepState:
    final = event.data["final"]
    return replace(
        step,
        progress=StepProgress.FAILED if final else StepProgress.PENDING,
        failures=step.failures + 1,
        job=None,
        outcome=event.data.get("outcome", {}),
        message=event.data.get("message", ""),
        asleep_since=event.at,
        wakes_at=_instant_of(event, "retry_at"),
    )


def _refused(step: StepState, event: Event) -> StepState:
    return replace(
        step, progress=StepProgress.REFUSED, job=None, message=event.data["message"]
    )  # fmt: skip


def _interrupted(step: StepState, event: Event) -> StepState:
    progress = {
        "ask": StepProgress.HELD,
        "probe": StepProgress.IN_DOUBT,
        "undo": StepProgress.IN_DOUBT,
    }.get(event.data["policy"], StepProgress.PENDING)
    lost = step.lost + ("probe" not in event.data)
    return replace(step, progress=progress, job=None, lost=lost, request={})


def _released(step: StepState, event: Event) -> StepState:
    return replace(
        step, progress=StepProgress.PENDING, lost=0, failures=0, job=None, wakes_at=NEVER
    )  # fmt: skip


def _skipped(step: StepState, event: Event) -> StepState:
    message = f"skipped by {event.data['by']}: {event.data['reason']}"
    return replace(step, progress=StepProgress.SKIPPED, job=None, request={}, message=message)


def _waiting(step: StepState, event: Event) -> StepState:
    return replace(
        step, progress=StepProgress.WAITING, job=None, message=event.data["message"],
        asleep_since=event.at, wakes_at=_instant_of(event, "until"),
        first_waited=event.at if step.first_waited == NEVER else step.first_waited,
    )  # fmt: skip


def _instant_of(event: Event, name: str) -> dt.datetime:
    return instant(event.data[name]) if event.data.get(name) else NEVER


def _compensated(step: StepState, event: Event) -> StepState:
    return replace(step, undone=True, job=None)


def _compensation_failed(step: StepState, event: Event) -> StepState:
    final = event.data.get("final", True)
    return replace(step, job=None, incident=event.data["message"] if final else "")


def _requested(step: StepState, event: Event) -> StepState:
    return replace(step, progress=StepProgress.WAITING, request=event.data)


def _given(step: StepState, event: Event) -> StepState:
    # Key and, where the key is known to be somebody's, person: neither may approve twice.
    by = [event.data[name] for name in ("key_fingerprint", "person") if name in event.data]
    return replace(step, approved_by=(*step.approved_by, *by), approvals=step.approvals + 1)


_Change = Callable[[StepState, Event], StepState]
ON_STEP: Mapping[str, _Change] = MappingProxyType(
    {
        "started": _started,
        "spawned": _spawned,
        "progress": _progress,
        "succeeded": _succeeded,
        "failed": _failed,
        "refused": _refused,
        "interrupted": _interrupted,
        "released": _released,
        "skipped": _skipped,
        "waiting": _waiting,
        "compensated": _compensated,
        "compensation_failed": _compensation_failed,
    }
)
ON_APPROVAL: Mapping[str, _Change] = MappingProxyType({"requested": _requested, "given": _given})
