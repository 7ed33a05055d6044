"""Restore a database from its schema and CSV files, and compare it row by row.

Step params: `{what: database, target: <target of its own maker>, assets: {native_type:
"PostgreSQL/Database", names: ["orders"]}}` (or `MariaDB/Database`); optional `rename:
"{name}_rehearsal"`, `canaries: [...]`, `canary_pattern: "..."`. Target settings: of type postgres
`{dsn_env: ...}` or `{dsn: ...}`; of type mariadb `{host, port, user, password_env, socket}`.
Only a database that was not there before is written to, and only that one is dropped again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared, failed, taken
from exitkit.assess.csv_records import changed_columns, keyed, records
from exitkit.drivers.database import DatabaseError, Table
from exitkit.drivers.mariadb import MariaDatabase, login_of, open_mariadb
from exitkit.drivers.postgres import UNMARKED, Database, dsn_of, open_database, unmarked
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import Holding, chosen, listed, restored_name
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.touched import note_touched, noted_touched

CHUNK = 1024 * 1024
MOST_ROWS_NAMED = 200

Server = Database | MariaDatabase

_AFTER_ROWS = {"postgres": ("sequences.sql", "constraints.sql"), "mariadb": ("programs.sql",)}
"""By kind of server the scripts that must not run before the rows are there."""


class DatabaseRestorer:
    """Move a database to another server, of another version where it may be."""

    what: ClassVar[str] = "database"
    target_types: ClassVar[tuple[str, ...]] = ("postgres", "mariadb")
    needs: ClassVar[tuple[str, ...]] = ("psycopg:rehearsal", "pymysql:rehearsal")

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the cluster by the number it was made with, and by where it was reached."""
        with _opened(target, environ) as cluster:
            number = cluster.system_identifier()
            own = f"{target.type}-system:{number}"
            return frozenset({own, f"endpoint:{cluster.endpoint()}"})

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List the databases and tables there, each table with the digest of its rows."""
        lines = []
        with _opened(target, environ) as cluster:
            names = list(cluster.databases())
        for name in names:
            lines.append(f"database {name}")
            try:
                lines += _table_lines(target, environ, name)
            except DatabaseError as fault:
                # Somebody else's database on a shared server: we see that it is there.
                lines.append(f"database {name}: not readable, {fault}")
        return tuple(sorted(lines))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Create the databases and load them; run again, start over with what it made itself."""
        bundle = open_bundle(context.bundle)
        holdings = chosen(bundle, step)
        strange = [one for one in holdings if _maker(one) != target.type]
        if strange:
            return failed(
                f"{strange[0].name}: a {_maker(strange[0])} database; {target.id} is {target.type}:"
                " its SQL is another, give the step a target of its own kind"
            )
        names = [restored_name(step, holding.name) for holding in holdings]
        with _opened(target, context.environ) as cluster:
            there = cluster.databases()
            foreign = [name for name in names if name in there and there[name] != _mark(context)]
            if foreign:
                move = 'give the step `rename: "{name}_rehearsal"`'
                return taken(f"database {foreign[0]}", target.id, move)
            touched = {"databases": sorted({*names, *map(unmarked, names)})}
            note_touched(context, touched)
            for name in touched["databases"]:
                if name in there:
                    cluster.drop_database(name)
        try:
            parts = [
                _restore_one(bundle, holding, target, name, context)
                for holding, name in zip(holdings, names, strict=True)
            ]
        except DatabaseError as fault:
            return failed(f"{target.id}: {fault}", touched)
        return _restored(parts, touched)

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Compare tables by the digest of their rows, naming rows where the digests differ."""
        bundle, canaries = open_bundle(context.bundle), Canaries.of(step.params)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        rows = 0
        with _opened(target, context.environ) as cluster:
            there = cluster.databases()
        for holding in chosen(bundle, step):
            name = restored_name(step, holding.name)
            if name not in there:
                items.append(ItemResult(f"database {name}", "missing"))
                continue
            with _opened(target, context.environ, name) as database:
                found, counted = _compare_one(bundle, holding, database, canaries)
            items += found
            rows += counted
            wrong = {item.item for item in found if item.result != "equal"}
            in_rows = {item for item in wrong if item.startswith("table ")}
            proofs += [Proof(holding.urn, "data")] if not in_rows else []
            proofs += [Proof(holding.urn, "configuration")] if not wrong - in_rows else []
        return compared(
            "database", items, canaries=canaries, proofs=proofs,
            metrics={"items_compared": rows, "rows_compared": rows},
        )  # fmt: skip

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Drop the databases this step created, and no other."""
        noted = [touched] if touched else noted_touched(context)
        names = sorted({name for one in noted for name in one["databases"]})
        mark, dropped = _mark(context), 0
        with _opened(target, context.environ) as cluster:
            comments = cluster.databases()
            for name in names:
                marked = comments.get(name) == mark
                if name in comments and (marked or name.endswith(UNMARKED)):
                    cluster.drop_database(name)
                    dropped += 1
        return Outcome(
            StepStatus.SUCCEEDED, f"{dropped} databases dropped", {"databases_dropped": dropped}
        )


