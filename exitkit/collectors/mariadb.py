"""Take stock of a MariaDB server: every database, its schema and its rows in open formats.

Settings: `{host: ..., port: 3306, user: ..., password_env: ..., socket: ..., tls_ca: ...,
bin_dir: null, databases: ["*"]}`; the login needs SELECT, SHOW VIEW, TRIGGER and EVENT, and EXECUTE
on the functions that views call. A database is kept below `datasets/<id>/`: `schema.sql` and
`programs.sql` to run before and after loading `tables/*.csv`; `tables.jsonl`, which lists each
table with its columns, key, rows and SHA-256 and the columns that are `hexadecimal`; and
`definitions.jsonl`. Transactional tables are read in one snapshot, all sorted by key, so that an
unchanged database gives the same bytes.
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
from exitkit.drivers.mariadb import (
    PROGRAMS_DUMP,
    SCHEMA_DUMP,
    Login,
    MariaDatabase,
    find_mariadb_dump,
    login_of,
    open_mariadb,
)
from exitkit.errors import CannotRun
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source

SCHEMA_LOSS = ("accounts, their passwords and privileges", "definers of views and programs")
NOT_AT_ONE_MOMENT = "tables of the engine {engine} were not read at one moment"
GRANT = "grant SELECT, SHOW VIEW, TRIGGER and EVENT and take it again"


@dataclass(frozen=True, slots=True)
class _Visit(DatabaseVisit):
    """A visit with what it takes to get in."""

    login: Login

    @property
    def deadline_s(self) -> int:
        return self.context.limits.call_deadline_s


class MariadbCollector:
    """Read databases with a read-only login."""

    type: ClassVar[str] = "mariadb"
    needs: ClassVar[tuple[str, ...]] = ("pymysql:rehearsal",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield every database of the server, with what it holds or why not."""
        login = login_of(source.settings, context.environ, f"source {source.id}")
        try:
            with open_mariadb(login, deadline_s=context.limits.call_deadline_s) as server:
                visit = _Visit(source, context, server.system_identifier(), login)
                found = server.rows(_DATABASES)
        except DatabaseError as fault:
            yield _Visit(source, context, "", login).failed("mariadb:SCHEMATA", fault)
            return
        yield visit.call("mariadb:SCHEMATA", CallOutcome.COLLECTED, count=len(found))
        patterns = source.settings.get("databases") or ["*"]
        for name, encoding, collation in found:
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                yield from _database(visit, name, {"encoding": encoding, "collation": collation})
            else:
                reason = "not among the `databases` of the source"
                yield visit.call(
                    "mariadb:connect", CallOutcome.EXCLUDED, binding=name, reason=reason
                )

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the server by what it keeps for life, and by where it was reached."""
        login = login_of(source.settings, context.environ, f"source {source.id}")
        with open_mariadb(login) as server:
            number = server.system_identifier()
        return frozenset({f"mariadb-system:{number}", f"endpoint:{login.endpoint}"})

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for mariadb-dump and a server that answers."""
        subject = f"source {source.id}"
        dump = find_mariadb_dump(source.settings.get("bin_dir"))
        missing = "" if dump else "install mariadb-client, or set bin_dir"
        detail = str(dump) if dump else "no mariadb-dump on the search path"
        yield Check(subject, dump is not None, detail, missing)
        try:
            with open_mariadb(login_of(source.settings, context.environ, subject)) as server:
                version = server.rows("SELECT VERSION()")[0][0]
        except (DatabaseError, CannotRun) as fault:
            yield Check(subject, False, str(fault), "check host, login and network")
            return
        yield Check(subject, True, f"MariaDB {version} answers")


def _database(visit: _Visit, name: str, config: dict[str, Any]) -> Iterator[Finding]:
    ref = Ref("mariadb", visit.scope, "", "MariaDB/Database", name)
    try:
        with open_mariadb(visit.login, name, visit.deadline_s) as database:
            tables = database.tables()
            yield visit.call(
                "mariadb:TABLES", CallOutcome.COLLECTED, count=len(tables), binding=name
            )
            yield _asset(ref, database, tables, config, visit.context)
            yield from _data(visit, ref, database, tables)
    except DatabaseError as fault:
        yield visit.failed("mariadb:connect", fault, name)
        yield Asset(ref, "db.database", name, config, visit.context.now)
        yield data_gap(
            ref, "permission-denied" if fault.permission else "api-error", str(fault), GRANT
        )


