"""Read a bundle for its documents: what is there, of what age, and what is missing or stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.document_list import is_stale
from exitkit.knowledge.required_documents import default_stale_after_months, document_types
from exitkit.store.reader import Bundle

FILE, REQUIRED = "Document/File", "Document/Required"


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document in the bundle; `text` is why it is not held as it is, empty where it is."""

    path: str
    type: str
    title: str
    owner: str
    modified: str
    age_days: int
    stale: bool
    bytes: int
    sha256: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class RequiredLine:
    """A document that has to be there: `present`, `stale`, `differs` or `missing`."""

    id: str
    title: str
    required_by: str
    state: str
    found: tuple[str, ...]
    recognized_by: str


@dataclass(frozen=True, slots=True)
class Documents:
    """Every document of a bundle; `findings` are the reasons for exit code 1."""

    bundle: str
    documents: tuple[DocumentLine, ...]
    required: tuple[RequiredLine, ...]
    findings: tuple[str, ...]


def read_documents(bundle: Bundle, today: dt.date, months: Mapping[str, int]) -> Documents:
    """Tell of the documents as they stand on `today`; `months` is when each source calls stale."""
    verdict_of = {
        str(row["asset"]): row
        for row in bundle.records("exportability")
        if row["aspect"] == "documentation"
    }
    documents: list[DocumentLine] = []
    wanted: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    stale_of: dict[tuple[str, str], bool] = {}
    for asset in bundle.records("assets"):
        native_type, scope = asset["provider"]["nativeType"], str(asset["provider"]["scope"])
        if native_type == FILE:
            limit = months.get(scope, default_stale_after_months())
            line = _document(bundle.native(asset), verdict_of[asset["@id"]], today, limit)
            documents.append(line)
            stale_of[scope, line.path] = line.stale
        elif native_type == REQUIRED:
            wanted.append((scope, asset, verdict_of[asset["@id"]]))
    required = [
        _required(scope, asset, bundle.native(asset), verdict, stale_of)
        for scope, asset, verdict in wanted
    ]
    return Documents(
        bundle.id,
        tuple(sorted(documents, key=lambda line: line.path)),
        tuple(sorted(required, key=lambda line: (line.state == "present", line.id))),
        tuple(sorted(_findings(documents, required))),
    )


def _document(
    config: Mapping[str, Any], verdict: Mapping[str, Any], today: dt.date, months: int
) -> DocumentLine:
    modified = dt.date.fromisoformat(config["modified"])
    ages = {one.id: one.ages for one in document_types()}
    return DocumentLine(
        path=str(config["path"]),
        type=str(config["documentType"]),
        title=str(config["title"]),
        owner=str(config["owner"]),
        modified=str(config["modified"]),
        age_days=(today - modified).days,
        stale=ages.get(str(config["documentType"]), True) and is_stale(modified, today, months),
        bytes=int(config["bytes"]),
        sha256=str(config["sha256"]),
        level=str(verdict["level"]),
        text=str(verdict.get("reasonText", "")),
    )


def _required(
    scope: str,
    asset: Mapping[str, Any],
    config: Mapping[str, Any],
    verdict: Mapping[str, Any],
    stale_of: Mapping[tuple[str, str], bool],
) -> RequiredLine:
    found = tuple(map(str, config["found"]))
    state = "present"
    if not found:
        state = "missing"
    elif verdict["level"] == "described":
        state = "differs"
    elif all(stale_of.get((scope, path), False) for path in found):
        state = "stale"
    return RequiredLine(
        id=str(asset["provider"]["nativeId"]),
        title=str(asset["name"]),
        required_by=str(config["requiredBy"]),
        state=state,
        found=found,
        recognized_by=str(config["recognizedBy"]),
    )


def _findings(documents: list[DocumentLine], required: list[RequiredLine]) -> Iterator[str]:
    for one in required:
        if one.state != "present":
            yield f"{one.state}: {one.title}, required by {one.required_by}"
    for line in documents:
        if line.stale:
            yield f"stale: {line.path}, last changed {line.modified}"
