"""Hold the documents that were found against those that a contract, or any exit, needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from exitkit.assess.dates import add_months
from exitkit.knowledge.required_documents import DocumentType, document_types

EVERY_EXIT = "what every exit needs"
"""Why a document is required that the contract does not list."""


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document that is there: its path, its digest, and the day it was last changed."""

    path: str
    title: str
    sha256: str
    modified: dt.date


@dataclass(frozen=True, slots=True)
class RequiredDocument:
    """A document that has to be there, and where that is written.

    `path` and `sha256` are what the contract says of it, empty where it says nothing; `type` is
    None for a document that no phrase recognizes.
    """

    id: str
    title: str
    type: DocumentType | None
    source: str
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """What answers a requirement: nothing, or files recognized by `digest`, `path` or `name`.

    `differs` is whether the file at the agreed path is not the agreed one.
    """

    required: RequiredDocument
    found: tuple[FoundDocument, ...] = ()
    how: str = ""
    differs: bool = False

    def is_stale(self, today: dt.date, months: int) -> bool:
        """Tell whether even the newest of the files has aged."""
        ages = self.required.type is None or self.required.type.ages
        newest = max((one.modified for one in self.found), default=None)
        return bool(ages and newest and is_stale(newest, today, months))


def is_stale(modified: dt.date, today: dt.date, months: int) -> bool:
    """Tell whether a document changed on `modified` has aged over `months` months."""
    return add_months(modified, months) < today


def required_documents(
    contract: Mapping[str, Any], only: Collection[str] = ()
) -> Iterator[RequiredDocument]:
    """Yield what the contract lists, then what every exit needs and the contract does not list.

    `only` narrows it to some ids.
    """
    wanted = [*_agreed(contract), *_general(contract)]
    yield from (one for one in wanted if not only or one.id in only)


def match_all(
    required: Iterable[RequiredDocument], found: Sequence[FoundDocument]
) -> Iterator[Match]:
    """Yield what answers each requirement; what the contract pins down decides before a name."""
    for one in required:
        yield _match(one, found)


def _match(required: RequiredDocument, found: Sequence[FoundDocument]) -> Match:
    if required.sha256:
        same = [one for one in found if one.sha256 == required.sha256.lower()]
        if same:
            return Match(required, tuple(same), "digest")
    if required.path:
        there = [one for one in found if _ends_with(one.path, required.path)]
        if there:
            return Match(required, tuple(there), "path", differs=bool(required.sha256))
    if required.path or required.sha256 or required.type is None:
        return Match(required)
    named = [one for one in found if required.type.is_named_by(one.path, one.title)]
    return Match(required, tuple(named), "name") if named else Match(required)


def _ends_with(path: str, agreed: str) -> bool:
    parts, end = PurePosixPath(path).parts, PurePosixPath(agreed).parts
    return bool(end) and parts[-len(end) :] == end


def _agreed(contract: Mapping[str, Any]) -> Iterator[RequiredDocument]:
    types = {one.contract_kind: one for one in document_types() if one.contract_kind}
    for number, row in enumerate(_rows(contract, "documents"), start=1):
        kind = _text(row, "kind")
        type_ = types.get(kind)
        name = _text(row, "id") or f"documents-{number}"
        title = type_.title["en"] if type_ else kind or "Document"
        yield RequiredDocument(
            f"contract/{name}", f"{title} ({name})", type_, _source(row, f"documents: {name}"),
            _text(row, "path"), _text(row, "sha256"),
        )  # fmt: skip
    proof_type = next(one for one in document_types() if one.id == "proofs")
    for number, row in enumerate(_rows(contract, "proofs"), start=1):
        name = _text(row, "id") or f"proofs-{number}"
        yield RequiredDocument(
            f"contract/{name}", f"Proof: {_text(row, 'kind') or 'of unknown kind'} ({name})",
            proof_type, _source(row, f"proofs: {name}"), _text(row, "path"), _text(row, "sha256"),
        )  # fmt: skip


def _general(contract: Mapping[str, Any]) -> Iterator[RequiredDocument]:
    listed = {_text(row, "kind") for row in _rows(contract, "documents")}
    has_proofs = bool(_rows(contract, "proofs"))
    for type_ in document_types():
        is_listed = type_.contract_kind in listed or (type_.id == "proofs" and has_proofs)
        if type_.required and not is_listed:
            title = type_.title["en"]
            yield RequiredDocument(type_.id, title, type_, EVERY_EXIT)


def _rows(contract: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    listed = contract.get(section)
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _text(row: Mapping[str, Any], member: str) -> str:
    value = row.get(member)
    return value if isinstance(value, str) and value != "unknown" else ""


def _source(row: Mapping[str, Any], place: str) -> str:
    clause = _text(row, "clause")
    return f"contract.yaml, {place}{f', clause {clause}' if clause else ''}"
