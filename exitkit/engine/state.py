"""Fold a journal into where its run stands; nothing else remembers anything about a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from exitkit.assess.exit_clock import anchors_of
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event, RunSummary
from exitkit.store.canonical import instant
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
    SKIPPED = "skipped"


SETTLED = (StepProgress.DONE, StepProgress.REFUSED, StepProgress.SKIPPED)
STUCK = (StepProgress.WAITING, StepProgress.HELD, StepProgress.FAILED)
_AT_WORK = (*STUCK, StepProgress.RUNNING, StepProgress.IN_DOUBT)


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


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as its journal tells it.

    `stopping` says why the run goes no further forward: ``, `failed` or `interrupted`;
    `ended` is `completed`, `failed` or `aborted` once it is over. `active` names the steps that
    are neither untouched nor settled, or have a process. `amendments` are the digests of the plans
    that came before the present one, `at` is the time of the last event. `moved_bytes` is what
    steps measured, `jumped_s` by how much the clock was set, `over_budget` what is used up.
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
    active: Mapping[str, None] = field(default_factory=dict)
    paused: bool = False
    amendments: tuple[str, ...] = ()
    at: dt.datetime = NEVER
    anchors: Mapping[str, dt.date] = field(default_factory=dict)
    moved_bytes: int = 0
    jumped_s: int = 0
    over_budget: tuple[str, ...] = ()

    def step(self, name: str) -> StepState:
        """Where a step stands, also before anything was written about it."""
        return self.steps.get(name, StepState())

    @property
    def incidents(self) -> tuple[str, ...]:
        """What could not be taken back, and what a target's quota stopped, one line each."""
        kept = [f"step {name}: {step.incident}" for name, step in self.steps.items()
                if step.incident]  # fmt: skip
        stopped = [f"step {name}: {step.message}" for name, step in self.steps.items()
                   if step.outcome.get("metrics", {}).get("quota_exceeded")]  # fmt: skip
        changed = [f"target {name}: not as it was before" for name, equal in self.compared.items()
                   if not equal]  # fmt: skip
        return (*kept, *stopped, *changed)

    @property
    def word(self) -> str:
        """The state in the words of `RunSummary.state`."""
        if self.ended:
            return self.ended
        if self.stopping == "interrupted":
            return "paused"
        active = [self.step(name) for name in self.active]
        if any(step.job for step in active):
            return "running"
        if self.paused:
            return "paused"
        return "blocked" if any(step.progress in STUCK for step in active) else "running"

    def summary(self) -> RunSummary:
        """The run in one value."""
        return RunSummary(
            run=self.run, mode=self.mode, state=self.word, started_at=self.started_at,
            ended_at=self.ended_at, plan_digest=self.plan.digest if self.plan else "",
            head=self.head,
        )  # fmt: skip


def fold(events: Iterable[Event]) -> RunState:
    """Return where the run stands after `events`."""
    return _after(RunState(), events)


def apply(state: RunState, event: Event) -> RunState:
    """Return where the run stands after one more event; types it does not know change nothing."""
    return _after(state, (event,))


def _after(state: RunState, events: Iterable[Event]) -> RunState:
    # Copied once for all the events: a journal of 100,000 lines must open in seconds.
    steps, active = dict(state.steps), dict(state.active)
    state = replace(state, steps=steps, active=active)
    dealt_with = set[str]()
    event = None
    for event in events:
        state = _one(state, event, steps)
        if inbox := event.data.get("inbox"):
            dealt_with.add(inbox)
        name = event.step
        step = steps.get(name)
        if step is not None and (step.job or step.progress in _AT_WORK):
            active[name] = None
        else:
            active.pop(name, None)
    if event is None:
        return state
    dealt = state.dealt_with | dealt_with if dealt_with else state.dealt_with
    return replace(state, head=event.digest, at=event.at, dealt_with=dealt)


def _one(state: RunState, event: Event, steps: dict[str, StepState]) -> RunState:
    kind, _, rest = event.type.partition(".")
    change = _ON_STEP.get(rest) if kind == "step" else None
    change = _ON_APPROVAL.get(rest) if kind == "approval" else change
    if change is not None:
        steps[event.step] = change(state.step(event.step), event)
        measured = event.data.get("outcome", {}).get("measurements", ())
        if measured:
            moved = state.moved_bytes + sum(int(one["size_bytes"]) for one in measured)
            state = replace(state, moved_bytes=moved)
        return _failing(state, event.step, steps[event.step])
    match kind:
        case "milestone":
            return replace(state, milestones={**state.milestones, event.milestone: rest})
        case "sandbox":
            return _sandbox(state, event)
        case "plan":
            return _plan(state, event)
        case "run":
            return _run(state, event)
        case "clock":
            return replace(state, jumped_s=state.jumped_s + int(event.data["jump_s"]))
        case "budget":
            return _over_budget(state, event)
    return state


def _run(state: RunState, event: Event) -> RunState:
    data = event.data
    match event.type:
        case "run.started":
            return replace(
                state, run=event.run, mode=Mode(data["mode"]), started_at=event.at,
                plan=plan_from_document(data["plan"]), bundle=data["bundle"],
                bundle_path=data["bundle_path"], targets=tuple(data["targets"]),
                anchors=anchors_of([event]),
            )  # fmt: skip
        case "run.interrupted":
            return replace(state, stopping="interrupted", because=data.get("by", ""))
        case "run.paused" | "run.resumed":
            return replace(state, paused=event.type == "run.paused")
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


def _plan(state: RunState, event: Event) -> RunState:
    if event.type != "plan.amended":
        return state
    return replace(
        state,
        plan=plan_from_document(event.data["plan"]),
        amendments=(*state.amendments, event.data["previous_digest"]),
        targets=tuple(event.data["targets"]),
        over_budget=(),
    )


def _failing(state: RunState, name: str, step: StepState) -> RunState:
    """A rehearsal ends with its first step that fails for good; an exit waits for a decision."""
    if step.progress is not StepProgress.FAILED or state.stopping or state.mode is Mode.EXIT:
        return state
    return replace(state, stopping="failed", because=f"step {name}: {step.message}")


def _over_budget(state: RunState, event: Event) -> RunState:
    """A rehearsal ends and undoes; an exit waits for somebody who lets it go on, or amends it."""
    what, limit, used = (str(event.data[name]) for name in ("what", "limit", "used"))
    state = replace(state, over_budget=(*state.over_budget, what))
    if state.mode is Mode.EXIT:
        return replace(state, paused=True)
    return replace(state, stopping="failed", because=f"budget of {what}: {used} used of {limit}")


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
_ON_STEP: Mapping[str, _Change] = MappingProxyType(
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
_ON_APPROVAL: Mapping[str, _Change] = MappingProxyType({"requested": _requested, "given": _given})
