"""Tie every number of a report to the records it was counted from, so that anybody can recount."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FIRST_LINES = 12
"""How many line numbers a figure names; the rest is found by its command."""

Where = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a figure comes from: what was done (`measure`) with which records of `table`.

    `where` holds (dotted path, accepted values): values compare as text, an absent member is
    the empty text. `measure` is `count`, or the `value` or the `length` of what the one record
    holds at `field`, a dotted path in which a number is a place in a list.
    """

    table: str
    where: Where = ()
    measure: str = "count"
    field: str = ""

    @property
    def anchor(self) -> str:
        """A name for links, equal for equal origins."""
        parts = json.dumps([self.table, self.where, self.measure, self.field])
        return "figure-" + hashlib.sha256(parts.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, its origin, and the first lines of the table that it was made from."""

    value: int | str | bool
    origin: Origin
    lines: tuple[int, ...] = ()


def at(record: Any, path: str) -> Any:
    """Return what `record` holds at a dotted path, or None where it holds nothing."""
    for part in path.split("."):
        if isinstance(record, Mapping):
            record = record.get(part)
        elif isinstance(record, list | tuple) and part.isdecimal() and int(part) < len(record):
            record = record[int(part)]
        else:
            return None
    return record


def text_at(record: Any, path: str) -> str:
    """Return what `record` holds at a dotted path as text; nothing is the empty text."""
    value = at(record, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def single(table: str, key: str, line: int, record: Mapping[str, Any], path: str) -> Figure | None:
    """Make a figure of one member of one record, or None where the record has no such member."""
    value = at(record, path)
    if not isinstance(value, int | str):
        return None
    where = ((key, (text_at(record, key),)),) if key else ()
    return Figure(value, Origin(table, where, "value", path), (line,) if line else ())


@dataclass(slots=True)
class _Cell:
    count: int = 0
    lines: list[int] = field(default_factory=list)


class Tally:
    """Count the records of one table by some of their members, in one pass."""

    def __init__(self, table: str, *dimensions: str) -> None:
        """Count by `dimensions`, dotted paths."""
        self.table = table
        self.dimensions = dimensions
        self._cells: dict[tuple[str, ...], _Cell] = {}

    def add(self, line: int, record: Mapping[str, Any]) -> None:
        """Take one record into account; `line` is its place in the table, from 1."""
        key = tuple(text_at(record, path) for path in self.dimensions)
        cell = self._cells.setdefault(key, _Cell())
        cell.count += 1
        if len(cell.lines) < FIRST_LINES:
            cell.lines.append(line)

    def combinations(self) -> list[tuple[str, ...]]:
        """Return every combination of members that was seen, sorted."""
        return sorted(self._cells)

    def values(self, path: str) -> list[str]:
        """Return every value seen at one of the dimensions, sorted."""
        index = self.dimensions.index(path)
        return sorted({key[index] for key in self._cells})

    def figure(self, where: Mapping[str, Iterable[str]] | None = None) -> Figure:
        """Return the number of records whose members are among the accepted ones."""
        chosen = {path: tuple(sorted(values)) for path, values in (where or {}).items()}
        positions = [(self.dimensions.index(path), values) for path, values in chosen.items()]
        cells = [
            cell
            for key, cell in self._cells.items()
            if all(key[index] in values for index, values in positions)
        ]
        lines = sorted(line for cell in cells for line in cell.lines)[:FIRST_LINES]
        origin = Origin(self.table, tuple(sorted(chosen.items())))
        return Figure(sum(cell.count for cell in cells), origin, tuple(lines))
