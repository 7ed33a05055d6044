"""Carry a step's outcome between processes and into the journal without losing what proves it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exitkit.model.plan import Effect, OnInterrupt, Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.store.canonical import storable

ITEMS_IN_JOURNAL = 200
ARTIFACTS_IN_JOURNAL = 1000
NEVER_RELEASED = 125
"""Exit code of a child whose coordinator died before it said `go`: it did nothing."""
ENDS_ITSELF_S = 30
"""How long after its timeout a child ends itself, where nobody who leads the run ended it."""
_CHUNK_BYTES = 1024 * 1024


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as JSON-compatible data, whole: the content of `result.json`."""
    document: dict[str, Any] = storable(asdict(outcome))
    return document | {"status": outcome.status.value}


def outcome_from_document(document: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a `result.json` or of a journal line."""
    return Outcome(
        status=StepStatus(document["status"]),
        message=document.get("message", ""),
        metrics=document.get("metrics", {}),
        items=tuple(ItemResult(**item) for item in document.get("items", ())),
        losses=tuple(document.get("losses", ())),
        proofs=tuple(Proof(**proof) for proof in document.get("proofs", ())),
        measurements=tuple(Measurement(**one) for one in document.get("measurements", ())),
        touched=document.get("touched", {}),
    )


def journal_outcome(
    outcome: Outcome, artifacts: Mapping[str, str], scrub: Callable[[str], str]
) -> dict[str, Any]:
    """Return what the journal keeps: all figures, and of the items those that are not equal."""
    document = outcome_document(outcome)
    unequal = [item for item in outcome.items if item.result != "equal"]
    return document | {
        "message": scrub(outcome.message),
        "losses": [scrub(loss) for loss in outcome.losses],
        "items_total": len(outcome.items),
        "items": [
            {"item": item.item, "result": item.result, "detail": scrub(item.detail)}
            for item in unequal[:ITEMS_IN_JOURNAL]
        ],
        "artifacts": dict(artifacts),
    }


def artifacts_of(folder: Path, leave_out: Callable[[str], bool]) -> dict[str, str]:
    """Return path and SHA-256 of what an attempt left behind, the first thousand by name."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )  # fmt: skip
    names = [(quote(path.relative_to(folder).as_posix()), path) for path in files]
    kept = [(name, path) for name, path in names if not leave_out(name)]
    return {name: _digest(path) for name, path in kept[:ARTIFACTS_IN_JOURNAL]}


def step_document(step: Step) -> dict[str, Any]:
    """Return a step as a child process is told it."""
    return {
        "id": step.id,
        "kind": step.kind,
        "params": storable(dict(step.params)),
        "effect": step.effect.value,
        "needs": list(step.needs),
        "timeout_s": step.timeout_s,
        "retries": step.retries,
        "on_interrupt": step.on_interrupt.value,
        "backoff_s": step.backoff_s,
        "pool": step.pool,
    }


def step_from_document(document: Mapping[str, Any]) -> Step:
    """Return the step that `step_document` wrote."""
    return Step(
        id=document["id"],
        kind=document["kind"],
        params=document["params"],
        effect=Effect(document["effect"]),
        needs=tuple(document["needs"]),
        timeout_s=document["timeout_s"],
        retries=document["retries"],
        on_interrupt=OnInterrupt(document["on_interrupt"]),
        backoff_s=document["backoff_s"],
        pool=document["pool"],
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
