"""Lay beside the records what a reader needs in ten years: words, schemas, verifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

from exitkit.store.canonical import canonical_bytes, timestamp
from exitkit.store.descriptor import BundleInputs
from exitkit.store.layout import SCHEMAS, schema_path
from exitkit.store.schemas import schema_bytes

RELATIONS = {
    "connectsTo": "reaches the other over a network",
    "contains": "holds the other, which ends with it",
    "dependsOn": "does not work without the other",
    "documentedBy": "is explained by the other",
    "encryptedWith": "is readable only with the other",
    "governedBy": "is subject to the other, a contract or a policy",
    "grants": "gives the rights that the other states",
    "licensedBy": "may be used because of the other",
    "managedBy": "is created and changed by the other",
    "memberOf": "belongs to the other, a group or a role",
    "runsOn": "runs on the other",
    "storesDataIn": "keeps its data in the other",
}


def spec_files(
    kinds: Mapping[str, Sequence[str]], reasons: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield (path relative to `data/`, bytes) of everything that explains the bundle."""
    store = files("exitkit.store")
    yield "spec/ebf-1.0.txt", (store / "ebf-1.0.txt").read_bytes()
    yield "spec/verify.py", (store / "verify_bundle.py").read_bytes()
    for schema in sorted(set(SCHEMAS)):
        yield schema_path(schema), schema_bytes(schema)
    yield (
        "spec/vocab/kinds.jsonl",
        _lines(
            {"@id": kind, "@type": "Kind", "aspects": sorted(set(aspects))}
            for kind, aspects in kinds.items()
        ),
    )
    yield (
        "spec/vocab/reasons.jsonl",
        _lines({"@id": code, "@type": "Reason", "text": text} for code, text in reasons.items()),
    )
    yield (
        "spec/vocab/relations.jsonl",
        _lines(
            {"@id": name, "@type": "RelationKind", "text": text} for name, text in RELATIONS.items()
        ),
    )


def read_me_first(inputs: BundleInputs) -> bytes:
    """Return READ-ME-FIRST.txt: what this is and how to check it with common tools."""
    template = (files("exitkit.store") / "read-me-first.txt").read_text(encoding="utf-8")
    filled = template.format(
        name=f"{inputs.series}-{inputs.sequence:06d}",
        sealed_at=timestamp(inputs.sealed_at),
        start_at=timestamp(inputs.observation_start),
        end_at=timestamp(inputs.observation_end),
        customer=inputs.customer or "not stated",
        scope=inputs.scope_statement or "see data/records/scopes.jsonl",
        previous=inputs.previous_bundle or "none, this is the first of its series",
        signer=inputs.signer or "not stated; ask the party that gave you this bundle",
    )
    return filled.encode()


def _lines(records: Iterator[Mapping[str, object]]) -> bytes:
    return b"".join(line + b"\n" for line in sorted(map(canonical_bytes, records)))
