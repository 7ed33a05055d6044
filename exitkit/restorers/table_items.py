"""Restore the items of key-value tables as JSON Lines on a disk, or as rows of PostgreSQL.

Step params: `{what: table-items, target: <folder or postgres target>, assets: {native_type:
"AWS::DynamoDB::Table", names: ["*"]}}`; optional `rename`, `canaries`, `canary_pattern`. On a
folder each table becomes `<name>/items.jsonl`; in PostgreSQL a table of the schema `schema`
(`items` where the step names none) with the key as text and the item as `jsonb`.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared, failed, restored, taken
from exitkit.drivers.database import DatabaseError, Table
from exitkit.drivers.postgres import Database, dsn_of, open_database
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.canonical import canonical_bytes, parse_line
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import (
    claim,
    ground_identities,
    ground_of,
    release,
    touched_by,
)
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.touched import note_touched, noted_touched

FILE = "items.jsonl"
LONGEST_FIELD = 16 * 1024 * 1024
COLUMNS = ("partition_key", "sort_key", "item")
_THERE = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = %s"


@dataclass(frozen=True, slots=True)
class _Items:
    """The items of one table: where the bundle holds them, and what names an item."""

    urn: str
    name: str
    path: str
    keys: tuple[str, ...]


class TableItemsRestorer:
    """Move the items of tables to where no maker's database is needed to read them."""

    what: ClassVar[str] = "table-items"
    target_types: ClassVar[tuple[str, ...]] = ("folder", "postgres")
    needs: ClassVar[tuple[str, ...]] = ("psycopg:rehearsal",)

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the folder; a database server is named by the restorer of databases."""
        return ground_identities(target) if target.type == "folder" else frozenset()

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Leave the listing to the restorers of local objects and of databases."""
        return ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write every item, then read all of them back."""
        bundle = open_bundle(context.bundle)
        tables, losses = _tables(bundle, step)
        started = time.monotonic()
        if target.type == "folder":
            names = [segment(one.name) for one in tables]
            foreign = claim(target, names, context)
            touched: dict[str, Any] = touched_by(names)
        else:
            touched = {"schemas": [_schema(step)]}
            foreign = _claim_schema(step, target, context)
        if foreign:
            return taken(foreign, target.id, "give the step another `rename` or `schema`")
        try:
            _write(bundle, tables, step, target, context)
            items = [
                item for one in tables for item in _compare(bundle, one, step, target, context)
            ]
        except DatabaseError as fault:
            return failed(f"{target.id}: {fault}", touched)
        took_ms = int((time.monotonic() - started) * 1000)
        size = sum(bundle.content_path(one.path).stat().st_size for one in tables)
        moved = Measurement("table-items", len(items), size, took_ms)
        what = (
            f"{len(items)} items of {len(tables)} tables restored, {{different}} not as they were"
        )
        return restored(what, items, moved=moved, losses=losses, touched=touched)

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every item back and compare it with the bundle's."""
        bundle, canaries = open_bundle(context.bundle), Canaries.of(step.params)
        tables, losses = _tables(bundle, step)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        for one in tables:
            canaries.expect(bundle.content_path(one.path).read_bytes())
            found = list(_compare(bundle, one, step, target, context, canaries))
            items += found
            if all(item.result == "equal" for item in found):
                proofs.append(Proof(one.urn, "data"))
        return compared("items", items, canaries=canaries, losses=losses, proofs=proofs)

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Remove the folders, or drop the schema, that this step made."""
        if target.type == "folder":
            return release(target, touched, context)
        noted = [touched] if touched else noted_touched(context)
        names = sorted({name for one in noted for name in one["schemas"]})
        with open_database(_dsn(target, context)) as database:
            for name in names:
                database.statement("DROP SCHEMA IF EXISTS {} CASCADE", name)
        return Outcome(
            StepStatus.SUCCEEDED, f"{len(names)} schemas dropped", {"schemas_dropped": len(names)}
        )


def _tables(bundle: Bundle, step: Step) -> tuple[list[_Items], tuple[str, ...]]:
    tables: list[_Items] = []
    losses: list[str] = []
    for holding in chosen(bundle, step):
        paths = [path for path in holding.paths("data") if path.endswith(FILE)]
        if not paths:
            losses.append(f"table {holding.name}: its items are not in the bundle")
            continue
        config = bundle.native(dict(holding.record))
        schema = config.get("KeySchema", config.get("Table", {}).get("KeySchema", ()))
        keys = tuple(str(part["AttributeName"]) for part in schema)
        tables.append(_Items(holding.urn, restored_name(step, holding.name), paths[0], keys))
    return tables, tuple(losses)


def _lines(bundle: Bundle, one: _Items) -> Iterator[dict[str, Any]]:
    with bundle.content_path(one.path).open("rb") as stream:
        for line in stream:
            yield parse_line(line)


def _keyed(one: _Items, item: Mapping[str, Any]) -> tuple[str, str]:
    """Name an item by its key; where the bundle does not say which it is, by the whole item."""
    parts = [canonical_bytes(item[name]).decode() for name in one.keys if name in item]
    whole = parts or [canonical_bytes(dict(item)).decode()]
    return (whole[0], whole[1] if len(whole) > 1 else "")


def _schema(step: Step) -> str:
    return str(step.params.get("schema") or "items")


def _dsn(target: Target, context: StepContext) -> str:
    return dsn_of(target.settings, context.environ, f"target {target.id}")


def _claim_schema(step: Step, target: Target, context: StepContext) -> str:
    """Make the schema ours, empty; return its name where it is somebody else's."""
    name = _schema(step)
    with open_database(_dsn(target, context)) as database:
        if database.rows(_THERE, (name,)) and not noted_touched(context):
            return f"schema {name}"
        note_touched(context, {"schemas": [name]})
        database.statement("DROP SCHEMA IF EXISTS {} CASCADE", name)
        database.statement("CREATE SCHEMA {}", name)
    return ""


