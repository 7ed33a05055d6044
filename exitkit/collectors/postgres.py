"""Take stock of a PostgreSQL cluster: every database, its schema and its rows in open formats.

Settings: `{dsn: ..., dsn_env: ..., bin_dir: null, databases: ["*"]}`; the login needs CONNECT and
`pg_read_all_data`. A database is kept below `datasets/<id>/`: `schema.sql`, `sequences.sql` and
`constraints.sql` to run in that order around loading `tables/*.csv`; `tables.jsonl`, which lists
each table with its columns, key, rows and SHA-256; and `definitions.jsonl`, the columns,
constraints, indexes, views and sequences as the server words them. All is read in one snapshot of
the database and sorted by key, so that an unchanged database gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from exitkit.drivers.database import DatabaseError, Table
from exitkit.drivers.kept_tables import (
    DatabaseVisit,
    data_gap,
    file_content,
    keep_definitions,
    keep_rows,
    keep_table,
)
from exitkit.drivers.postgres import Database, dsn_of, find_pg_dump, open_database
from exitkit.errors import CannotRun
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source

SCHEMA_FORMAT = "SQL"
SCHEMA_LOSS = ("owners and privileges", "roles and their passwords")
GRANT = "grant pg_read_all_data to the login and take the snapshot again"


@dataclass(frozen=True, slots=True)
class _Visit(DatabaseVisit):
    """A visit with what it takes to get in."""

    dsn: str


class PostgresCollector:
    """Read databases with a read-only login."""

    type: ClassVar[str] = "postgres"
    needs: ClassVar[tuple[str, ...]] = ("psycopg:rehearsal",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield every database of the cluster, with what it holds or why not."""
        dsn = dsn_of(source.settings, context.environ, f"source {source.id}")
        deadline_s = context.limits.call_deadline_s
        try:
            with open_database(dsn, deadline_s=deadline_s) as cluster:
                visit = _Visit(source, context, cluster.system_identifier(), dsn)
                found = cluster.rows(_DATABASES)
        except DatabaseError as fault:
            yield _Visit(source, context, "", dsn).failed("postgres:pg_database", fault)
            return
        yield visit.call("postgres:pg_control_system", CallOutcome.COLLECTED, count=1)
        yield visit.call("postgres:pg_database", CallOutcome.COLLECTED, count=len(found))
        patterns = source.settings.get("databases") or ["*"]
        for name, *particulars in found:
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                yield from _database(visit, name, dict(zip(_PARTICULARS, particulars, strict=True)))
            else:
                reason = "not among the `databases` of the source"
                yield visit.call(
                    "postgres:connect", CallOutcome.EXCLUDED, binding=name, reason=reason
                )

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the cluster by the number it was made with, and by where it was reached."""
        dsn = dsn_of(source.settings, context.environ, f"source {source.id}")
        with open_database(dsn) as cluster:
            number = cluster.system_identifier()
            return frozenset({f"postgres-system:{number}", f"endpoint:{cluster.endpoint()}"})

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for pg_dump, a server that answers, and the right to read rows."""
        subject = f"source {source.id}"
        pg_dump = find_pg_dump(source.settings.get("bin_dir"))
        detail = str(pg_dump) if pg_dump else "no pg_dump on the search path"
        yield Check(subject, pg_dump is not None, detail, "" if pg_dump else _GET_PG_DUMP)
        try:
            with open_database(dsn_of(source.settings, context.environ, subject)) as cluster:
                server = cluster.rows("SHOW server_version")[0][0]
                reads = cluster.rows(_MAY_READ)[0][0]
        except (DatabaseError, CannotRun) as fault:
            yield Check(subject, False, str(fault), "check the DSN, the login and the network")
            return
        yield Check(subject, True, f"PostgreSQL {server} answers")
        grant = "" if reads else "GRANT pg_read_all_data TO the login"
        yield Check(
            subject, reads, "may read all rows" if reads else "may not read all rows", grant
        )


_GET_PG_DUMP = "install postgresql-client of the server's version, or set bin_dir"
_MAY_READ = "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_data', 'USAGE')"
_PARTICULARS = ("encoding", "collation", "characterType", "owner", "connectionLimit")
_DATABASES = """
SELECT datname, pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype,
       pg_catalog.pg_get_userbyid(datdba), datconnlimit
FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
ORDER BY datname COLLATE "C"
"""


def _database(visit: _Visit, name: str, config: dict[str, Any]) -> Iterator[Finding]:
    ref = Ref("postgres", visit.scope, "", "PostgreSQL/Database", name)
    deadline_s = visit.context.limits.call_deadline_s
    binding = name
    try:
        with open_database(visit.dsn, name, deadline_s) as database:
            tables = database.tables()
            yield visit.call(
                "postgres:pg_class", CallOutcome.COLLECTED, count=len(tables), binding=name
            )
            yield _asset(ref, database, tables, config, visit.context)
            yield from _data(visit, ref, database, tables)
    except DatabaseError as fault:
        yield visit.failed("postgres:connect", fault, binding)
        yield Asset(ref, "db.database", name, config, visit.context.now)
        reason = "permission-denied" if fault.permission else "api-error"
        yield data_gap(ref, reason, str(fault), GRANT)


