"""Take in what a party declares: CMDB and asset-register exports, annexes, with who and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from exitkit.drivers.tables import read_table
from exitkit.errors import InputError
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

PROVIDER = "declared"
NATIVE_TYPE = "Declared/Item"
FIELDS = (
    "id", "name", "type", "serial", "arn", "address", "host", "scope", "region", "status", "owner",
    "description",
)  # fmt: skip
IDENTIFIERS = ("serial", "arn", "address", "host")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row with who declared it, when, and where it stands."""

    declared: Mapping[str, Any]
    fields: Mapping[str, str]

    @property
    def place(self) -> str:
        return f"{self.declared['file']}:{self.declared['row']}"


class DeclaredCollector:
    """Rows of exported registers, each an asset that nobody has looked at yet."""

    type: ClassVar[str] = "declared"
    needs: ClassVar[tuple[str, ...]] = ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield an asset for each id, and a ledger line for each file."""
        found: dict[str, list[_Row]] = {}
        redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
        for entry in source.settings["files"]:
            rows = list(_rows(source, entry))
            outcome = CallOutcome.COLLECTED if rows else CallOutcome.EMPTY
            yield Call(
                source.id, source.id, "", f"declared:{entry['path']}", outcome, len(rows),
                reason=f"declared by {entry['party']} on {entry['date']}",
            )  # fmt: skip
            for number, fields in rows:
                declared = {"party": str(entry["party"]), "date": str(entry["date"]),
                            "file": str(entry["path"]), "row": number}  # fmt: skip
                row = _Row(declared, {name: redactor.apply(text) for name, text in fields.items()})
                native_id = row.fields.get("id") or row.fields.get("name") or row.place
                found.setdefault(native_id, []).append(row)
        for native_id, same in found.items():
            yield from _thing(source, native_id, same, context)

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


def _thing(
    source: Source, native_id: str, rows: Sequence[_Row], context: Context
) -> Iterator[Finding]:
    """Yield what a row declares; where several share an id, none of them is dropped or believed."""
    ref = Ref(PROVIDER, source.id, "", NATIVE_TYPE, native_id)
    first, *further = rows
    config: dict[str, Any] = {"declared": dict(first.declared), "fields": dict(first.fields)}
    if further:
        config["further"] = [
            {"declared": dict(row.declared), "fields": dict(row.fields)} for row in further
        ]
    marks = sorted({(n, row.fields[n]) for row in rows for n in IDENTIFIERS if n in row.fields})
    yield Asset(
        ref, kind_of(NATIVE_TYPE), first.fields.get("name", native_id), config, context.now,
        identifiers=tuple(marks), status="unknown",
    )  # fmt: skip
    if further:
        places = ", ".join(row.place for row in rows)
        yield Gap(
            ref, Aspect.CONFIGURATION, Level.DESCRIBED, "not-assessed",
            f"The id {native_id} stands on {places}: which of them holds is not known.",
            Responsible.PROVIDER,
            "Ask the declaring party which row holds, or map `id` to a column that tells them"
            " apart.",
            method="register", confidence="high",
        )  # fmt: skip
