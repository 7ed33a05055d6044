"""Hold the exit plan as people agreed it: phases, milestones, criteria and the steps between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """One plan, two modes: a rehearsal undoes what it did, an exit pauses and never undoes."""

    REHEARSAL = "rehearsal"
    EXIT = "exit"


class Effect(StrEnum):
    """What a step does to the world outside the workspace."""

    NONE = "none"
    EXTERNAL_READ = "external-read"
    EXTERNAL_WRITE = "external-write"
    DESTRUCTIVE = "destructive"


class OnInterrupt(StrEnum):
    """What to do with a step whose end was not recorded."""

    RERUN = "rerun"
    PROBE = "probe"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work of a milestone.

    `kind` names a file of `steps/`; `params` are that kind's own fields, JSON-compatible.
    `needs` are ids of steps of the same plan; a milestone also waits for the ones it depends on.
    `timeout_s` ends an attempt; `retries` counts further attempts after the first, `backoff_s` is
    the pause before the first of them, doubled before each other. `pool` names what few may use.
    """

    id: str
    kind: str
    params: Mapping[str, Any]
    effect: Effect = Effect.NONE
    needs: tuple[str, ...] = ()
    timeout_s: int = 3600
    retries: int = 0
    on_interrupt: OnInterrupt = OnInterrupt.RERUN
    backoff_s: int = 0
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Anchor plus offset: `anchor` of regulation (T0, TS, TREH ...), `offset` ISO 8601 (P10D).

    `calendar` is `calendar` or `working`.
    """

    anchor: str
    offset: str = "P0D"
    calendar: str = "calendar"


@dataclass(frozen=True, slots=True)
class Criterion:
    """A machine-checkable condition of a milestone.

    `metric` is looked up in the results of the milestone's steps (`Outcome.metrics`), where
    `step` is named only in that step's; it is compared by `op` (`==`, `!=`, `>=`, `<=`, `>`,
    `<`) with `value`. A metric that no step measured is never a pass.
    """

    id: str
    kind: str
    metric: str
    op: str
    value: int | str | bool
    unit: str
    evidence: str
    step: str = ""
    auto: bool = True


@dataclass(frozen=True, slots=True)
class Milestone:
    """A dated promise of the contract with the criteria that prove it.

    `duration` is how long its work takes once it can begin, `not_before` an anchor it waits for.
    """

    id: str
    phase: str
    title: Mapping[str, str]
    deadline: Deadline
    criteria: tuple[Criterion, ...]
    steps: tuple[Step, ...] = ()
    depends_on: tuple[str, ...] = ()
    contract_clause: str = ""
    raci: Mapping[str, Any] = field(default_factory=dict)
    in_rehearsal: bool = True
    duration: str = ""
    not_before: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A named stretch of the exit between two anchors."""

    id: str
    name: Mapping[str, str]
    start: Deadline
    end: Deadline


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole `exit-plan.yaml`; `digest` is SHA-256 over its canonical JSON.

    `document` is the parsed file for the rules that look at its further fields.
    """

    id: str
    version: str
    contract: str
    digest: str
    phases: tuple[Phase, ...]
    milestones: tuple[Milestone, ...]
    document: Mapping[str, Any]

    def steps(self) -> tuple[Step, ...]:
        """All steps in plan order."""
        return tuple(step for milestone in self.milestones for step in milestone.steps)
