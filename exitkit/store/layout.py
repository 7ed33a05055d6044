"""Say which table is kept where and by which schema (docs/format.md lists the same)."""

from __future__ import annotations

from dataclasses import dataclass

FORMAT_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the bundle; `path` is relative to `data/`."""

    path: str
    schema: str


def _records(name: str, schema: str) -> Table:
    return Table(f"records/{name}.jsonl", schema)


def _evidence(name: str, schema: str) -> Table:
    return Table(f"evidence/{name}.jsonl", schema)


TABLES = {
    "scopes": _records("scopes", "scope"),
    "calls": _records("calls", "call"),
    "assets": _records("assets", "asset"),
    "relations": _records("relations", "relation"),
    "exportability": _records("exportability", "exportability"),
    "access": _records("access", "access"),
    "licenses": _records("licenses", "license"),
    "automation": _records("automation", "automation"),
    "documents": _records("documents", "document"),
    "datasets": _records("datasets", "dataset"),
    "reconciliation": _records("reconciliation", "reconciliation"),
    "runs": _evidence("runs", "run"),
    "events": _evidence("events", "event"),
    "measurements": _evidence("measurements", "measurement"),
}
SCHEMAS = (
    *(table.schema for table in TABLES.values()),
    "native",
    "bundle",
    "kinds",
    "reasons",
    "relations",
)


def schema_path(schema: str) -> str:
    """Return where a schema stands, relative to `data/`."""
    return f"spec/schemas/{schema}.schema.json"
