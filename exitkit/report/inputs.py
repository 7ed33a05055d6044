"""Name everything a report is made of, as plain values that somebody else has read and judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.changes import Change
from exitkit.assess.data_act_lists import Lists
from exitkit.assess.document_stock import Documents
from exitkit.assess.exit_estimate import ExitEstimate, Means
from exitkit.assess.extrapolation import Extrapolation
from exitkit.assess.joint_inventory import Line
from exitkit.assess.scores import Score
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
class ChangeInputs:
    """What changed since the bundle before: counts by kind, and the first changes of each kind."""

    previous: str
    counts: Mapping[str, int]
    first: Mapping[str, Sequence[Change]]
    old_ms: int | None
    new_ms: int | None


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All inputs of `build_view`.

    `records` are the tables of the bundle by name, each in the order of its file. `rules` is None
    where there is no contract to check; `run` is None where nothing was rehearsed. The period that
    the contract gives stands at `allowed_path` of `contract`. `reconciled` is the name and the
    document of the last reconciliation (`exitkit/reconcile/1`) of this bundle.
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
    changes: ChangeInputs | None = None
    reconciled: tuple[str, Mapping[str, Any]] | None = None
    estimate: tuple[ExitEstimate, Means] | None = None
    scores: tuple[Score, ...] = ()
    lists: Lists | None = None
    documents: tuple[Documents, Mapping[str, int]] | None = None
    joint_inventory: tuple[Sequence[Line], Sequence[tuple[str, str, str, int]]] | None = None
