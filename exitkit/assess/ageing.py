"""Keep what a rehearsal proved while it is young and the way out is still the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from exitkit.assess.dates import add_months
from exitkit.model.verdict import Exportability, Level


@dataclass(slots=True)
class Ageing:
    """Raises the verdicts that a proof of an earlier rehearsal still stands behind, and counts.

    `proofs` are earlier exportability records at level `rehearsed`, by id. `kept` of them stand,
    `aged` are older than allowed, `changed` leave by another method or format than was rehearsed,
    or not at all any more; what is no longer there is in none.
    """

    proofs: Mapping[str, Mapping[str, Any]]
    today: dt.date
    valid_months: int
    kept: int = 0
    aged: int = 0
    changed: int = 0

    def of(self, verdict: Exportability) -> Exportability:
        """Return the verdict, at `rehearsed` where its proof still counts."""
        proof = self.proofs.get(verdict.urn)
        if proof is None or verdict.level is Level.REHEARSED:
            return verdict
        if is_aged(proof, self.today, self.valid_months):
            self.aged += 1
            return verdict
        if not _same_way(verdict, proof):
            self.changed += 1
            return verdict
        self.kept += 1
        return _raised(verdict, proof)


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
