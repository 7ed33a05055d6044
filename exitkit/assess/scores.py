"""Score how much of an estate could leave, and refuse to where the inventory has holes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Level

Record = Mapping[str, Any]

HELD = (Level.OPEN, Level.IMPORTABLE, Level.REHEARSED)
FORMULA = (
    "score = verdicts at open, importable or rehearsed, divided by all verdicts that apply "
    "(not-applicable left out), rounded down; by spend: each asset's spend counts at its weakest "
    "verdict; not computed while a call of the ledger has failed and nobody has answered for it"
)
"""How a score is made; printed with it."""


def percent(permille: int) -> str:
    """Write thousandths as a percentage with one decimal."""
    return f"{permille // 10}.{permille % 10} %"


@dataclass(frozen=True, slots=True)
class Spend:
    """What assets cost, by asset id, in one currency."""

    currency: str
    by_asset: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of the whole contract, of a provider's service or of a category of assets.

    `levels` counts the verdicts, weakest first. `permille` is None where the ledger is incomplete
    (`because` says how); `spend_permille` is None also where no spend is known.
    """

    scope: str
    name: str
    levels: tuple[tuple[str, int], ...]
    permille: int | None
    spend_permille: int | None
    because: str = ""

    @property
    def total(self) -> int:
        """The number of verdicts that apply."""
        return sum(count for level, count in self.levels if level != Level.NOT_APPLICABLE)


def scores(
    exportability: Iterable[Record],
    assets: Iterable[Record],
    calls: Iterable[Record],
    scopes: Iterable[Record],
    spend: Spend | None = None,
) -> tuple[Score, ...]:
    """Return the score of the contract, then of each service, then of each category.

    A service has no score while an unanswered call may hide some of it: one of its provider, or of
    a source that found nothing at all. The contract and the categories have none while any is.
    """
    rows: dict[str, list[str]] = defaultdict(list)
    for row in exportability:
        rows[str(row["asset"])].append(str(row["level"]))
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    provider_of: dict[str, str] = {}
    for asset in assets:
        urn, provider = str(asset["@id"]), str(asset["provider"]["name"])
        service = service_of(provider, str(asset["provider"]["nativeType"]))
        provider_of[service] = provider
        groups["service", service].append(urn)
        groups["category", str(asset["kind"]).partition(".")[0]].append(urn)
    holes = _holes(calls, scopes)
    anywhere = sum(count for who, count in holes.items() if who not in provider_of.values())
    made = [_score("contract", "all", list(rows), rows, holes.total(), spend)]
    for (scope, name), members in sorted(groups.items(), key=lambda pair: _place(*pair[0])):
        own = holes[provider_of[name]] + anywhere if scope == "service" else holes.total()
        made.append(_score(scope, name, members, rows, own, spend))
    return tuple(made)


def service_of(provider: str, native_type: str) -> str:
    """Return the provider and its service: what its native type says before the resource."""
    mark = "::" if "::" in native_type else "/"
    name = native_type.rpartition(mark)[0].rpartition("::")[2].partition("/")[0]
    return f"{provider} {name or native_type}"


def _holes(calls: Iterable[Record], scopes: Iterable[Record]) -> Counter[str]:
    """Count the unanswered calls by provider."""
    providers = {str(row["source"]): str(row["sourceType"]) for row in scopes}
    holes: Counter[str] = Counter()
    for row in calls:
        failed = CallOutcome(row["outcome"]).needs_acknowledgement
        if failed and "acknowledgement" not in row:
            holes[providers.get(str(row["source"]), "?")] += 1
    return holes


def _place(scope: str, name: str) -> tuple[int, str]:
    return ("service", "category").index(scope), name


def _score(
    scope: str,
    name: str,
    members: Iterable[str],
    rows: Mapping[str, list[str]],
    open_calls: int,
    spend: Spend | None,
) -> Score:
    assets = list(members)
    counts = Counter(level for asset in assets for level in rows.get(asset, ()))
    levels = tuple((level, counts[level]) for level in _ORDER if counts[level])
    because = ""
    if open_calls:
        because = f"{open_calls} calls of the ledger failed and nobody has answered for them"
    applying = sum(counts.values()) - counts[Level.NOT_APPLICABLE]
    held = sum(counts[level] for level in HELD)
    if not applying:
        because = because or "no verdict applies"
    return Score(
        scope=scope,
        name=name,
        levels=levels,
        permille=None if because else held * 1000 // applying,
        spend_permille=None if because or spend is None else _by_spend(assets, rows, spend),
        because=because,
    )


def _by_spend(assets: Iterable[str], rows: Mapping[str, list[str]], spend: Spend) -> int | None:
    """Return the share of the spend whose assets leave whole, in thousandths, rounded down."""
    total = held = Decimal(0)
    for asset in assets:
        levels = [level for level in rows.get(asset, ()) if level != Level.NOT_APPLICABLE]
        cost = spend.by_asset.get(asset)
        if cost is None or not levels:
            continue
        total += cost
        held += cost if all(level in HELD for level in levels) else 0
    return int(held * 1000 / total) if total > 0 else None


_ORDER = tuple(
    level.value for level in (
        Level.UNKNOWN, Level.NOT_ATTEMPTED, Level.NONE, Level.DESCRIBED, Level.PROPRIETARY,
        Level.OPEN, Level.IMPORTABLE, Level.REHEARSED, Level.NOT_APPLICABLE,
    )
)  # fmt: skip
