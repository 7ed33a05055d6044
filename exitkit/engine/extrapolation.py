"""Scale what a run of one bundle measured up to what another bundle holds."""

from __future__ import annotations

from exitkit.assess.extrapolation import Extrapolation, extrapolate, volumes_of
from exitkit.assess.predicates import look_up
from exitkit.model.contract import Contract
from exitkit.model.run import Measurement
from exitkit.store.reader import Bundle

ALLOWED_PATH = "reversibility.transition.duration"


def transfers_of(rehearsed: Bundle) -> list[Measurement]:
    """Return how fast things moved in the last run whose evidence a bundle holds."""
    runs = sorted(rehearsed.records("runs"), key=lambda run: str(run.get("endedAt", "")))
    return [
        Measurement(row["category"], row["items"], row["sizeBytes"], row["durationMillis"])
        for row in rehearsed.records("measurements")
        if row["measure"] == "transfer" and runs and row["subject"] == runs[-1]["@id"]
    ]


def extrapolation_of(rehearsed: Bundle, newest: Bundle, contract: Contract | None) -> Extrapolation:
    """Scale what the last rehearsal measured up to what the newest bundle holds."""
    volumes = volumes_of(
        newest.records("assets"), newest.records("datasets"), newest.records("exportability")
    )
    allowed = look_up(ALLOWED_PATH, contract.document) if contract else None
    return extrapolate(transfers_of(rehearsed), volumes, allowed or "")