def _write(
    bundle: Bundle, tables: list[_Items], step: Step, target: Target, context: StepContext
) -> None:
    if target.type == "folder":
        for one in tables:
            path = ground_of(target) / segment(one.name) / FILE
            path.parent.mkdir(parents=True)
            shutil.copyfile(bundle.content_path(one.path), path)
        return
    with open_database(_dsn(target, context)) as database:
        for one in tables:
            database.statement(
                "CREATE TABLE {}.{} (partition_key text NOT NULL, sort_key text NOT NULL,"
                " item jsonb NOT NULL, PRIMARY KEY (partition_key, sort_key))",
                _schema(step),
                one.name,
            )
            database.copy_in(_table(step, one), _csv(bundle, one))


def _table(step: Step, one: _Items) -> Table:
    return Table(_schema(step), one.name, COLUMNS, COLUMNS[:2])


def _csv(bundle: Bundle, one: _Items) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\n").encode()
    for item in _lines(bundle, one):
        row = io.StringIO()
        # Every field quoted: an empty one is an empty text, not a null.
        csv.writer(row, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(
            [*_keyed(one, item), canonical_bytes(item).decode()]
        )
        yield row.getvalue().encode()


def _compare(
    bundle: Bundle,
    one: _Items,
    step: Step,
    target: Target,
    context: StepContext,
    canaries: Canaries | None = None,
) -> Iterator[ItemResult]:
    there = {_keyed(one, item): canonical_bytes(item) for item in _read(one, step, target, context)}
    for item in _lines(bundle, one):
        key = _keyed(one, item)
        label = f"item {one.name} {' '.join(part for part in key if part)[:200]}"
        found = there.pop(key, None)
        if found is None:
            yield ItemResult(label, "missing")
            continue
        if canaries:
            canaries.see(found)
        equal = found == canonical_bytes(item)
        yield ItemResult(label, "equal" if equal else "different", "" if equal else "other values")
    for key in sorted(there):
        yield ItemResult(f"item {one.name} {' '.join(key)[:200].strip()}", "extra")


def _read(
    one: _Items, step: Step, target: Target, context: StepContext
) -> Iterator[dict[str, Any]]:
    if target.type == "folder":
        path = ground_of(target) / segment(one.name) / FILE
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                for line in stream:
                    yield parse_line(line)
        return
    with open_database(_dsn(target, context)) as database:
        yield from _rows(database, _table(step, one))


def _rows(database: Database, table: Table) -> Iterator[dict[str, Any]]:
    known = {(one.schema, one.name) for one in database.tables()}
    if (table.schema, table.name) not in known:
        return
    # An item may have 400 KB, which is more than the csv module reads unasked.
    csv.field_size_limit(LONGEST_FIELD)
    text = b"".join(database.copy_out(table)).decode()
    for row in csv.DictReader(io.StringIO(text)):
        yield json.loads(row["item"])
