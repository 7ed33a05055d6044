"""Hold the parts of a report that a run's journal tells: values only, no words for people."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.report.figure import Figure


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """A criterion against what was measured; `event` is the journal line (0: none)."""

    id: str
    metric: str
    unit: str
    op: str
    expected: Figure | None
    measured: Figure | None
    verdict: str
    event: int
    because: str


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """One milestone with the judge's word on it."""

    id: str
    title: str
    clause: str
    verdict: str
    because: str
    criteria: tuple[CriterionRow, ...]
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LossRow:
    """Something the target dropped, and the last journal line that says so."""

    loss: str
    step: str
    event: int


@dataclass(frozen=True, slots=True)
class UnequalItems:
    """Items of one step that did not come back equal, in the same way; the first by name."""

    result: str
    detail: str
    figure: Figure
    items: tuple[str, ...]
    step: str
    event: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """How the last attempt of a step ended; `undone` is the line of its undoing (0: none)."""

    milestone: str
    step: str
    kind: str
    ended: str
    message: str
    event: int
    undone: int = 0


@dataclass(frozen=True, slots=True)
class SandboxRow:
    """Whether a sandbox target is again as it was before."""

    target: str
    equal: bool
    differences: tuple[str, ...]
    event: int


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A statement that somebody signed, or would not sign."""

    statement: str
    outcome: str
    by: str
    key_fingerprint: str
    event: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """One printed line of the journal."""

    sequence: int
    at: str
    type: str
    milestone: str
    step: str
    attempt: int
    actor: str
    text: str
    metrics: tuple[tuple[str, str], ...]
    digest: str


@dataclass(frozen=True, slots=True)
class RunPart:
    """A rehearsal or an exit, told from its journal."""

    id: str
    mode: str
    state: str
    by: str
    started_at: str
    ended_at: str
    bundle: str
    head: str
    events: Figure
    milestones: tuple[MilestoneRow, ...]
    losses: tuple[LossRow, ...]
    unequal: tuple[UnequalItems, ...]
    steps: tuple[StepRow, ...]
    incidents: tuple[StepRow, ...]
    sandboxes: tuple[SandboxRow, ...]
    approvals: tuple[ApprovalRow, ...]
