"""Say what a written word of a party leaves out that a deletion, a handover or a closure needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.assess.predicates import look_up

ALWAYS = ("party.name", "party.role", "contract", "statement", "signatures")
FIELDS = {
    "deletion": (
        "dates.service_end", "dates.acceptance", "dates.retrieval_end", "dates.notice",
        "dates.deletion", "scope.assets", "scope.data_categories", "scope.personal_data",
        "scope.environments", "scope.replicas", "scope.backups", "scope.logs",
        "scope.technical_data", "sanitization.type", "sanitization.technique",
        "sanitization.tool", "sanitization.tool_version", "verification.method",
        "verification.result", "verification.verifier", "verification.date", "residual_copies",
        "subcontractors",
    ),
    "joint_inventory": ("dates.agreed", "inventory.bundle", "inventory.assets", "differences"),
    "retrieval": ("dates.retrieval_end", "late_requests"),
    "closure": ("dates.contract_end", "final_invoice", "lessons"),
}  # fmt: skip
"""The fields each kind has to fill in; a list may be empty, but somebody has to say that it is."""
RESIDUAL = ("category", "basis", "protection", "until")
SIGNATURE = ("name", "role", "on", "place")
SIGNERS = {"deletion": 2, "joint_inventory": 2}
"""An operator and a verifier, or both parties."""


def missing_fields(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that are not filled in, and the statements that contradict each other."""
    return tuple(_missing(document))


def _missing(document: Mapping[str, Any]) -> Iterator[str]:
    kind = str(document.get("kind"))
    for path in (*ALWAYS, *FIELDS.get(kind, ())):
        if look_up(path, document) in (None, ""):
            yield path
    signatures = document.get("signatures") or ()
    if len(signatures) < SIGNERS.get(kind, 1):
        yield f"signatures: {len(signatures)} of {SIGNERS.get(kind, 1)}"
    for number, one in enumerate(signatures, start=1):
        yield from (f"signatures.{number}.{name}" for name in SIGNATURE if not one.get(name))
    if kind == "deletion":
        yield from _deletion(document)


def _deletion(document: Mapping[str, Any]) -> Iterator[str]:
    for number, one in enumerate(document.get("residual_copies") or (), start=1):
        yield from (f"residual_copies.{number}.{name}" for name in RESIDUAL if not one.get(name))
    for number, one in enumerate(document.get("subcontractors") or (), start=1):
        if not one.get("attestation"):
            yield f"subcontractors.{number}.attestation"
    if look_up("sanitization.technique", document) == "key_erasure":
        for name in ("ids", "encryption_scope", "custody", "destruction_log"):
            if look_up(f"sanitization.keys.{name}", document) in (None, ""):
                yield f"sanitization.keys.{name}"
    sampled = look_up("verification.method", document) == "sample"
    if sampled and look_up("verification.sample", document) in (None, ""):
        yield "verification.sample"
    deleted = day_of(look_up("dates.deletion", document))
    for name in ("acceptance", "retrieval_end", "notice"):
        day = day_of(look_up(f"dates.{name}", document))
        if deleted and day and deleted < day:
            yield f"dates.deletion: before dates.{name}"


def day_of(value: object) -> dt.date | None:
    """Return the day a YAML file means, quoted or not; None where it is none."""
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None
