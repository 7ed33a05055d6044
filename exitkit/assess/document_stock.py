"""Say of every document of a bundle how old it is, whose, and whether it answers what is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.document_list import is_stale
from exitkit.knowledge.required_documents import default_stale_after_months, document_types

FILE, REQUIRED = "Document/File", "Document/Required"
STATES = ("missing", "differs", "stale", "present")
"""How a required document stands, the worst first."""

Record = Mapping[str, Any]
Described = tuple[Record, Record, Record]
"""The record of an asset, its configuration, and its verdict on documentation."""


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
    """A document that has to be there, with its state; owner and age are those of the newest."""

    id: str
    title: str
    required_by: str
    state: str
    found: tuple[str, ...]
    recognized_by: str
    type: str = "other"
    owner: str = ""
    age_days: int | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """Every document of a bundle; `findings` are the reasons for exit code 1."""

    bundle: str
    documents: tuple[DocumentLine, ...]
    required: tuple[RequiredLine, ...]
    findings: tuple[str, ...]


def document_stock(
    bundle_id: str, described: Iterable[Described], today: dt.date, months: Mapping[str, int]
) -> Documents:
    """Tell of the documents as they stand on `today`; `months` is when each source calls stale."""
    documents: dict[tuple[str, str], DocumentLine] = {}
    wanted: list[tuple[str, Described]] = []
    for asset, config, verdict in described:
        scope = str(asset["provider"]["scope"])
        if asset["provider"]["nativeType"] == FILE:
            limit = months.get(scope, default_stale_after_months())
            line = _document(config, verdict, today, limit)
            documents[scope, line.path] = line
        else:
            wanted.append((scope, (asset, config, verdict)))
    required = [_required(scope, documents, *one) for scope, one in wanted]
    return Documents(
        bundle_id,
        tuple(sorted(documents.values(), key=lambda line: line.path)),
        tuple(sorted(required, key=lambda line: (line.state == "present", line.id))),
        tuple(sorted(_findings(documents.values(), required))),
    )


def _document(config: Record, verdict: Record, today: dt.date, months: int) -> DocumentLine:
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
    documents: Mapping[tuple[str, str], DocumentLine],
    asset: Record,
    config: Record,
    verdict: Record,
) -> RequiredLine:
    found = tuple(map(str, config["found"]))
    lines = [documents[scope, path] for path in found if (scope, path) in documents]
    newest = min(lines, key=lambda line: line.age_days, default=None)
    state = "present"
    if not found:
        state = "missing"
    elif verdict["level"] == "described":
        state = "differs"
    elif lines and all(line.stale for line in lines):
        state = "stale"
    return RequiredLine(
        id=str(asset["provider"]["nativeId"]),
        title=str(asset["name"]),
        required_by=str(config["requiredBy"]),
        state=state,
        found=found,
        recognized_by=str(config["recognizedBy"]),
        type=str(config["documentType"]),
        owner=newest.owner if newest else "",
        age_days=newest.age_days if newest else None,
    )


def _findings(documents: Iterable[DocumentLine], required: Iterable[RequiredLine]) -> Iterator[str]:
    for one in required:
        if one.state != "present":
            yield f"{one.state}: {one.title}, required by {one.required_by}"
    for line in documents:
        if line.stale:
            yield f"stale: {line.path}, last changed {line.modified}"
