"""Tell what stands beside a bundle: what changed, what is billed, what an exit would take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exitkit.assess.changes import HURTING, KINDS
from exitkit.assess.exit_estimate import ExitEstimate, Means, held_against
from exitkit.report.beside_parts import (
    BilledRow,
    ChangeRow,
    Changes,
    Estimate,
    Spend,
    SpendRow,
    WorkRow,
)
from exitkit.report.diff_words import detail, sentences, time_sentence
from exitkit.report.estimate_words import estimate_lines, person_days
from exitkit.report.inputs import ChangeInputs

SHOWN = 50


def tell_changes(inputs: ChangeInputs, language: str) -> Changes:
    """Return the sentences, then each kind that there was, what hurts first."""
    rows = [
        ChangeRow(
            kind=kind,
            hurts=kind in HURTING,
            total=inputs.counts[kind],
            told=tuple("\n".join(detail(one, language)) for one in inputs.first.get(kind, ())),
        )
        for kind in KINDS
        if inputs.counts.get(kind)
    ]
    said = [*sentences(inputs.counts, language)]
    said.append(time_sentence(inputs.old_ms, inputs.new_ms, language))
    rows.sort(key=lambda row: (not row.hurts, KINDS.index(row.kind)))
    return Changes(inputs.previous, tuple(said), tuple(rows))


def tell_spend(name: str, document: Mapping[str, Any]) -> Spend:
    """Return what a reconciliation says, the largest unaccounted first."""
    lost = document["unaccounted"]
    return Spend(
        file=name,
        invoices=tuple(f"{one['name']} ({one['dialect']})" for one in document["invoices"]),
        rows=tuple(_spend(one) for one in document["spend"]),
        unaccounted=tuple(_billed(lost[:SHOWN])),
        further=max(0, len(lost) - SHOWN),
        waivers=tuple(
            f"{one['resource']}: {one['reason']} ({one['by']}, until {one['until']})"
            for one in document["waivers"]
        ),
        findings=tuple(document["findings"]),
    )


def _spend(one: Mapping[str, Any]) -> SpendRow:
    ppm = int(one["accountedPpm"])
    amounts = (one["total"], one["matched"], one["explained"], one["unaccounted"])
    return SpendRow(one["currency"], f"{ppm // 10_000}.{ppm % 10_000 // 100:02} %", *amounts)


def _billed(rows: Sequence[Mapping[str, Any]]) -> Iterable[BilledRow]:
    return (
        BilledRow(one["resource"], one["service"], one["cost"], one["currency"], one["reason"])
        for one in rows
    )


def tell_estimate(found: ExitEstimate, means: Means, allowed: str, language: str) -> Estimate:
    """Return the work by category and the lines that `exitkit estimate` writes below it."""
    return Estimate(
        work=tuple(
            WorkRow(
                one.category, one.assets, person_days(one.minutes, means, language), one.unknown
            )
            for one in found.work
        ),
        lines=tuple(estimate_lines(found, means, allowed, held_against(found, allowed), language)),
    )
