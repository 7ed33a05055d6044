"""Write the tables and the packs of native configuration, each sorted, unique and by its schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from exitkit.errors import PluginError
from exitkit.store.bag import Bag
from exitkit.store.canonical import canonical_bytes
from exitkit.store.descriptor import Tally
from exitkit.store.layout import TABLES
from exitkit.store.paths import native_path
from exitkit.store.records import ref_of
from exitkit.store.schemas import record_fault
from exitkit.store.tables import sorted_lines, unique_lines


def write_tables(
    bag: Bag, tables: Mapping[str, Iterable[Mapping[str, Any]]], spill: Path, tally: Tally
) -> None:
    """Write every table of the format, empty ones too: an absent table would say nothing."""
    unknown = sorted(set(tables) - set(TABLES) - {"native"})
    if unknown:
        raise PluginError(f"no table {unknown[0]!r} in the bundle; one of {', '.join(TABLES)}")
    for name, table in TABLES.items():
        lines = (_checked_line(table.schema, record) for record in tables.get(name, ()))
        with bag.file(table.path) as sink:
            for line in unique_lines(sorted_lines(lines, spill), name):
                sink.write(line + b"\n")
                tally.add(name, line)


def write_packs(bag: Bag, records: Iterable[Mapping[str, Any]], spill: Path) -> None:
    """Write native configurations, one line each, in one file per place and type."""
    lines = sorted_lines((_with_path(record) for record in records), spill)
    for path, joined in groupby(lines, key=_path):
        with bag.file(path) as sink:
            for line in unique_lines(map(_line, joined), path):
                sink.write(line + b"\n")


def _with_path(record: Mapping[str, Any]) -> bytes:
    line = _checked_line("native", record)
    return native_path(ref_of(record["provider"])).encode() + b"\t" + line


def _path(joined: bytes) -> str:
    return joined.partition(b"\t")[0].decode()


def _line(joined: bytes) -> bytes:
    return joined.partition(b"\t")[2]


def _checked_line(schema: str, record: Mapping[str, Any]) -> bytes:
    fault = record_fault(schema, record)
    if fault:
        raise PluginError(f"{schema} record {record.get('@id', '')}: {fault}; see docs/format.md")
    return canonical_bytes(dict(record))
