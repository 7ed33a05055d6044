"""Read a bundle for what cannot leave: groups by obstacle, single gaps, and open calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exitkit.assess.impact import dependents
from exitkit.assess.scores import Score, Spend, percent, scores
from exitkit.assess.summary import GapGroup, Tally, gap_groups, is_gap, tally
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Level
from exitkit.store.reader import Bundle


@dataclass(frozen=True, slots=True)
class AssetName:
    """How people know an asset: what its provider calls it, and where it is."""

    native_type: str
    native_id: str
    name: str
    scope: str
    region: str


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a bundle says of its own holes; `findings` are the reasons for exit code 1.

    `assets` names the assets that have a gap, by id.
    """

    bundle: str
    tally: Tally
    scores: Sequence[Score]
    groups: Sequence[GapGroup]
    assets: Mapping[str, AssetName]
    open_calls: Sequence[Mapping[str, Any]]
    findings: tuple[str, ...]


def read_gaps(bundle: Bundle, tolerated_percent: int, spend: Spend | None = None) -> Gaps:
    """Count and group; `tolerated_percent` is how much may be unknown without a finding.

    With `spend`, from a reconciliation of this bundle, scores are told by spend too.
    """
    wanted = {str(row["asset"]) for row in bundle.records("exportability") if is_gap(row)}
    assets = {
        str(row["@id"]): _name(row) for row in bundle.records("assets") if row["@id"] in wanted
    }
    types = {asset: name.native_type for asset, name in assets.items()}
    relying = dependents(bundle.records("relations"), wanted)
    counted = tally(bundle.records("exportability"))
    open_calls = [row for row in bundle.records("calls") if _is_open(row)]
    findings = [f"{len(open_calls)} calls failed and nobody answered for them"] * bool(open_calls)
    unknown = counted.permille(Level.UNKNOWN)
    if unknown > tolerated_percent * 10:
        findings.append(f"{percent(unknown)} unknown, {tolerated_percent} % are tolerated")
    return Gaps(
        bundle=bundle.id,
        tally=counted,
        scores=scores_of(bundle, spend),
        groups=gap_groups(bundle.records("exportability"), types, relying),
        assets=assets,
        open_calls=open_calls,
        findings=tuple(findings),
    )


def scores_of(bundle: Bundle, spend: Spend | None = None) -> tuple[Score, ...]:
    """Return the scores of a bundle; by spend too where a reconciliation tells it."""
    return scores(
        bundle.records("exportability"),
        bundle.records("assets"),
        bundle.records("calls"),
        bundle.records("scopes"),
        spend,
    )


def spend_of(reconciliation: Mapping[str, Any]) -> Spend | None:
    """Return what assets cost by a reconciliation, in the currency in which most was billed."""
    totals = {str(one["currency"]): Decimal(one["total"]) for one in reconciliation["spend"]}
    if not totals:
        return None
    currency = max(totals, key=lambda name: (totals[name], name))
    costs = {
        asset: Decimal(spend[currency])
        for asset, spend in reconciliation["byAsset"].items()
        if currency in spend
    }
    return Spend(currency, costs)


def single_gaps(bundle: Bundle) -> Iterator[Mapping[str, Any]]:
    """Yield the record of every gap, in the order of the bundle."""
    return (row for row in bundle.records("exportability") if is_gap(row))


def _is_open(row: Mapping[str, Any]) -> bool:
    return CallOutcome(row["outcome"]).needs_acknowledgement and "acknowledgement" not in row


def _name(row: Mapping[str, Any]) -> AssetName:
    provider = row["provider"]
    return AssetName(
        native_type=str(provider["nativeType"]),
        native_id=str(provider.get("nativeId", "")),
        name=str(row.get("name", "")),
        scope=str(provider.get("scope", "")),
        region=str(provider.get("region", "")),
    )
