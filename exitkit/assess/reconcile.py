"""Match what was billed with what was found, and end every sum as matched, explained or neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from exitkit.assess.resource_names import forms_of, names_of

Record = Mapping[str, Any]

EXPLAINED = {
    "tax": "tax",
    "credit": "a credit",
    "refund": "a refund",
    "adjustment": "a discount or correction",
    "commitment": "a purchase or commitment, not a thing that runs",
    "support": "support, not a thing that runs",
}
NO_RESOURCE = "usage without a resource: data transfer, requests and the like"
FREE = "costs nothing"


class End(StrEnum):
    """How a sum on the invoice ends."""

    MATCHED = "matched"
    EXPLAINED = "explained"
    UNACCOUNTED = "unaccounted"


@dataclass(frozen=True, slots=True)
class Charge:
    """What was billed for one resource (or without one) in one category and currency."""

    resource: str
    service: str
    account: str
    region: str
    category: str
    currency: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's written answer for billed ids (a pattern) that no inventory holds."""

    resource: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Line:
    """A charge with its end; `asset` is the id it was matched with, `reason` why otherwise."""

    charge: Charge
    end: End
    asset: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a currency's spend is accounted for; amounts without sign, so that none cancel."""

    currency: str
    total: Decimal
    matched: Decimal
    explained: Decimal
    unaccounted: Decimal

    @property
    def accounted_ppm(self) -> int:
        """The share that is matched or explained, in millionths, rounded down."""
        if not self.total:
            return 1_000_000
        return int((self.matched + self.explained) * 1_000_000 / self.total)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The lines, largest unaccounted first, the coverage by currency, and what was billed by asset.

    `unbilled` are the ids of the assets that nothing was charged for.
    """

    lines: tuple[Line, ...]
    coverage: tuple[Coverage, ...]
    by_asset: Mapping[str, Mapping[str, Decimal]]
    unbilled: tuple[str, ...]
    assets: int


def reconcile(
    charges: Iterable[Charge], assets: Iterable[Record], waivers: Sequence[Waiver] = ()
) -> Reconciliation:
    """End every charge. An id matches in any form an invoice uses: whole, bare, or in lower case.

    What is part of a thing that was found (a path below an id that matches) counts to that thing.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for row in assets:
        known.add(str(row["@id"]))
        for key in set(_asset_keys(row)):
            keys[key].add(str(row["@id"]))
    lines = [_line(charge, keys, waivers) for charge in charges]
    lines.sort(key=_worst_first)
    by_asset: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in lines:
        if line.asset:
            by_asset[line.asset][line.charge.currency] += line.charge.cost
    return Reconciliation(
        lines=tuple(lines),
        coverage=tuple(_coverage(lines)),
        by_asset={asset: dict(spend) for asset, spend in by_asset.items()},
        unbilled=tuple(sorted(known - by_asset.keys())),
        assets=len(known),
    )


_ENDS = (End.UNACCOUNTED, End.MATCHED, End.EXPLAINED)


def _worst_first(line: Line) -> tuple[int, Decimal, str]:
    return _ENDS.index(line.end), -abs(line.charge.cost), line.charge.resource


def too_large(result: Reconciliation, ppm: int) -> Iterator[Line]:
    """Yield the unaccounted ids whose spend is above `ppm` millionths of their currency's."""
    totals = {one.currency: one.total for one in result.coverage}
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    first: dict[tuple[str, str], Line] = {}
    for line in result.lines:
        if line.end is End.UNACCOUNTED:
            key = line.charge.resource, line.charge.currency
            sums[key] += abs(line.charge.cost)
            first.setdefault(key, line)
    for key, spend in sorted(sums.items(), key=lambda pair: -pair[1]):
        if spend * 1_000_000 > totals[key[1]] * ppm:
            yield first[key]


def _line(charge: Charge, keys: Mapping[str, set[str]], waivers: Sequence[Waiver]) -> Line:
    if charge.resource:
        asset = _match(charge, keys)
        if asset:
            return Line(charge, End.MATCHED, asset=asset)
    if charge.category in EXPLAINED:
        return Line(charge, End.EXPLAINED, reason=EXPLAINED[charge.category])
    if not charge.resource and charge.category == "usage":
        return Line(charge, End.EXPLAINED, reason=NO_RESOURCE)
    if not charge.cost:
        return Line(charge, End.EXPLAINED, reason=FREE)
    for waiver in waivers:
        if fnmatchcase(charge.resource, waiver.resource):
            return Line(charge, End.EXPLAINED, reason=f"waived by {waiver.by}: {waiver.reason}")
    reason = "no such resource in the inventory"
    if not charge.resource:
        reason = f"a charge of a kind nobody knows: {charge.category}"
    return Line(charge, End.UNACCOUNTED, reason=reason)


def _match(charge: Charge, keys: Mapping[str, set[str]]) -> str:
    """Return the one asset that a key of the charge names: itself, else what it is part of."""
    for key in forms_of(charge.account, charge.resource):
        found = keys.get(key, ())
        if len(found) == 1:
            return next(iter(found))
    return ""


def _asset_keys(row: Record) -> Iterator[str]:
    provider = row["provider"]
    arns = [str(one["value"]) for one in row.get("identifiers", ()) if one["scheme"] == "arn"]
    yield from names_of(str(provider["scope"]), str(provider["nativeId"]), arns)
    if str(row["kind"]) == "storage.bucket" and row.get("name"):
        yield str(row["name"]).lower()


def _coverage(lines: Iterable[Line]) -> Iterator[Coverage]:
    sums: dict[str, dict[End, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in lines:
        sums[line.charge.currency][line.end] += abs(line.charge.cost)
    for currency, ends in sorted(sums.items()):
        yield Coverage(
            currency,
            sum(ends.values(), Decimal(0)),
            ends[End.MATCHED],
            ends[End.EXPLAINED],
            ends[End.UNACCOUNTED],
        )
