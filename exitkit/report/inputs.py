"""Name everything a report is made of, as plain values that somebody else has read and judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.extrapolation import Extrapolation
from exitkit.model.contract import RuleResult
from exitkit.model.run import Event, RunSummary, Verdict
from exitkit.store.verify import Verification


@dataclass(frozen=True, slots=True)
class RunInputs:
    """A rehearsal or an exit as its journal tells it, and what the judge made of it."""

    summary: RunSummary
    events: tuple[Event, ...]
    verdicts: tuple[Verdict, ...]
    extrapolation: Extrapolation


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All inputs of `build_view`.

    `records` are the tables of the bundle by name, each in the order of its file. `rules` is None
    where there is no contract to check; `run` is None where nothing was rehearsed. The period that
    the contract gives stands at `allowed_path` of `contract`.
    """

    now: dt.datetime
    bundle_id: str
    bundle_path: str
    descriptor: Mapping[str, Any]
    records: Mapping[str, Iterable[Mapping[str, Any]]]
    verified: Verification
    contract: Mapping[str, Any] = field(default_factory=dict)
    allowed_path: str = ""
    rules: tuple[RuleResult, ...] | None = None
    run: RunInputs | None = None