def _table_lines(target: Target, environ: Mapping[str, str], name: str) -> list[str]:
    with _opened(target, environ, name) as database:
        return [
            f"table {name}/{table.schema}.{table.name} sha256:{_digest(database.copy_out(table))}"
            for table in database.tables()
        ]


@contextmanager
def _opened(target: Target, environ: Mapping[str, str], name: str = "") -> Iterator[Server]:
    who = f"target {target.id}"
    if target.type == "mariadb":
        with open_mariadb(login_of(target.settings, environ, who), name) as server:
            yield server
    else:
        with open_database(dsn_of(target.settings, environ, who), name) as database:
            yield database


def _maker(holding: Holding) -> str:
    return (
        str(holding.record["provider"]["nativeType"]).partition("/")[0].lower().removesuffix("ql")
    )


def _mark(context: StepContext) -> str:
    return f"exitkit {context.idempotency_key}"


def _restore_one(
    bundle: Bundle, holding: Holding, target: Target, name: str, context: StepContext
) -> tuple[list[ItemResult], list[str], Measurement]:
    started = time.monotonic()
    folder = PurePosixPath(holding.listing).parent
    config = bundle.native(dict(holding.record))
    losses = ["owners and privileges: everything belongs to the login of the target"]
    with _opened(target, context.environ) as cluster:
        losses += cluster.create_database(name, config, _mark(context))
    items: list[ItemResult] = []
    size = 0
    with _opened(target, context.environ, name) as database:
        database.run_script(_text(bundle, folder / "schema.sql"))
        for line in listed(bundle, holding):
            context.progress(f"{name}: {line['name']}, {line['rows']} rows")
            database.copy_in(_table(line), _chunks(bundle.content_path(line["path"])))
            count = database.count(_table(line))
            result = "equal" if count == line["rows"] else "different"
            items.append(ItemResult(f"table {_table(line).label}", result, f"{count} rows"))
            size += line["sizeBytes"]
        for script in _AFTER_ROWS[target.type]:
            database.run_script(_text(bundle, folder / script))
        rows = sum(line["rows"] for line in listed(bundle, holding))
    took_ms = int((time.monotonic() - started) * 1000)
    return items, losses, Measurement("database", rows, size, took_ms)


def _restored(
    parts: list[tuple[list[ItemResult], list[str], Measurement]], touched: Mapping[str, Any]
) -> Outcome:
    items = [item for part in parts for item in part[0]]
    losses = sorted({loss for part in parts for loss in part[1]})
    rows, size = (sum(part[2].items for part in parts), sum(part[2].size_bytes for part in parts))
    different = sum(item.result != "equal" for item in items)
    return Outcome(
        StepStatus.SUCCEEDED if not different else StepStatus.FAILED,
        f"{len(parts)} databases, {len(items)} tables, {rows} rows restored",
        {
            "items_restored": rows, "bytes_restored": size, "tables_restored": len(items),
            "items_different": different, "losses": len(losses),
        },
        tuple(items), tuple(losses), (), tuple(part[2] for part in parts), touched,
    )  # fmt: skip


