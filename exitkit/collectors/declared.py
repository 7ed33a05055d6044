"""Take in what a party declares: CMDB and asset-register exports, annexes, with who and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.drivers.tables import read_table
from exitkit.errors import InputError
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

PROVIDER = "declared"
NATIVE_TYPE = "Declared/Item"
FIELDS = (
    "id", "name", "type", "serial", "arn", "address", "host", "scope", "region", "status", "owner",
    "description",
)  # fmt: skip
IDENTIFIERS = ("serial", "arn", "address", "host")


class DeclaredCollector:
    """Rows of exported registers, each an asset that nobody has looked at yet."""

    type: ClassVar[str] = "declared"
    needs: ClassVar[tuple[str, ...]] = ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield an asset for each row, and a ledger line for each file."""
        seen: dict[str, str] = {}
        redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
        for entry in source.settings["files"]:
            rows = list(_rows(source, entry))
            outcome = CallOutcome.COLLECTED if rows else CallOutcome.EMPTY
            yield Call(
                source.id, source.id, "", f"declared:{entry['path']}", outcome, len(rows),
                reason=f"declared by {entry['party']} on {entry['date']}",
            )  # fmt: skip
            for number, fields in rows:
                place = f"{entry['path']}:{number}"
                native_id = fields.get("id") or fields.get("name") or place
                if native_id in seen:
                    raise InputError(
                        f"{place}: {native_id!r} stands on {seen[native_id]} too; map `id` to a"
                        " column that tells them apart"
                    )
                seen[native_id] = place
                clean = {name: redactor.apply(text) for name, text in fields.items()}
                yield _asset(source, native_id, clean, entry, number, context)

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name nothing: files are read, and no target is a register."""
        return frozenset()

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Read every file once."""
        for entry in source.settings["files"]:
            subject = f"{source.id}: {entry['path']}"
            try:
                count = len(list(_rows(source, entry)))
            except InputError as error:
                yield Check(subject, ok=False, detail=str(error), next_move="see the message")
            else:
                yield Check(subject, ok=True, detail=f"{count} rows")


def _rows(source: Source, entry: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the mapped fields of each row; a heading that is not there is a fault."""
    columns: Mapping[str, str] = entry["columns"]
    for count, (number, row) in enumerate(
        read_table(source.base / str(entry["path"]), str(entry.get("sheet", "")))
    ):
        if not count:
            absent = [heading for heading in columns.values() if heading not in row]
            if absent:
                raise InputError(
                    f"{entry['path']}: no column {absent[0]!r}; there are {', '.join(row)}"
                )
        fields = {field: row.get(heading, "") for field, heading in columns.items()}
        yield number, {field: text for field, text in fields.items() if text}


def _asset(
    source: Source, native_id: str, fields: Mapping[str, str], entry: Mapping[str, Any],
    number: int, context: Context,
) -> Asset:  # fmt: skip
    ref = Ref(PROVIDER, source.id, "", NATIVE_TYPE, native_id)
    declared = {"party": str(entry["party"]), "date": str(entry["date"]),
                "file": str(entry["path"]), "row": number}  # fmt: skip
    return Asset(
        ref, kind_of(NATIVE_TYPE), fields.get("name", native_id),
        {"declared": declared, "fields": dict(fields)}, context.now,
        identifiers=tuple((name, fields[name]) for name in IDENTIFIERS if name in fields),
        status="unknown",
    )  # fmt: skip
