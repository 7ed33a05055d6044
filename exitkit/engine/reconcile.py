"""Hold invoices against a bundle, and judge whether anything billed is missing from it."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from exitkit.assess.reconcile import Charge, Line, Reconciliation, Waiver, reconcile, too_large
from exitkit.drivers.invoices import Billed, Invoice, read_invoice
from exitkit.model.ledger import CallOutcome
from exitkit.store.reader import Bundle
from exitkit.workspace.layout import BilledWaiver, ReconcileGate


@dataclass(frozen=True, slots=True)
class CallCoverage:
    """How the planned calls ended: `ended` by themselves, `waived` by name, or `open`."""

    planned: int
    ended: int
    waived: int
    open: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result, with what it rests on; `findings` are the reasons why the gate fails.

    `waivers` are those in force, used or not; they are shown wherever the result is.
    """

    bundle: str
    invoices: tuple[Invoice, ...]
    result: Reconciliation
    calls: CallCoverage
    waivers: tuple[BilledWaiver, ...]
    large: tuple[Line, ...]
    findings: tuple[str, ...]


def reconcile_bundle(
    bundle: Bundle, invoices: Sequence[Path], gate: ReconcileGate, today: dt.date
) -> Reconciled:
    """Read every invoice, match its charges with the bundle's assets, and apply the gate."""
    read = tuple(read_invoice(path) for path in invoices)
    in_force = tuple(one for one in gate.waivers if one.holds_on(today))
    result = reconcile(
        _charges(one for invoice in read for one in invoice.billed),
        bundle.records("assets"),
        [Waiver(one.resource, one.reason, one.by) for one in in_force],
    )
    calls = _call_coverage(bundle)
    large = tuple(too_large(result, gate.largest_unaccounted_permille * 1000))
    return Reconciled(
        bundle=bundle.id,
        invoices=read,
        result=result,
        calls=calls,
        waivers=in_force,
        large=large,
        findings=tuple(_findings(result, calls, large, gate)),
    )


def _charges(billed: Iterable[Billed]) -> Iterator[Charge]:
    """Add up what several invoices say of one thing."""
    sums: dict[tuple[str, str, str, str, str, str], Decimal] = defaultdict(Decimal)
    for one in billed:
        key = one.resource, one.service, one.account, one.region, one.category, one.currency
        sums[key] += one.cost
    for key, cost in sums.items():
        yield Charge(*key, cost=cost)


def _call_coverage(bundle: Bundle) -> CallCoverage:
    ends: Counter[str] = Counter()
    for row in bundle.records("calls"):
        if not CallOutcome(row["outcome"]).needs_acknowledgement:
            ends["ended"] += 1
        else:
            ends["waived" if "acknowledgement" in row else "open"] += 1
    return CallCoverage(ends.total(), ends["ended"], ends["waived"], ends["open"])


def _findings(
    result: Reconciliation, calls: CallCoverage, large: Sequence[Line], gate: ReconcileGate
) -> Iterator[str]:
    for one in result.coverage:
        if one.accounted_ppm < gate.accounted_permille * 1000:
            yield (
                f"{one.currency}: {percent(one.accounted_ppm)} of the spend is accounted for, "
                f"{percent(gate.accounted_permille * 1000)} are asked"
            )
    for line in large:
        yield (
            f"{line.charge.resource or line.charge.service}: more than "
            f"{percent(gate.largest_unaccounted_permille * 1000)} of the spend, and {line.reason}"
        )
    if calls.open:
        yield f"{calls.open} planned calls failed, and nobody has answered for them"


def percent(ppm: int) -> str:
    """Write millionths as a percentage with two decimals, rounded down."""
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02} %"
