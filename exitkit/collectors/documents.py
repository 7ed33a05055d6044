"""Take along the documents, and say which of those that an exit needs are missing or stale."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from exitkit.assess.document_list import (
    FoundDocument,
    Match,
    is_stale,
    match_all,
    required_documents,
)
from exitkit.drivers.document_text import MEDIA_TYPES, DocumentText, is_rewritable, read_document
from exitkit.drivers.source_files import DENIED, entries, name_below, refusal
from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.required_documents import default_stale_after_months, type_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.paths import LONGEST_PATH, segment
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.workspace.files import load_contract

PROVIDER = "documents"
FILE, REQUIRED = "Document/File", "Document/Required"
MOST_FILES = 20_000
CONTRACT_FILE = "contract.yaml"


@dataclass(frozen=True, slots=True)
class _Age:
    """After how many months a document is stale, and whether anybody said so."""

    months: int
    is_default: bool
    today: dt.date

    def flags(self, modified: dt.date) -> tuple[str, ...]:
        if not is_stale(modified, self.today, self.months):
            return ()
        default = ", the default" if self.is_default else ""
        return (f"stale: last changed {modified}, over {self.months} months ago{default}",)


class DocumentsCollector:
    """Files and folders of documents, held against the contract's list."""

    type: ClassVar[str] = "documents"
    needs: ClassVar[tuple[str, ...]] = ("pypdf:documents",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield every document found, then every one that has to be there."""
        files: dict[str, Path] = {}
        all_read = True
        for written in source.settings["paths"]:
            path, name = source.base / str(written), name_below(source.base, str(written))
            if not path.exists():
                reason = "no such path"
                yield _call(source, name, CallOutcome.UNAVAILABLE, 0, reason)
                all_read = False
                continue
            before = len(files)
            for inside, file, refused in _walk(name, path):
                if refused:
                    outcome = CallOutcome.REFUSED if refused == DENIED else CallOutcome.EXCLUDED
                    all_read = all_read and refused != DENIED
                    yield _call(source, inside, outcome, 0, refused)
                elif len(files) < MOST_FILES:
                    files[inside] = file
                else:
                    reason = f"over {MOST_FILES} files; name narrower paths"
                    yield _call(source, inside, CallOutcome.UNSUPPORTED, 0, reason)
            new = len(files) - before
            outcome = CallOutcome.COLLECTED if new else CallOutcome.EMPTY
            yield _call(source, name, outcome, new)
        found: list[FoundDocument] = []
        one_document = partial(_document, source, context)
        with ThreadPoolExecutor(min(context.limits.workers, os.cpu_count() or 1)) as pool:
            for document, findings in pool.map(one_document, files, files.values()):
                found.append(document)
                yield from findings
        for match in match_all(_required(source), found):
            yield from _requirement(source, match, context, all_read=all_read)

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the folders, so that no rehearsal writes into them."""
        paths = (source.base / str(name) for name in source.settings["paths"])
        return frozenset(f"folder:{path.resolve()}" for path in paths)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for each path."""
        for name in source.settings["paths"]:
            there = (source.base / str(name)).exists()
            detail, move = ("found", "") if there else ("no such path", "correct `paths:`")
            yield Check(f"{source.id}: {name}", there, detail, move)


def _walk(name: str, path: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield (name, path, why it is left out) of every file, in name order."""
    refused = refusal(path)
    if refused or path.is_file():
        yield name, path, refused
        return
    for inside, entry in entries(name, path):
        if entry.name.startswith((".", "~$")):
            yield inside, entry, "hidden or temporary"
        else:
            yield from _walk(inside, entry)


def _document(
    source: Source, context: Context, name: str, path: Path
) -> tuple[FoundDocument, list[Finding]]:
    ref = Ref(PROVIDER, source.id, "", FILE, name)
    size = path.stat().st_size
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    is_large = size > context.limits.max_file_bytes
    read = DocumentText(fault=f"{size} bytes are over max_file_bytes")
    if not is_large:
        read = read_document(path, context.limits.call_deadline_s)
    redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
    title = redactor.apply(read.title)
    changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date()
    modified = read.modified or changed
    type_ = type_of(name, title)
    config: dict[str, Any] = {
        "path": name,
        "bytes": size,
        "sha256": digest,
        "documentType": type_.id if type_ else "other",
        "title": title,
        "owner": str(source.settings.get("owner", "")) or redactor.apply(read.author),
        "modified": modified.isoformat(),
        "modifiedFrom": "document" if read.modified else "file",
        "characters": len(read.text),
    }
    flags = _age(source, context).flags(modified) if type_ is None or type_.ages else ()
    asset = Asset(
        ref, kind_of(FILE), PurePosixPath(name).name, config, context.now, _owner_tag(config)
    )
    findings: list[Finding] = [asset, _held(ref, path, read, redactor, flags)]
    return FoundDocument(name, title, digest, modified), findings


def _held(
    ref: Ref, path: Path, read: DocumentText, redactor: Redactor, flags: tuple[str, ...]
) -> Draft | Gap:
    """Keep the document as it is, or as text where what it holds must not leave in clear."""
    suffix = path.suffix.lower()
    if read.fault:
        return _unread(ref, read.fault, flags)
    media_type, original = MEDIA_TYPES[suffix], path.read_bytes()
    masked = redactor.apply(read.text)
    text = Content(_place(ref, "text"), masked.encode(), "text/plain", "document",
                   origin="generated-by-exitkit")  # fmt: skip
    if is_rewritable(path):
        # Latin-1 gives every byte back; what credentials look like is ASCII.
        body = redactor.apply(original.decode("latin-1")).encode("latin-1")
        contents: tuple[Content, ...] = (
            Content(_place(ref), body, media_type, "document", origin="human"),
        )
        is_whole = body == original
    else:
        is_whole = masked == read.text
        whole = Content(_place(ref), original, media_type, "document", origin="human")
        contents = ((whole,) if is_whole else ()) + ((text,) if read.text else ())
    if not read.text.strip():
        flags = (*flags, "no text in it: nothing was searched for credentials")
    if not is_whole:
        kept = "they are masked" if is_rewritable(path) else "only its masked text is kept"
        flags = (*flags, f"it holds credentials in clear: {kept}")
    volume = sum(len(content.body) for content in contents if isinstance(content.body, bytes))
    return Draft(
        ref, Aspect.DOCUMENTATION, Level.IMPORTABLE if is_whole else Level.OPEN, method="file",
        format=media_type, contents=contents, loss=flags, volume_bytes=volume,
    )  # fmt: skip


def _unread(ref: Ref, fault: str, flags: tuple[str, ...]) -> Gap:
    # What nobody can read may hold credentials, which must not travel in clear.
    reason = "encrypted-no-key" if fault.startswith("encrypted") else "format-closed"
    if "over max_file_bytes" in fault:
        reason = "too-large"
    return Gap(
        ref, Aspect.DOCUMENTATION, Level.DESCRIBED, reason,
        f"Only its name and its digest are held: {fault}.", Responsible.CUSTOMER,
        "Save it as PDF, OpenDocument or text without a password, or take it along beside this.",
        method="file", confidence="high", loss=flags,
    )  # fmt: skip


def _required(source: Source) -> Iterator[Any]:
    path = source.base / CONTRACT_FILE
    contract = load_contract(path).document if path.is_file() else {}
    return required_documents(contract, source.settings.get("required", ()))


def _requirement(
    source: Source, match: Match, context: Context, *, all_read: bool
) -> Iterator[Finding]:
    required = match.required
    ref = Ref(PROVIDER, source.id, "", REQUIRED, required.id)
    config = {
        "requiredBy": required.source,
        "documentType": required.type.id if required.type else "other",
        "recognizedBy": match.how or "nothing",
        "found": [one.path for one in match.found],
    }
    status = "active" if match.found else "unknown"
    yield Asset(ref, kind_of(REQUIRED), required.title, config, context.now, status=status)
    for one in match.found:
        yield Relation(ref, "documentedBy", Ref(PROVIDER, source.id, "", FILE, one.path))
    if not match.found and not all_read:
        yield Gap(
            ref, Aspect.DOCUMENTATION, Level.UNKNOWN, "not-assessed",
            f"Not found, and not everything could be read: {required.title}.",
            Responsible.CUSTOMER, "Bring back what `paths:` names, and take another snapshot.",
            method="document list", source=required.source, confidence="high",
        )  # fmt: skip
    else:
        yield _answer(ref, match, _age(source, context))


def _answer(ref: Ref, match: Match, age: _Age) -> Draft | Gap:
    title = match.required.title

    def gap(level: Level, text: str, workaround: str, flags: tuple[str, ...] = ()) -> Gap:
        return Gap(
            ref, Aspect.DOCUMENTATION, level, "other", text, Responsible.PROVIDER, workaround,
            method="document list", source=match.required.source, confidence="high", loss=flags,
        )  # fmt: skip

    if not match.found:
        return gap(
            Level.NONE, f"Missing: {title}.",
            "Ask the provider for it in writing, and put it where `paths:` looks.",
        )  # fmt: skip
    newest = max(one.modified for one in match.found)
    flags = age.flags(newest) if match.is_stale(age.today, age.months) else ()
    if match.differs:
        return gap(
            Level.DESCRIBED, f"Not the agreed version of: {title} (its SHA-256 differs).",
            "Ask the provider which version holds, and correct contract.yaml or the file.", flags,
        )  # fmt: skip
    return Draft(
        ref, Aspect.DOCUMENTATION, Level.IMPORTABLE, method=f"recognized by {match.how}",
        format="document list", loss=flags,
    )  # fmt: skip


def _age(source: Source, context: Context) -> _Age:
    said = source.settings.get("stale_after_months")
    months = default_stale_after_months() if said is None else int(said)
    return _Age(months, said is None, context.now.date())


def _owner_tag(config: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return (("owner", config["owner"]),) if config["owner"] else ()


def _place(ref: Ref, tree: str = "") -> str:
    """Return where in the bundle a document stands: its own path, spelled for any system."""
    folder = (f"docs-{tree}" if tree else "docs", segment(ref.scope))
    parts = [part for part in ref.native_id.split("/") if part]
    readable = "/".join((*folder, *map(segment, parts)))
    return (
        readable if len(readable) <= LONGEST_PATH else "/".join((*folder, segment(ref.native_id)))
    )


def _call(source: Source, name: str, outcome: CallOutcome, count: int, reason: str = "") -> Call:
    return Call(
        source.id, source.id, "", "documents:Read", outcome, count, binding=name, reason=reason
    )  # fmt: skip
