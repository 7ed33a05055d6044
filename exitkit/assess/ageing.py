"""Keep what a rehearsal proved while it is young and the way out is still the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exitkit.assess.dates import add_months
from exitkit.model.verdict import Exportability, Level


@dataclass(frozen=True, slots=True)
class Aged:
    """What became of the proofs of earlier rehearsals.

    `aged` are older than allowed, `changed` leave by another method or format than was rehearsed,
    or not at all any more; what is no longer there is in neither.
    """

    verdicts: tuple[Exportability, ...]
    kept: int
    aged: int
    changed: int


def age(
    judged: Iterable[Exportability],
    proofs: Mapping[str, Mapping[str, Any]],
    today: dt.date,
    valid_months: int,
) -> Aged:
    """Return the verdicts with those raised to `rehearsed` that a proof still stands behind.

    `proofs` are earlier exportability records at level `rehearsed`, by id.
    """
    verdicts, kept, aged, changed = [], 0, 0, 0
    for verdict in judged:
        proof = proofs.get(verdict.urn)
        if proof is None or verdict.level is Level.REHEARSED:
            verdicts.append(verdict)
        elif is_aged(proof, today, valid_months):
            verdicts.append(verdict)
            aged += 1
        elif not _same_way(verdict, proof):
            verdicts.append(verdict)
            changed += 1
        else:
            verdicts.append(_raised(verdict, proof))
            kept += 1
    return Aged(tuple(verdicts), kept, aged, changed)


def is_aged(record: Mapping[str, Any], today: dt.date, valid_months: int) -> bool:
    """Tell whether a `rehearsed` record is older than a proof may be."""
    return add_months(_proven_at(record).date(), valid_months) < today


def _same_way(verdict: Exportability, proof: Mapping[str, Any]) -> bool:
    held = verdict.level.rank > 0
    return held and (verdict.method, verdict.format) == (proof["method"], proof.get("format", ""))


def _raised(verdict: Exportability, proof: Mapping[str, Any]) -> Exportability:
    return replace(
        verdict,
        level=Level.REHEARSED,
        basis="rehearsal",
        reason="",
        text="",
        responsible=None,
        workaround="",
        rehearsed_at=_proven_at(proof),
        rehearsed_in=proof["rehearsedIn"],
    )


def _proven_at(record: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(str(record["rehearsedAt"]))
