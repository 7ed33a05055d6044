"""Hold the parts of a report that somebody else worked out: changes, spend, estimate, lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Changes of one kind since the bundle before: the first of them, told one by one."""

    kind: str
    hurts: bool
    total: int
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the bundle before, in sentences and then kind by kind."""

    previous: str
    sentences: tuple[str, ...]
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class SpendRow:
    """What of a currency's spend is matched, explained or neither; amounts as text, exact."""

    currency: str
    accounted: str
    total: str
    matched: str
    explained: str
    unaccounted: str


@dataclass(frozen=True, slots=True)
class BilledRow:
    """Something billed that the inventory does not hold."""

    resource: str
    service: str
    cost: str
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class Spend:
    """The last reconciliation of this bundle with invoices, with its complement and its waivers."""

    file: str
    invoices: tuple[str, ...]
    rows: tuple[SpendRow, ...]
    unaccounted: tuple[BilledRow, ...]
    further: int
    waivers: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkRow:
    """The estimated work of one category, as text with its range."""

    category: str
    assets: int
    person_days: str
    unknown: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The whole exit as `exitkit estimate` tells it; nothing of the work was ever measured."""

    work: tuple[WorkRow, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldRow:
    """The score of the contract, a service or a category, as text; `because` where it has none."""

    scope: str
    name: str
    verdicts: int
    share: str
    spend_share: str
    because: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of a list of the Data Act: an aspect of a type, with its format or justification."""

    standing: str
    native_type: str
    aspect: str
    assets: int
    rehearsed: int
    text: str
    source: str
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListsPart:
    """The first lines of both lists, and of what is in neither; `totals` counts all lines."""

    portable: tuple[ListRow, ...]
    exempt: tuple[ListRow, ...]
    unknown: tuple[ListRow, ...]
    totals: tuple[int, int, int]
    standings: tuple[tuple[str, int], ...]
    findings: tuple[str, ...]
    vague: tuple[str, ...]
