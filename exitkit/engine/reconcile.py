"""Hold invoices against a bundle, and judge whether anything billed is missing from it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from exitkit.assess.reconcile import Charge, Line, Reconciliation, Waiver, reconcile, too_large
from exitkit.drivers.invoices import Billed, Invoice, read_invoice
from exitkit.errors import InputError
from exitkit.model.ledger import CallOutcome
from exitkit.store.reader import Bundle
from exitkit.workspace.layout import BilledWaiver, ReconcileGate

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallCoverage:
    """How the planned calls ended: `ended` by themselves, `waived` by name, or `open`.

    The last two are the complement, call by call: the records of the ledger.
    """

    planned: int
    ended: int
    waived: tuple[Record, ...]
    open: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result, with what it rests on; `findings` are the reasons why the gate fails.

    `waivers` are those in force, used or not; they are shown wherever the result is. `unbilled`
    are the ids and places of the assets that nothing was charged for, as their records have them.
    """

    invoices: tuple[Invoice, ...]
    result: Reconciliation
    calls: CallCoverage
    unbilled: tuple[Record, ...]
    waivers: tuple[BilledWaiver, ...]
    large: tuple[Line, ...]
    spend_findings: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Every reason why the gate fails: those of the spend, and calls without an answer."""
        if not self.calls.open:
            return self.spend_findings
        count = len(self.calls.open)
        failed = f"{count} planned calls failed, and nobody has answered for them"
        return (*self.spend_findings, failed)


def read_invoices(paths: Iterable[Path]) -> tuple[Invoice, ...]:
    """Read every invoice; an InputError names the one that cannot be read."""
    return tuple(read_invoice(path) for path in paths)


def invoices_of(root: Path, gate: ReconcileGate) -> tuple[Invoice, ...]:
    """Read the invoices that exitkit.yaml names; a pattern that matches nothing is a fault."""
    paths: dict[Path, None] = {}
    for pattern in gate.invoices:
        found = [root / pattern] if (root / pattern).is_file() else sorted(root.glob(pattern))
        if not found:
            raise InputError(f"{pattern}: no such invoice; export it, or correct `reconcile:`")
        paths |= dict.fromkeys(found)
    return read_invoices(paths)


def reconcile_bundle(
    bundle: Bundle, invoices: Sequence[Path], gate: ReconcileGate, today: dt.date
) -> Reconciled:
    """Read every invoice, match its charges with the bundle's assets, and apply the gate."""
    return reconcile_records(
        read_invoices(invoices),
        lambda: bundle.records("assets"),
        bundle.records("calls"),
        gate,
        today,
    )


def reconcile_records(
    invoices: tuple[Invoice, ...],
    assets: Callable[[], Iterable[Record]],
    calls: Iterable[Record],
    gate: ReconcileGate,
    today: dt.date,
) -> Reconciled:
    """Match what the invoices charge with asset records, and apply the gate.

    `assets` is called twice: the second time for the names of those that nothing was charged for.
    """
    in_force = tuple(one for one in gate.waivers if one.holds_on(today))
    result = reconcile(
        _charges(one for invoice in invoices for one in invoice.billed),
        assets(),
        [Waiver(one.resource, one.reason, one.by) for one in in_force],
    )
    covered = _call_coverage(calls)
    large = tuple(too_large(result, gate.largest_unaccounted_permille * 1000))
    idle = set(result.unbilled)
    return Reconciled(
        invoices=invoices,
        result=result,
        calls=covered,
        unbilled=tuple(
            {"@id": row["@id"], "provider": row["provider"]}
            for row in assets()
            if row["@id"] in idle
        ),
        waivers=in_force,
        large=large,
        spend_findings=tuple(_findings(result, large, gate)),
    )


def _charges(billed: Iterable[Billed]) -> Iterator[Charge]:
    """Add up what several invoices say of one thing."""
    sums: dict[tuple[str, str, str, str, str, str], Decimal] = defaultdict(Decimal)
    for one in billed:
        key = one.resource, one.service, one.account, one.region, one.category, one.currency
        sums[key] += one.cost
    for key, cost in sums.items():
        yield Charge(*key, cost=cost)


def _call_coverage(calls: Iterable[Record]) -> CallCoverage:
    planned = 0
    waived: list[Record] = []
    unanswered: list[Record] = []
    for row in calls:
        planned += 1
        if CallOutcome(row["outcome"]).needs_acknowledgement:
            (waived if "acknowledgement" in row else unanswered).append(row)
    ended = planned - len(waived) - len(unanswered)
    return CallCoverage(planned, ended, tuple(waived), tuple(unanswered))


def _findings(result: Reconciliation, large: Sequence[Line], gate: ReconcileGate) -> Iterator[str]:
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


def percent(ppm: int) -> str:
    """Write millionths as a percentage with two decimals, rounded down."""
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02} %"
