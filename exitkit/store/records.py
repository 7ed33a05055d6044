"""Turn what was found and decided into records, the one form a bundle keeps (docs/format.md)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exitkit.errors import PluginError
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.identity import encodable, stable_urn
from exitkit.model.ledger import Call
from exitkit.model.verdict import Aspect, Content, Exportability, Level, Responsible
from exitkit.store.canonical import canonical_bytes, instant, storable, timestamp
from exitkit.store.paths import native_path

Record = dict[str, Any]


def asset_record(asset: Asset, artifacts: Sequence[Mapping[str, Any]] = ()) -> Record:
    """Return the line of `assets.jsonl`; its configuration goes to `native_record`.

    `artifacts` are those of `artifact` for every Content that belongs to the asset.
    """
    kept = [dict(artifact) for artifact in artifacts]
    if asset.config:
        kept.append(_native_artifact(asset))
    kept.sort(key=lambda artifact: (artifact["path"], artifact["role"]))
    return without_empty(
        {
            "@id": asset.ref.urn,
            "@type": "Asset",
            "kind": asset.kind,
            "name": asset.name,
            "provider": provider(asset.ref),
            "status": asset.status,
            "artifacts": kept,
            "tags": _pairs(asset.tags, "key"),
            "identifiers": _pairs(asset.identifiers, "scheme"),
            "ext": {"exitkit": storable(dict(asset.ext))} if asset.ext else {},
        },
        keep=("name",),
    )


def asset_from_record(
    record: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
    observed_at: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
) -> Asset:
    """Return the asset of a record; `config` is `Bundle.native(record)`.

    Records hold no observation time: pass the end of the bundle's observation window.
    """
    return Asset(
        ref=ref_of(record["provider"]),
        kind=record["kind"],
        name=record["name"],
        config=config or {},
        observed_at=observed_at,
        tags=tuple((tag["key"], tag["value"]) for tag in record.get("tags", ())),
        identifiers=tuple((i["scheme"], i["value"]) for i in record.get("identifiers", ())),
        status=record["status"],
        ext=record.get("ext", {}).get("exitkit", {}),
    )


def native_record(asset: Asset) -> Record:
    """Return the line of a pack: the provider's own answer, less what changes by itself."""
    config = {key: value for key, value in asset.config.items() if key not in asset.volatile}
    return {
        "@id": asset.ref.urn,
        "@type": "NativeConfiguration",
        "provider": provider(asset.ref),
        "config": storable(config),
    }


def artifact(content: Content) -> Record:
    """Return what an asset record says of bytes kept for it."""
    if content.role == "native-config":
        raise PluginError(f"{content.path}: native-config is the pack's own role; say what it is")
    if isinstance(content.body, Path):
        with content.body.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = content.body.stat().st_size
    else:
        digest, size = hashlib.sha256(content.body).hexdigest(), len(content.body)
    return {
        "role": content.role,
        "path": content.path,
        "mediaType": content.media_type,
        "origin": content.origin,
        "sha256": digest,
        "sizeBytes": size,
    }


def scope_record(source: str, source_type: str, scope: str, included: str, excluded: str) -> Record:
    """Return the line of `scopes.jsonl`: what was looked at, and what was left out on purpose."""
    return without_empty(
        {
            "@id": stable_urn("ebf-scope-1", source, scope),
            "@type": "Scope",
            "source": source,
            "sourceType": source_type,
            "scope": scope,
            "included": included,
            "excluded": excluded,
        }
    )


def call_record(call: Call) -> Record:
    """Return the line of `calls.jsonl`, the coverage ledger."""
    answer = call.acknowledgement
    return without_empty(
        {
            "@id": call.urn,
            "@type": "Call",
            "source": call.source,
            "scope": call.scope,
            "region": call.region,
            "operation": call.operation,
            "binding": call.binding,
            "outcome": call.outcome.value,
            "count": call.count,
            "permission": call.permission,
            "reason": storable(call.reason),
            "acknowledgement": answer
            and {
                "operation": answer.operation,
                "reason": answer.reason,
                "by": answer.by,
                "onDate": answer.on.isoformat(),
                "untilDate": answer.until.isoformat(),
            },
        }
    )


def relation_record(relation: Relation) -> Record:
    """Return the line of `relations.jsonl`."""
    return {
        "@id": relation.urn,
        "@type": "Relation",
        "from": relation.subject.urn,
        "relation": relation.relation,
        "to": relation.object.urn,
        "basis": relation.basis,
    }


def exportability_record(verdict: Exportability) -> Record:
    """Return the line of `exportability.jsonl`: whether this aspect of this asset can leave."""
    return without_empty(
        {
            "@id": verdict.urn,
            "@type": "Exportability",
            "asset": verdict.asset.urn,
            "aspect": verdict.aspect.value,
            "level": verdict.level.value,
            "basis": verdict.basis,
            "method": verdict.method,
            "format": verdict.format,
            "reasonCode": verdict.reason,
            "reasonText": verdict.text,
            "responsibleParty": verdict.responsible and verdict.responsible.value,
            "workaround": verdict.workaround,
            "source": verdict.source,
            "confidence": verdict.confidence,
            "loss": sorted(set(verdict.loss)),
            "rehearsedAt": verdict.rehearsed_at and timestamp(verdict.rehearsed_at),
            "rehearsedIn": verdict.rehearsed_in,
        }
    )