def _compare_one(
    bundle: Bundle, holding: Holding, database: Server, canaries: Canaries
) -> tuple[list[ItemResult], int]:
    items: list[ItemResult] = []
    rows = 0
    lines = list(listed(bundle, holding))
    there = {(table.schema, table.name): table for table in database.tables()}
    for line in lines:
        table = _table(line)
        kept = bundle.content_path(line["path"])
        rows += line["rows"]
        for chunk in records(_chunks(kept)):
            canaries.expect(chunk)
        if (table.schema, table.name) not in there:
            items.append(ItemResult(f"table {table.label}", "missing"))
        else:
            items += _compare_table(table, kept, line["sha256"], database, canaries)
    known = {(line["schema"], line["name"]) for line in lines}
    extra = [table for place, table in there.items() if place not in known]
    items += [ItemResult(f"table {table.label}", "extra") for table in extra]
    items += _compare_definitions(bundle, holding, database)
    return items, rows


def _compare_table(
    table: Table, kept: Path, digest: str, database: Server, canaries: Canaries
) -> list[ItemResult]:
    read_back = hashlib.sha256()
    try:
        for record in records(database.copy_out(table)):
            read_back.update(record)
            canaries.see(record)
        if read_back.hexdigest() == digest:
            return [ItemResult(f"table {table.label}", "equal")]
        named = list(_rows_that_differ(table, kept, database))
    except DatabaseError as fault:
        return [ItemResult(f"table {table.label}", "different", str(fault))]
    return named or [ItemResult(f"table {table.label}", "different", "same rows, other order")]


def _rows_that_differ(table: Table, kept: Path, database: Server) -> Iterator[ItemResult]:
    columns, key = table.columns, table.key or table.columns
    expected = keyed(records(_chunks(kept)), columns, key)
    actual = keyed(records(database.copy_out(table)), columns, key)
    differing = sorted(
        k for k in expected.keys() | actual.keys() if expected.get(k) != actual.get(k)
    )
    for place in differing[:MOST_ROWS_NAMED]:
        item = f"table {table.label} row {_row_name(table, place)}"
        if place not in actual:
            yield ItemResult(item, "missing")
        elif place not in expected:
            yield ItemResult(item, "extra")
        else:
            detail = changed_columns(columns, expected[place], actual[place])
            yield ItemResult(item, "different", detail)
    if len(differing) > MOST_ROWS_NAMED:
        rest = len(differing) - MOST_ROWS_NAMED
        yield ItemResult(f"table {table.label}", "different", f"{rest} further rows")


def _row_name(table: Table, place: tuple[str, ...]) -> str:
    if table.key:
        return " ".join(f"{name}={value}" for name, value in zip(table.key, place, strict=True))
    return f"sha256:{hashlib.sha256(repr(place).encode()).hexdigest()[:12]} (no key)"


def _compare_definitions(bundle: Bundle, holding: Holding, database: Server) -> list[ItemResult]:
    path = str(PurePosixPath(holding.listing).parent / "definitions.jsonl")
    kept = {(d["kind"], d["name"]): d["definition"] for d in listed(bundle, holding, path)}
    found = {(kind, name): definition for kind, name, definition in database.definitions()}
    items = []
    for place in sorted(kept.keys() | found.keys()):
        if kept.get(place) == found.get(place):
            continue
        result = "missing" if place not in found else "extra" if place not in kept else "different"
        items.append(ItemResult(f"{place[0]} {place[1].removeprefix('public.')}", result))
    return items


def _table(line: Mapping[str, Any]) -> Table:
    return Table(line["schema"], line["name"], tuple(line["columns"]), tuple(line["key"]))


def _text(bundle: Bundle, path: PurePosixPath) -> str:
    return bundle.content_path(str(path)).read_text(encoding="utf-8")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _digest(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
