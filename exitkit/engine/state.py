"""Fold a journal into where its run stands; nothing else remembers anything about a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from exitkit.assess.exit_clock import anchors_of
from exitkit.engine.step_state import (
    AT_WORK,
    NEVER,
    ON_APPROVAL,
    ON_STEP,
    STUCK,
    StepProgress,
    StepState,
)
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event, RunSummary
from exitkit.workspace.plan_file import plan_from_document


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as its journal tells it.

    `stopping` says why the run goes no further forward: ``, `failed` or `interrupted`;
    `ended` is `completed`, `failed` or `aborted` once it is over. `active` names the steps that
    are neither untouched nor settled, or have a process. `amendments` are the digests of the plans
    that came before the present one, `at` is the time of the last event. `moved_bytes` is what
    steps measured, `jumped_s` by how much the clock was set, `over_budget` what is used up,
    `led_by` the host and process that lead it or led it last.
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
    led_by: str = ""

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
        if step is not None and (step.job or step.progress in AT_WORK):
            active[name] = None
        else:
            active.pop(name, None)
    if event is None:
        return state
    dealt = state.dealt_with | dealt_with if dealt_with else state.dealt_with
    return replace(state, head=event.digest, at=event.at, dealt_with=dealt)


def _one(state: RunState, event: Event, steps: dict[str, StepState]) -> RunState:
    kind, _, rest = event.type.partition(".")
    change = ON_STEP.get(rest) if kind == "step" else None
    change = ON_APPROVAL.get(rest) if kind == "approval" else change
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
        case "coordinator" if rest == "started":
            return replace(state, led_by=_leader(event))
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
                anchors=anchors_of([event]), led_by=_leader(event),
            )  # fmt: skip
        case "run.interrupted":
            return replace(state, stopping="interrupted", because=data.get("by", ""))
        case "run.paused" | "run.resumed":
            return replace(state, paused=event.type == "run.paused")
        case "run.completed" | "run.failed" | "run.aborted":
            return replace(state, ended=event.type.removeprefix("run."), ended_at=event.at)
    return state


def _leader(event: Event) -> str:
    host = event.data.get("host", "")
    return f"{host}, process {event.data['pid']}" if host else ""


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