def exportability_from_record(record: Mapping[str, Any], asset: Ref) -> Exportability:
    """Return the verdict of a record; `asset` is the ref of the asset it names."""
    responsible = record.get("responsibleParty")
    rehearsed_at = record.get("rehearsedAt")
    return Exportability(
        asset=asset,
        aspect=Aspect(record["aspect"]),
        level=Level(record["level"]),
        basis=record["basis"],
        method=record["method"],
        format=record.get("format", ""),
        reason=record.get("reasonCode", ""),
        text=record.get("reasonText", ""),
        responsible=Responsible(responsible) if responsible else None,
        workaround=record.get("workaround", ""),
        source=record.get("source", ""),
        confidence=record.get("confidence", ""),
        loss=tuple(record.get("loss", ())),
        rehearsed_at=instant(rehearsed_at) if rehearsed_at else None,
        rehearsed_in=record.get("rehearsedIn", ""),
    )


def access_record(access: Access) -> Record:
    """Return the line of `access.jsonl`: who may do what to what."""
    return without_empty(
        {
            "@id": access.urn,
            "@type": "Access",
            "principal": access.principal.urn,
            "principalPlace": provider(access.principal),
            "principalType": access.principal_type,
            "permission": access.permission,
            "resource": access.resource,
            "effect": access.effect,
            "via": list(access.via),
            "conditions": access.conditions,
            "lastUsedOn": access.last_used_on and access.last_used_on.isoformat(),
            "expiresOn": access.expires_on and access.expires_on.isoformat(),
        }
    )


def license_record(holding: License) -> Record:
    """Return the line of `licenses.jsonl`: what an agreement lets us take along."""
    return without_empty(
        {
            "@id": stable_urn("ebf-lic-1", holding.ref.urn),
            "@type": "License",
            "asset": holding.ref.urn,
            "product": holding.product,
            "publisher": holding.publisher,
            "transferable": holding.transferable,
            "licenseType": holding.license_type,
            "metric": holding.metric,
            "quantity": holding.quantity,
            "clause": holding.clause,
            "noticeDays": holding.notice_days,
            "noticeDate": holding.notice_date and holding.notice_date.isoformat(),
            "expirationDate": holding.expires_on and holding.expires_on.isoformat(),
            "restrictions": sorted(set(holding.restrictions)),
            "spdxExpression": holding.spdx_expression,
        },
        keep=("publisher",),
    )


def automation_record(holding: Automation) -> Record:
    """Return the line of `automation.jsonl`: a script and what ties it to where it runs now."""
    findings = sorted(holding.findings, key=lambda f: (f.path, f.line, f.rule, f.excerpt))
    return without_empty(
        {
            "@id": stable_urn("ebf-aut-1", holding.ref.urn),
            "@type": "Automation",
            "asset": holding.ref.urn,
            "language": holding.language,
            "portability": holding.portability,
            "findings": [
                {"path": f.path, "line": f.line, "rule": f.rule, "excerpt": storable(f.excerpt)}
                for f in findings
            ],
        }
    )


def document_record(ref: Ref, title: str, subject: str = "") -> Record:
    """Return the line of `documents.jsonl`; the document's bytes are artifacts of its asset."""
    return without_empty(
        {
            "@id": stable_urn("ebf-doc-1", ref.urn),
            "@type": "Document",
            "asset": ref.urn,
            "title": title,
            "subject": subject,
        }
    )


def dataset_record(holding: Dataset) -> Record:
    """Return the line of `datasets.jsonl`: what a body of data holds and how it was taken."""
    return without_empty(
        {
            "@id": stable_urn("ebf-set-1", holding.ref.urn),
            "@type": "Dataset",
            "asset": holding.ref.urn,
            "format": holding.format,
            "records": holding.records,
            "sizeBytes": holding.size_bytes,
            "consistency": holding.consistency,
            "listing": holding.listing,
            **(_versions(holding) if holding.versions else {}),
        }
    )


def _versions(holding: Dataset) -> Record:
    return {
        "versions": holding.versions,
        "earlierVersions": holding.earlier_versions,
        "earlierSizeBytes": holding.earlier_bytes,
        "deleteMarkers": holding.delete_markers,
    }


def provider(ref: Ref) -> Record:
    """Return how a record says where a thing lives."""
    return {
        "name": ref.provider,
        "scope": encodable(ref.scope),
        "region": encodable(ref.region),
        "nativeType": encodable(ref.native_type),
        "nativeId": encodable(ref.native_id),
    }


def ref_of(place: Mapping[str, str]) -> Ref:
    """Return the ref that `provider` wrote."""
    return Ref(
        place["name"], place["scope"], place["region"], place["nativeType"], place["nativeId"]
    )


def _native_artifact(asset: Asset) -> Record:
    line = canonical_bytes(native_record(asset))
    return {
        "role": "native-config",
        "path": native_path(asset.ref),
        "mediaType": "application/jsonl",
        "origin": "provider-api",
        "sha256": hashlib.sha256(line).hexdigest(),
        "sizeBytes": len(line),
    }


def _pairs(pairs: Sequence[tuple[str, str]], name: str) -> list[Record]:
    return [{name: storable(key), "value": storable(value)} for key, value in sorted(set(pairs))]


def without_empty(record: Record, keep: Sequence[str] = ()) -> Record:
    """Leave out what does not apply: absent is absent, never null or an empty text."""
    return {
        key: encodable(value) if isinstance(value, str) else value
        for key, value in record.items()
        if key in keep or value is False or value == 0 or value
    }
