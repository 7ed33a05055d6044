"""Hold the parts of a report between counting and rendering: values only, no words for people."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.model.contract import RuleResult
from exitkit.report.beside_parts import Changes, Estimate, HeldRow, ListsPart, Spend
from exitkit.report.figure import Figure
from exitkit.report.paper_parts import JointPart, PapersPart
from exitkit.report.run_parts import EventRow, RunPart
from exitkit.store.verify import Fault, LevelReached


@dataclass(frozen=True, slots=True)
class Link:
    """A name that leads to a row of the appendix, or nowhere where the row is not printed."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands between us and a plain yes; `code` has its words in the template."""

    code: str
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Can we leave: `invalid`, `not-rehearsed`, `unfinished`, `no`, `too-long`, `partly`, `yes`."""

    code: str
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class LegRow:
    """One category of what has to move; None is not known, or nothing was measured."""

    category: str
    volume_items: Figure | None
    volume_bytes: Figure | None
    sample_items: Figure | None
    sample_bytes: Figure | None
    samples: Figure | None
    sample_ms: Figure | None
    low_ms: Figure | None
    high_ms: Figure | None
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Duration:
    """In how long against how long.

    `code` is `unknown`, `no-period`, `longer`, `open-ended` (something was never measured: `low_ms`
    is a lower bound), `overlaps` or `within`; `allowed_days` is the shortest the contract's period
    can be; `unmeasured` are the categories without a rate.
    """

    code: str
    low_ms: Figure | None
    likely_ms: Figure | None
    high_ms: Figure | None
    allowed: Figure | None
    allowed_days: int
    allowed_is_exact: bool
    allowed_path: str
    unmeasured: tuple[str, ...]
    legs: tuple[LegRow, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A figure with the code of what was counted."""

    code: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Score:
    """One of the three readings (`contract`, `plan`, `evidence`), never added to another."""

    code: str
    rules: tuple[Count, ...]
    milestones: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Aspects of assets that stay behind for the same reason; `aspects` counts each.

    `dependents` is how many other assets rely on those concerned; `effort` and `lead_days` are the
    estimated cost of the workaround (`knowledge.portability.Cost`).
    """

    level: str
    aspects: tuple[Count, ...]
    reason: str
    text: str
    workaround: str
    source: str
    confidence: str
    figure: Figure
    examples: tuple[Link, ...]
    dependents: int
    effort: str
    lead_days: int


@dataclass(frozen=True, slots=True)
class PartyGaps:
    """All gaps that one party could remove; an empty `party` means nobody was named.

    `levels` counts them by level, with zeros, in the same order for every party.
    """

    party: str
    figure: Figure
    levels: tuple[Count, ...]
    groups: tuple[GapGroup, ...]


@dataclass(frozen=True, slots=True)
class RegimeRules:
    """The rules of one regime that say something of this contract, worst first.

    `nature` is `law`, `guidance` or `practice`; `silent` counts the rules that do not apply.
    """

    regime: str
    nature: str
    rows: tuple[RuleResult, ...]
    counts: tuple[Count, ...]
    silent: Figure


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that was refused or did not answer, and who answered for it."""

    anchor: str
    source: str
    scope: str
    region: str
    operation: str
    outcome: str
    permission: str
    reason: str
    acknowledged_by: str
    acknowledged_because: str
    acknowledged_until: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Calls left out on purpose, for one reason."""

    reason: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Coverage:
    """The coverage ledger, counted by outcome, with every open and every acknowledged call.

    `exclusions` are the most frequent reasons; `further_reasons` says that there are more.
    """

    total: Figure
    outcomes: tuple[Count, ...]
    open_total: Figure
    open: tuple[CallRow, ...]
    acknowledged: tuple[CallRow, ...]
    exclusions: tuple[Exclusion, ...]
    further_reasons: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A principal and how much it may do.

    `last_used_on` is the latest day that a source tells, `expires_on` the day on which its last
    right ends; both are empty where that is not known.
    """

    principal: Link
    type: str
    grants: Figure
    permissions: tuple[str, ...]
    last_used_on: str
    expires_on: str


@dataclass(frozen=True, slots=True)
class LicenseRow:
    """An agreement and whether it may come along."""

    anchor: str
    product: str
    publisher: str
    type: str
    transferable: str
    quantity: Figure | None
    metric: str
    clause: str
    notice_date: str
    notice_days: Figure | None
    expires_on: str
    restrictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A line of a script that ties it to where it runs now."""

    path: str
    line: int
    rule: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class AutomationRow:
    """A script or repository with what keeps it here."""

    name: Link
    anchor: str
    language: str
    portability: str
    total: Figure
    findings: tuple[FindingRow, ...]


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A body of data that the bundle holds."""

    name: Link
    anchor: str
    format: str
    consistency: str
    records: Figure | None
    size_bytes: Figure | None


@dataclass(frozen=True, slots=True)
class Place:
    """A scope and region, with what was found there."""

    provider: str
    scope: str
    region: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Inventory:
    """What exists, by kind and by place."""

    total: Figure
    kinds: tuple[Count, ...]
    places: tuple[Place, ...]
    datasets: tuple[DatasetRow, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which bundle this report speaks of, and how well it was verified."""

    bundle_id: str
    bundle_path: str
    series: str
    sequence: Figure | None
    previous: str
    sealed_at: str
    observed_from: str
    observed_until: str
    customer: str
    scope_statement: str
    generator: str
    signers: tuple[str, ...]
    key_ids: tuple[str, ...]
    exit_code: int
    levels: tuple[LevelReached, ...]
    faults: tuple[Fault, ...]
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One printed record: its file, line and `@id`, and the members worth reading."""

    table: str
    line: int
    id: str
    cells: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where links to the record lead."""
        return f"record-{self.table}-{self.line}"


@dataclass(frozen=True, slots=True)
class RecordTable:
    """The printed records of one table; `total` are all there are."""

    name: str
    path: str
    columns: tuple[str, ...]
    rows: tuple[RecordRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Appendix:
    """Where every number comes from: figures, records, journal lines."""

    figures: tuple[Figure, ...]
    tables: tuple[RecordTable, ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Everything a report says, in the order in which it says it."""

    language: str
    made_at: str
    answer: Answer
    duration: Duration
    scores: tuple[Score, ...]
    levels: tuple[Count, ...]
    gaps: tuple[PartyGaps, ...]
    run: RunPart | None
    rules: tuple[RegimeRules, ...] | None
    coverage: Coverage
    access: tuple[Holder, ...]
    licenses: tuple[LicenseRow, ...]
    automation: tuple[AutomationRow, ...]
    inventory: Inventory
    identity: Identity
    appendix: Appendix
    changes: Changes | None = None
    spend: Spend | None = None
    estimate: Estimate | None = None
    held: tuple[HeldRow, ...] = ()
    lists: ListsPart | None = None
    documents: PapersPart | None = None
    joint_inventory: JointPart | None = None
