"""Choose which records a report prints, so that a big estate still makes a file that opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from exitkit.report.figure import text_at
from exitkit.report.parts import Link, RecordRow, RecordTable

Record = Mapping[str, Any]
Records = Mapping[str, Iterable[Record]]

ORDINARY_ROWS = 120
NEEDED_ROWS = 2000

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "assets": (
        "kind", "name", "provider.scope", "provider.region", "provider.nativeType",
        "provider.nativeId",
    ),
    "calls": ("source", "scope", "region", "operation", "outcome", "count", "reason"),
    "exportability": (
        "asset", "aspect", "level", "reasonCode", "responsibleParty", "basis", "source",
    ),
    "access": (
        "principal", "principalType", "permission", "resource", "effect", "lastUsedOn", "expiresOn",
    ),
    "licenses": ("product", "publisher", "transferable", "quantity", "noticeDate"),
    "automation": ("asset", "language", "portability"),
    "datasets": ("asset", "format", "records", "sizeBytes", "consistency"),
}  # fmt: skip
"""The members worth reading of each table, as dotted paths."""
ASSET_COLUMNS = ("asset", "principal")
"""Members that are the id of an asset, printed as its name."""


def numbered(records: Records, table: str) -> Iterator[tuple[int, Record]]:
    """Yield the records of a table with their line numbers; a table not there has none."""
    yield from enumerate(records.get(table, ()), start=1)


class Printed:
    """The printed records of one table, offered in file order."""

    def __init__(self, table: str) -> None:
        """Start with none printed."""
        self.table = table
        self._columns = COLUMNS[table]
        self._ordinary: list[RecordRow] = []
        self._needed: list[RecordRow] = []
        self._total = 0

    def offer(self, line: int, record: Record, *, needed: bool = False) -> str:
        """Print the record where there is room; return where its row is, or the empty text."""
        self._total += 1
        rows, limit = (self._needed, NEEDED_ROWS) if needed else (self._ordinary, ORDINARY_ROWS)
        if len(rows) >= limit:
            return ""
        cells = tuple(text_at(record, path) for path in self._columns)
        row = RecordRow(self.table, line, text_at(record, "@id"), cells)
        rows.append(row)
        return row.anchor

    def result(self, names: Names) -> RecordTable:
        """Return the rows in file order, assets by name."""
        rows = sorted(self._needed + self._ordinary, key=lambda row: row.line)
        rows = [replace(row, cells=self._named(row.cells, names)) for row in rows]
        path = f"data/records/{self.table}.jsonl"
        return RecordTable(self.table, path, self._columns, tuple(rows), self._total)

    def _named(self, cells: tuple[str, ...], names: Names) -> tuple[str, ...]:
        return tuple(
            names.link(cell).text if column in ASSET_COLUMNS else cell
            for column, cell in zip(self._columns, cells, strict=True)
        )


class Names:
    """What assets are called, for those that the report names."""

    def __init__(self) -> None:
        """Start with no asset wanted."""
        self._links: dict[str, Link | None] = {}
        self._outside: dict[str, str] = {}

    def want(self, asset_id: str) -> None:
        """Ask for the name of an asset before the assets are read."""
        self._links.setdefault(asset_id, None)

    def wants(self, asset_id: str) -> bool:
        """Tell whether the report names this asset."""
        return asset_id in self._links

    def learn(self, asset_id: str, link: Link) -> None:
        """Take in what an asset is called and where its row is."""
        self._links[asset_id] = link

    def call(self, asset_id: str, text: str) -> None:
        """Say what to call something that is no asset of this bundle."""
        self._outside[asset_id] = text

    def link(self, asset_id: str) -> Link:
        """Return the name and row of an asset; what is none keeps its name or id, without row."""
        return self._links.get(asset_id) or Link(self._outside.get(asset_id) or asset_id)
