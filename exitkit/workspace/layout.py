"""Know where everything of a workspace lies, and what its exitkit.yaml says."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.model.ledger import Acknowledgement
from exitkit.ports import Limits, Source, Target


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What may be found before a snapshot ends with exit code 1.

    Defaults: no unanswered call at all; unknown verdicts are shown but never fail a snapshot; what
    a rehearsal proved counts for a year and a month, so that the next yearly one follows in time.
    """

    refused_calls: int = 0
    unknown_percent: int = 100
    rehearsal_valid_months: int = 13


@dataclass(frozen=True, slots=True)
class Retention:
    """How many bundles, or how many days of them, to keep; 0 keeps all."""

    bundles: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class ExitMeans:
    """What an exit can use, as somebody wrote it down; None is not known and bounds nothing.

    `egress_price` is in hundredths of `currency` per GiB.
    """

    people: int = 1
    hours_per_day: int = 7
    bandwidth_mbit_s: int | None = None
    egress_price: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class BilledWaiver:
    """A written answer for billed ids (a shell-style pattern) that no inventory holds."""

    resource: str
    reason: str
    by: str
    on: dt.date
    until: dt.date

    def holds_on(self, day: dt.date) -> bool:
        """Tell whether the waiver has begun and has not expired on `day`."""
        return self.on <= day <= self.until


@dataclass(frozen=True, slots=True)
class ReconcileGate:
    """When billed and found agree well enough; shares in thousandths of the spend.

    `invoices` are what every snapshot is held against: paths and patterns below the workspace.
    """

    accounted_permille: int = 995
    largest_unaccounted_permille: int = 10
    waivers: tuple[BilledWaiver, ...] = ()
    invoices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A whole `exitkit.yaml`; paths are absolute, `digest` is SHA-256 of its canonical JSON."""

    root: Path
    series: str
    customer: str
    scope: str
    sources: tuple[Source, ...]
    targets: tuple[Target, ...]
    signing_key: Path | None
    trusted_keys: tuple[Path, ...]
    masking_key: Path
    digest: str
    tolerances: Tolerances = field(default_factory=Tolerances)
    acknowledgements: tuple[Acknowledgement, ...] = ()
    retention: Retention = field(default_factory=Retention)
    limits: Limits = field(default_factory=Limits)
    exit_means: ExitMeans = field(default_factory=ExitMeans)
    gate: ReconcileGate = field(default_factory=ReconcileGate)
    allowed_signers: Path | None = None
    journal_url: str = ""

    @property
    def contract_file(self) -> Path:
        """The contract as data."""
        return self.root / "contract.yaml"

    @property
    def plan_file(self) -> Path:
        """The exit plan as data."""
        return self.root / "exit-plan.yaml"

    @property
    def bundles(self) -> Path:
        """Where sealed bundles land."""
        return self.root / "bundles"

    @property
    def runs(self) -> Path:
        """Where rehearsals and exits keep their journals."""
        return self.root / "runs"

    @property
    def reports(self) -> Path:
        """Where reports land."""
        return self.root / "reports"


def bundle_path(workspace: Workspace, sequence: int) -> Path:
    """Return where bundle number `sequence` of the series belongs."""
    return workspace.bundles / f"{workspace.series}-{sequence:06d}"


def sequences(workspace: Workspace) -> list[int]:
    """Return the sequence numbers of the bundles that are there, in order."""
    name = re.compile(rf"{re.escape(workspace.series)}-([0-9]{{6}})")
    if not workspace.bundles.is_dir():
        return []
    matches = (name.fullmatch(entry.name) for entry in workspace.bundles.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def latest_bundle(workspace: Workspace) -> Path | None:
    """Return the newest bundle of the series, or None before the first snapshot."""
    known = sequences(workspace)
    return bundle_path(workspace, known[-1]) if known else None


def next_sequence(workspace: Workspace) -> int:
    """Return the number the next bundle gets; numbers of removed bundles are not used again."""
    known = sequences(workspace)
    return known[-1] + 1 if known else 1
