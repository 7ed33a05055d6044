"""Name everything a report is made of, as plain values that somebody else has read and judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.model.contract import RuleResult
from exitkit.model.run import Event, RunSummary, Verdict


@dataclass(frozen=True, slots=True)
class LevelReached:
    """One level of verification of the bundle (`V0` ...), in the verifier's own words."""

    level: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying the bundle found; `exit_code` is that of `exitkit verify`."""

    levels: tuple[LevelReached, ...]
    faults: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class Leg:
    """One category of what has to be moved, and how long moving all of it would take.

    `low_ms` and `high_ms` are None where no rate was measured or the volume is not known; `because`
    says which. `events` are the journal lines that hold the measurements.
    """

    category: str
    unit: str
    volume: int | None
    sample: int
    samples: int
    sample_ms: int
    low_ms: int | None
    high_ms: int | None
    because: str
    events: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a full exit would take by what was measured; None is unknown, never zero."""

    legs: tuple[Leg, ...]
    low_ms: int | None
    high_ms: int | None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How long the contract gives: the ISO 8601 period at `path` of contract.yaml, in days."""

    path: str
    period: str
    days: int


@dataclass(frozen=True, slots=True)
class RunInputs:
    """A rehearsal or an exit as its journal tells it, and what the judge made of it."""

    summary: RunSummary
    events: tuple[Event, ...]
    verdicts: tuple[Verdict, ...]
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All inputs of `build_view`.

    `records` are the tables of the bundle by name, each in the order of its file. `rules` is None
    where there is no contract to check; `run` is None where nothing was rehearsed.
    """

    now: dt.datetime
    bundle_id: str
    bundle_path: str
    descriptor: Mapping[str, Any]
    records: Mapping[str, Iterable[Mapping[str, Any]]]
    verified: Verified
    signers: tuple[str, ...] = ()
    contract: Mapping[str, Any] = field(default_factory=dict)
    allowed: Allowed | None = None
    rules: tuple[RuleResult, ...] | None = None
    run: RunInputs | None = None
