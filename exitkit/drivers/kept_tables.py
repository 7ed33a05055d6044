"""Keep the rows and definitions of a database in open files, whoever made it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from exitkit.drivers.database import DatabaseError, Table
from exitkit.model.asset import Ref
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes
from exitkit.store.paths import segment

FORMAT = "SQL schema and one CSV file (RFC 4180) by table"


@dataclass(frozen=True, slots=True)
class DatabaseVisit:
    """What every step of one collection of a server needs to know, and its lines of the ledger."""

    source: Source
    context: Context
    scope: str

    def call(self, operation: str, outcome: CallOutcome, **fields: Any) -> Call:
        """Return a line of the ledger."""
        return Call(self.source.id, self.scope, "", operation, outcome, **fields)

    def failed(self, operation: str, fault: DatabaseError, binding: str = "") -> Call:
        """Return the line of a call that the server refused or did not answer."""
        outcome = CallOutcome.REFUSED if fault.permission else CallOutcome.UNAVAILABLE
        return self.call(
            operation, outcome, binding=binding, permission=fault.permission, reason=str(fault)
        )


def data_gap(ref: Ref, reason: str, text: str, grant: str) -> Gap:
    """Return why the rows of a database stay behind; `grant` is what a login lacks that may not."""
    workarounds = {
        "permission-denied": grant,
        "too-large": "restore a physical backup at the new site, or raise the limit",
        "not-supported-by-tool": "install the client programs of the server's version",
    }
    return Gap(
        ref, Aspect.DATA, Level.NONE, reason, text, Responsible.CUSTOMER,
        workarounds.get(reason, "take the snapshot again when the server answers"),
    )  # fmt: skip


def keep_table(
    context: Context, ref: Ref, table: Table, blocks: Iterable[bytes], folder: str
) -> tuple[Content, dict[str, Any]]:
    """Write a table's CSV to the spool; return it with its line of `tables.jsonl`.

    Each of `blocks` ends where a record ends, or is a part of one record.
    """
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    file = f"{segment(name, 80)}.csv"
    spooled = context.spool / f"{ref.urn.removeprefix('urn:uuid:')}-{file}"
    digest, rows, size, quotes = hashlib.sha256(), 0, 0, 0
    with spooled.open("wb") as stream:
        for block in blocks:
            stream.write(block)
            digest.update(block)
            size += len(block)
            # The server hands over one record at a time, line breaks within quotes included.
            quotes += block.count(b'"')
            rows += block.endswith(b"\n") and quotes % 2 == 0
    line = {
        "schema": table.schema, "name": table.name, "columns": list(table.columns),
        "key": list(table.key), "rows": rows - 1, "sizeBytes": size, "sha256": digest.hexdigest(),
        "path": f"{folder}/tables/{file}",
    }  # fmt: skip
    return Content(f"{folder}/tables/{file}", spooled, "text/csv", "data"), line


def keep_rows(
    ref: Ref,
    folder: str,
    contents: list[Content],
    lines: list[dict[str, Any]],
    method: str,
    loss: tuple[str, ...],
) -> Iterator[Finding]:
    """Yield the dataset of all tables and the draft that holds their files."""
    listing = b"".join(canonical_bytes(line) + b"\n" for line in lines)
    listed = file_content(f"{folder}/tables.jsonl", listing, "application/jsonl")
    rows, size = sum(line["rows"] for line in lines), sum(line["sizeBytes"] for line in lines)
    yield Dataset(ref, FORMAT, rows, size, listing=f"{folder}/tables.jsonl")
    yield Draft(ref, Aspect.DATA, Level.IMPORTABLE, method, FORMAT, (*contents, listed), loss, size)


def keep_definitions(definitions: Iterable[tuple[str, str, str]], folder: str) -> Content:
    """Return `definitions.jsonl`: everything by kind and name, as the server words it."""
    lines = (
        canonical_bytes({"kind": kind, "name": name, "definition": definition}) + b"\n"
        for kind, name, definition in definitions
    )
    return file_content(f"{folder}/definitions.jsonl", b"".join(lines), "application/jsonl")


def file_content(path: str, body: bytes, media_type: str) -> Content:
    """Return a file of the dataset."""
    return Content(path, body, media_type, "data")
