"""Fold a journal into where its run stands; nothing else remembers anything about a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event, RunSummary
from exitkit.workspace.plan_file import plan_from_document

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


@dataclass(frozen=True, slots=True)
class Job:
    """A child process that works for a step; `action` is `run`, `probe` or `undo`."""

    action: str
    label: str
    pid: int
    process_started: str
    boot_id: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class StepState:
    """One step as the journal tells it.

    `started` is the sequence of its latest start: undoing goes by it, newest first. `failures`
    and `lost` count attempts that failed or ended unseen. `request` is the open approval request.
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
    undone: bool = False
    incident: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be done forward for this step."""
        return self.progress in (StepProgress.DONE, StepProgress.REFUSED)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as its journal tells it.

    `stopping` says why the run goes no further forward: ``, `failed` or `interrupted`;
    `ended` is `completed`, `failed` or `aborted` once it is over.
    """

    run: str = ""
    mode: Mode = Mode.REHEARSAL
    plan: Plan | None = None
    bundle: str = ""
    bundle_path: str = ""
    targets: tuple[str, ...] = ()
    steps: Mapping[str, StepState] = field(default_factory=dict)
    milestones: Mapping[str, str] = field(default_factory=dict)
    inventories: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    compared: Mapping[str, bool] = field(default_factory=dict)
    dealt_with: frozenset[str] = frozenset()
    stopping: str = ""
    because: str = ""
    ended: str = ""
    started_at: dt.datetime = NEVER
    ended_at: dt.datetime | None = None
    head: str = ""

    def step(self, name: str) -> StepState:
        """Where a step stands, also before anything was written about it."""
        return self.steps.get(name, StepState())

    @property
    def incidents(self) -> tuple[str, ...]:
        """What could not be taken back, one line each."""
        kept = [f"step {name}: {step.incident}" for name, step in self.steps.items()
                if step.incident]  # fmt: skip
        changed = [f"target {name}: not as it was before" for name, equal in self.compared.items()
                   if not equal]  # fmt: skip
        return (*kept, *changed)

    @property
    def word(self) -> str:
        """The state in the words of `RunSummary.state`."""
        if self.ended:
            return self.ended
        if self.stopping == "interrupted":
            return "paused"
        at_work = any(step.job for step in self.steps.values())
        stuck = (StepProgress.WAITING, StepProgress.HELD)
        waits = any(step.progress in stuck for step in self.steps.values())
        return "blocked" if waits and not at_work else "running"

    def summary(self) -> RunSummary:
        """The run in one value."""
        return RunSummary(
            run=self.run, mode=self.mode, state=self.word, started_at=self.started_at,
            ended_at=self.ended_at, plan_digest=self.plan.digest if self.plan else "",
            head=self.head,
        )  # fmt: skip


def fold(events: Iterable[Event]) -> RunState:
    """Return where the run stands after `events`."""
    state = RunState()
    for event in events:
        state = apply(state, event)
    return state


def apply(state: RunState, event: Event) -> RunState:
    """Return where the run stands after one more event; types it does not know change nothing."""
    inbox = event.data.get("inbox")
    state = replace(
        state,
        head=event.digest,
        dealt_with=state.dealt_with | {inbox} if inbox else state.dealt_with,
    )
    kind, _, rest = event.type.partition(".")
    if kind == "step" and rest in _ON_STEP:
        return _with_step(state, event.step, _ON_STEP[rest](state.step(event.step), event))
    if kind == "approval" and rest in _ON_APPROVAL:
        return _with_step(state, event.step, _ON_APPROVAL[rest](state.step(event.step), event))
    if kind == "milestone":
        return replace(state, milestones={**state.milestones, event.milestone: rest})
    if kind == "sandbox":
        return _sandbox(state, event)
    return _run(state, event) if kind == "run" else state


def _run(state: RunState, event: Event) -> RunState:
    data = event.data
    match event.type:
        case "run.started":
            return replace(
                state, run=event.run, mode=Mode(data["mode"]), started_at=event.at,
                plan=plan_from_document(data["plan"]), bundle=data["bundle"],
                bundle_path=data["bundle_path"], targets=tuple(data["targets"]),
            )  # fmt: skip
        case "run.interrupted":
            return replace(state, stopping="interrupted", because=data.get("by", ""))
        case "run.completed" | "run.failed" | "run.aborted":
            return replace(state, ended=event.type.removeprefix("run."), ended_at=event.at)
    return state


def _sandbox(state: RunState, event: Event) -> RunState:
    target = event.data["target"]
    if event.type == "sandbox.inventoried":
        key = (target, event.data["when"])
        lines = tuple(event.data["lines"])
        return replace(state, inventories={**state.inventories, key: lines})
    if event.type == "sandbox.compared":
        return replace(state, compared={**state.compared, target: event.data["equal"]})
    return state


def _with_step(state: RunState, name: str, step: StepState) -> RunState:
    stopping = state.stopping
    because = state.because
    if step.progress is StepProgress.FAILED and not stopping:
        stopping, because = "failed", f"step {name}: {step.message}"
    return replace(
        state, steps={**state.steps, name: step}, stopping=stopping, because=because
    )  # fmt: skip


def _started(step: StepState, event: Event) -> StepState:
    return replace(
        step, progress=StepProgress.RUNNING, attempt=event.attempt, started=event.sequence, job=None
    )


def _spawned(step: StepState, event: Event) -> StepState:
    data = event.data
    action = data["action"]
    job = Job(action, data["label"], data["pid"], data["process_started"], data["boot_id"],
              event.at)  # fmt: skip
    return replace(
        step,
        job=job,
        probes=step.probes + (action == "probe"),
        undo_attempts=step.undo_attempts + (action == "undo"),
    )


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
    return replace(step, progress=StepProgress.PENDING, lost=0, job=None)


def _compensated(step: StepState, event: Event) -> StepState:
    return replace(step, undone=True, job=None)


def _compensation_failed(step: StepState, event: Event) -> StepState:
    final = event.data.get("final", True)
    return replace(step, job=None, incident=event.data["message"] if final else "")


def _requested(step: StepState, event: Event) -> StepState:
    return replace(step, progress=StepProgress.WAITING, request=event.data)


def _given(step: StepState, event: Event) -> StepState:
    return replace(step, approved_by=(*step.approved_by, event.data["key_fingerprint"]))


_Change = Callable[[StepState, Event], StepState]
_ON_STEP: Mapping[str, _Change] = MappingProxyType(
    {
        "started": _started,
        "spawned": _spawned,
        "succeeded": _succeeded,
        "failed": _failed,
        "refused": _refused,
        "interrupted": _interrupted,
        "released": _released,
        "compensated": _compensated,
        "compensation_failed": _compensation_failed,
    }
)
_ON_APPROVAL: Mapping[str, _Change] = MappingProxyType({"requested": _requested, "given": _given})
