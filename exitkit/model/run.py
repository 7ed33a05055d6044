"""Record what a rehearsal or an exit did, event by event, and what that proves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from exitkit.model.plan import Mode


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's journal; types and fields are those of docs/format.md.

    `previous` and `digest` are the SHA-256 hash chain: `digest` is over the canonical JSON of the
    line, `previous` that of the line before (64 zeros first).
    """

    run: str
    sequence: int
    at: dt.datetime
    type: str
    actor: str
    data: Mapping[str, Any]
    previous: str
    digest: str
    milestone: str = ""
    step: str = ""
    attempt: int = 0


class StepStatus(StrEnum):
    """How a step's attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item compared after a restore: `equal`, `different`, `missing`, `extra` or `lost-field`.

    `item` names it so that a person finds it (`table orders row id=42`, `object docs/7.txt`,
    `access-list 10 permit 10.0.0.0`); `detail` says what differs, without secret values.
    """

    item: str
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """An aspect of an asset that this step restored elsewhere and read back equal."""

    asset_urn: str
    aspect: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A rate that was really measured: `category` is what was moved, `items` and bytes how much."""

    category: str
    items: int
    size_bytes: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step kind returns; written whole to `result.json` of the attempt.

    `metrics` are what criteria read (integers, booleans, short strings); `touched` is what the
    step's undo needs, JSON-compatible; `losses` name what the target dropped.
    """

    status: StepStatus
    message: str
    metrics: Mapping[str, int | bool | str] = field(default_factory=dict)
    items: tuple[ItemResult, ...] = ()
    losses: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    touched: Mapping[str, Any] = field(default_factory=dict)


class MilestoneVerdict(StrEnum):
    """What the journal proves of a milestone."""

    PROVED = "proved"
    MISSED = "missed"
    NOT_TESTED = "not-tested"


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """A criterion against what was measured; `event` is the journal line that says so (0: none)."""

    criterion: str
    metric: str
    expected: str
    measured: str
    verdict: MilestoneVerdict
    event: int
    because: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's word on one milestone, with the journal lines that carry it."""

    milestone: str
    verdict: MilestoneVerdict
    criteria: tuple[CriterionVerdict, ...]
    events: tuple[int, ...]
    because: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its journal tells it; `state` is `running`, `blocked`, `paused`, `completed`,
    `failed` or `aborted`; `head` the digest of the last event."""

    run: str
    mode: Mode
    state: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    plan_digest: str
    head: str