def _asset(
    ref: Ref,
    database: MariaDatabase,
    tables: tuple[Table, ...],
    config: dict[str, Any],
    context: Context,
) -> Asset:
    privileges = database.rows(_PRIVILEGES, (ref.native_id,) * 2)
    config = {
        **config,
        "serverVersion": database.rows("SELECT VERSION()")[0][0],
        "privileges": [
            {"object": thing, "grantee": grantee, "privileges": granted}
            for thing, grantee, granted in privileges
        ],
        "tables": [{"name": table.name, "columns": list(table.columns)} for table in tables],
    }
    return Asset(ref, "db.database", ref.native_id, config, context.now)


def _data(
    visit: _Visit, ref: Ref, database: MariaDatabase, tables: tuple[Table, ...]
) -> Iterator[Finding]:
    size = int(database.rows(_SIZE, (ref.native_id,))[0][0])
    limit = visit.context.limits.inline_data_bytes
    if size > limit:
        yield data_gap(ref, "too-large", f"{size} bytes of rows; the limit is {limit}", GRANT)
        return
    dump = find_mariadb_dump(visit.source.settings.get("bin_dir"))
    if dump is None:
        yield visit.call(
            "mariadb-dump:schema", CallOutcome.UNSUPPORTED, binding=ref.native_id,
            reason="no mariadb-dump on the search path; set bin_dir",
        )  # fmt: skip
        yield data_gap(ref, "not-supported-by-tool", "mariadb-dump is not installed", GRANT)
        return
    folder = f"datasets/{ref.urn.removeprefix('urn:uuid:')}"
    schema = [keep_definitions(database.definitions(), folder)]
    for options, file in ((SCHEMA_DUMP, "schema.sql"), (PROGRAMS_DUMP, "programs.sql")):
        script = database.dump(dump, options, visit.deadline_s)
        yield visit.call(
            "mariadb-dump:schema", CallOutcome.COLLECTED, count=1,
            binding=f"{ref.native_id} {file}",
        )  # fmt: skip
        schema.append(file_content(f"{folder}/{file}", script.encode(), "application/sql"))
    yield Draft(
        ref, Aspect.CONFIGURATION, Level.IMPORTABLE, "mariadb-dump --no-data", "SQL",
        tuple(schema), SCHEMA_LOSS,
    )  # fmt: skip
    yield _accounts(ref)
    yield from _rows(visit, ref, database, tables, folder)


def _rows(
    visit: _Visit, ref: Ref, database: MariaDatabase, tables: tuple[Table, ...], folder: str
) -> Iterator[Finding]:
    contents: list[Content] = []
    lines: list[dict[str, Any]] = []
    engines = database.rows(_NOT_TRANSACTIONAL, (ref.native_id,))
    database.begin_snapshot()
    for table in tables:
        hexadecimal = database.hexadecimal(table)
        content, line = keep_table(visit.context, ref, table, database.copy_out(table), folder)
        contents.append(content)
        lines.append({**line, "hexadecimal": list(hexadecimal)} if hexadecimal else line)
        yield visit.call(
            "mariadb:select", CallOutcome.COLLECTED, count=line["rows"],
            binding=f"{ref.native_id} {table.name}",
        )  # fmt: skip
    loss = tuple(NOT_AT_ONE_MOMENT.format(engine=engine) for (engine,) in engines)
    history = database.rows(_VERSIONED, (ref.native_id,))
    loss += tuple(f"the history of the versioned table {name}" for (name,) in history)
    yield from keep_rows(ref, folder, contents, lines, "SELECT", loss)


def _accounts(ref: Ref) -> Gap:
    return Gap(
        ref, Aspect.ACCESS, Level.DESCRIBED, "semantic-loss",
        "Privileges are listed in the configuration; accounts belong to the server.",
        Responsible.CUSTOMER,
        "Create the accounts on the new server, then grant what the list says.",
        method="information_schema", confidence="high",
    )  # fmt: skip


_DATABASES = """
SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
FROM information_schema.SCHEMATA
WHERE SCHEMA_NAME NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')
ORDER BY BINARY SCHEMA_NAME
"""
_SIZE = """
SELECT coalesce(sum(DATA_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s
"""
_NOT_TRANSACTIONAL = """
SELECT DISTINCT ENGINE FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' ORDER BY 1
"""
_VERSIONED = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'SYSTEM VERSIONED' ORDER BY BINARY TABLE_NAME
"""
_PRIVILEGES = """
SELECT thing, GRANTEE, group_concat(PRIVILEGE_TYPE ORDER BY PRIVILEGE_TYPE SEPARATOR ', ') FROM (
  SELECT concat('schema ', TABLE_SCHEMA) AS thing, GRANTEE, PRIVILEGE_TYPE
  FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA = %s
  UNION ALL
  SELECT TABLE_NAME, GRANTEE, PRIVILEGE_TYPE
  FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = %s
) AS granted GROUP BY thing, GRANTEE ORDER BY BINARY thing, BINARY GRANTEE
"""
