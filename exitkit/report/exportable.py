"""Tell how much of an estate is held, and what the two lists of the Data Act say of it."""

from __future__ import annotations

from collections.abc import Sequence

from exitkit.assess.data_act_lists import Entry, Lists, Standing
from exitkit.assess.scores import Score, percent
from exitkit.report.beside_parts import HeldRow, ListRow, ListsPart
from exitkit.report.list_words import breaches

SHOWN = 80


def tell_scores(scores: Sequence[Score]) -> tuple[HeldRow, ...]:
    """Return the contract, then the categories, then the services, without those that are empty."""
    order = ("contract", "category", "service")
    rows = [one for one in scores if one.total]
    rows.sort(key=lambda one: (order.index(one.scope), one.name))
    return tuple(
        HeldRow(
            scope=one.scope,
            name=one.name,
            verdicts=one.total,
            share=_share(one.permille),
            spend_share=_share(one.spend_permille),
            because=one.because,
        )
        for one in rows
    )


def tell_lists(found: Lists, language: str) -> ListsPart:
    """Return the first lines of each list, those that break a promise first."""
    standings = [(one.value, len(found.standing(one))) for one in Standing]
    return ListsPart(
        portable=_rows(found.portable),
        exempt=_rows(found.exempt),
        unknown=_rows(found.unknown),
        totals=(len(found.portable), len(found.exempt), len(found.unknown)),
        standings=tuple((name, count) for name, count in standings if count),
        findings=tuple(breaches(found, language)),
        vague=tuple(f"{clause.id} ({clause.category})" for clause in found.vague),
    )


def _rows(entries: Sequence[Entry]) -> tuple[ListRow, ...]:
    order = list(Standing)
    broken = (Standing.NOT_DELIVERED, Standing.WITHHELD)
    ranked = sorted(
        entries,
        key=lambda one: (one.standing not in broken, order.index(one.standing), -one.assets),
    )
    return tuple(
        ListRow(
            standing=one.standing.value,
            native_type=one.native_type,
            aspect=one.aspect,
            assets=one.assets,
            rehearsed=one.rehearsed,
            text=one.format or one.justification,
            source=one.source,
            clauses=one.clauses,
        )
        for one in ranked[:SHOWN]
    )


def _share(permille: int | None) -> str:
    return "" if permille is None else percent(permille)