def _asset(
    ref: Ref, database: Database, tables: tuple[Table, ...], config: dict[str, Any], ctx: Context
) -> Asset:
    extensions = database.rows("SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY 1")
    listed = [
        {"schema": table.schema, "name": table.name, "columns": list(table.columns)}
        for table in tables
    ]
    config = {
        **config,
        "serverVersion": database.rows("SHOW server_version")[0][0],
        "extensions": [{"name": name, "version": version} for name, version in extensions],
        "privileges": [
            {"object": name, "grantee": grantee, "privileges": privileges}
            for name, grantee, privileges in database.rows(_PRIVILEGES)
        ],
        "tables": listed,
    }
    return Asset(ref, "db.database", ref.native_id, config, ctx.now)


def _data(
    visit: _Visit, ref: Ref, database: Database, tables: tuple[Table, ...]
) -> Iterator[Finding]:
    size, limit = int(database.rows(_SIZE)[0][0]), visit.context.limits.inline_data_bytes
    if size > limit:
        yield data_gap(ref, "too-large", f"{size} bytes of rows; the limit is {limit}", GRANT)
        return
    pg_dump = find_pg_dump(visit.source.settings.get("bin_dir"))
    if pg_dump is None:
        yield visit.call(
            "pg_dump:schema", CallOutcome.UNSUPPORTED, binding=ref.native_id,
            reason="no pg_dump on the search path; set bin_dir",
        )  # fmt: skip
        yield data_gap(ref, "not-supported-by-tool", "pg_dump is not installed", GRANT)
        return
    folder = f"datasets/{ref.urn.removeprefix('urn:uuid:')}"
    snapshot = database.begin_snapshot()
    schema: list[Content] = []
    contents: list[Content] = []
    deadline_s = visit.context.limits.call_deadline_s
    for section, file in (("pre-data", "schema.sql"), ("post-data", "constraints.sql")):
        script = database.dump_schema(pg_dump, section, snapshot, deadline_s)
        binding = f"{ref.native_id} {section}"
        yield visit.call("pg_dump:schema", CallOutcome.COLLECTED, count=1, binding=binding)
        schema.append(file_content(f"{folder}/{file}", script.encode(), "application/sql"))
    sequences = "".join(f"{row[0]}\n" for row in database.rows(_SEQUENCES))
    yield visit.call(
        "postgres:pg_sequences", CallOutcome.COLLECTED, count=sequences.count("\n"),
        binding=ref.native_id,
    )  # fmt: skip
    schema.append(file_content(f"{folder}/sequences.sql", sequences.encode(), "application/sql"))
    schema.append(keep_definitions(database.definitions(), folder))
    lines: list[dict[str, Any]] = []
    for table in tables:
        content, line = keep_table(visit.context, ref, table, database.copy_out(table), folder)
        contents.append(content)
        lines.append(line)
        binding = f"{ref.native_id} {table.schema}.{table.name}"
        yield visit.call(
            "postgres:copy", CallOutcome.COLLECTED, count=line["rows"], binding=binding
        )
    large = int(database.rows(_LARGE_OBJECTS)[0][0])
    yield from _holding(ref, folder, schema, contents, lines, large)


def _holding(
    ref: Ref,
    folder: str,
    schema: list[Content],
    contents: list[Content],
    lines: list[dict[str, Any]],
    large: int,
) -> Iterator[Finding]:
    loss = (f"{large} large objects",) if large else ()
    yield Draft(
        ref, Aspect.CONFIGURATION, Level.IMPORTABLE, "pg_dump --section", SCHEMA_FORMAT,
        tuple(schema), SCHEMA_LOSS,
    )  # fmt: skip
    yield from keep_rows(ref, folder, contents, lines, "COPY", loss)
    yield Gap(
        ref, Aspect.ACCESS, Level.DESCRIBED, "semantic-loss",
        "Privileges are listed in the configuration; roles belong to the server, not the database.",
        Responsible.CUSTOMER, "Create the roles on the new server, then grant what the list says.",
        method="aclexplode", confidence="high",
    )  # fmt: skip


_SIZE = """
SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_LARGE_OBJECTS = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
_SEQUENCES = """
SELECT pg_catalog.format('SELECT pg_catalog.setval(%L, %s, %L);',
    pg_catalog.format('%I.%I', schemaname, sequencename),
    coalesce(last_value, start_value), last_value IS NOT NULL)
FROM pg_catalog.pg_sequences ORDER BY schemaname COLLATE "C", sequencename COLLATE "C"
"""
_PRIVILEGES = """
SELECT name, grantee, pg_catalog.string_agg(DISTINCT privilege, ', ' ORDER BY privilege) FROM (
  SELECT pg_catalog.format('%s.%s', n.nspname, c.relname) AS name,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END AS grantee,
    a.privilege_type AS privilege
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
    pg_catalog.aclexplode(c.relacl) a
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  UNION ALL
  SELECT 'schema ' || n.nspname,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
    a.privilege_type
  FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
) granted GROUP BY name, grantee ORDER BY name COLLATE "C", grantee COLLATE "C"
"""
