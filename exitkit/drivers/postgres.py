"""Speak to PostgreSQL: read it in one snapshot, dump its schema, copy tables out and in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from exitkit.drivers.database import DatabaseError, Table
from exitkit.errors import CannotRun

UNMARKED = ".exitkit-new"

# The text of a value must not depend on the server it is read from.
_SESSION = {
    "client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO, YMD",
    "intervalstyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex",
    "row_security": "off", "search_path": "pg_catalog",
}  # fmt: skip
_ENVIRON_OF = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
    "password": "PGPASSWORD", "passfile": "PGPASSFILE", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "service": "PGSERVICE", "connect_timeout": "PGCONNECT_TIMEOUT",
}  # fmt: skip


class Database:
    """One open connection; every fault of the server leaves as a DatabaseError."""

    def __init__(self, connection: psycopg.Connection[Any], dsn: str) -> None:
        self._connection = connection
        self._dsn = dsn

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query of ours."""
        with _named_faults():
            found: list[tuple[Any, ...]] = self._connection.execute(
                query.encode(), parameters or None
            ).fetchall()
            return found

    def run_script(self, script: str) -> None:
        """Run a script of several statements in one transaction."""
        with _named_faults(), self._connection.transaction():
            self._connection.execute(script.encode())
        self.settle_session()

    def statement(self, template: str, *names: str) -> None:
        """Run one statement with each `{}` of the template a quoted name."""
        with _named_faults():
            identifiers = (sql.Identifier(name) for name in names)
            self._connection.execute(sql.SQL(template).format(*identifiers))

    def databases(self) -> dict[str, str]:
        """Return the comment of each database, by name."""
        return {name: comment or "" for name, comment in self.rows(_DATABASES)}

    def create_database(self, name: str, config: Mapping[str, Any], mark: str) -> tuple[str, ...]:
        """Create an empty database that carries `mark`; return what the server did not take.

        It has a name of its own until it carries the mark, so that a crash leaves no doubt.
        """
        place = (config["encoding"], config["collation"], config["characterType"])
        losses: tuple[str, ...] = ()
        if not self._create(unmarked(name), *place):
            losses = (f"collation {config['collation']}: the target uses its own",)
        with _named_faults():
            template = sql.SQL("COMMENT ON DATABASE {} IS {}")
            names = sql.Identifier(unmarked(name)), sql.Literal(mark)
            self._connection.execute(template.format(*names))
        self.statement("ALTER DATABASE {} RENAME TO {}", unmarked(name), name)
        return losses

    def drop_database(self, name: str) -> None:
        """Drop a database with all it holds, and whoever is connected to it."""
        self.statement("DROP DATABASE {} WITH (FORCE)", name)

    def _create(self, name: str, encoding: str, collation: str, ctype: str) -> bool:
        """Create an empty database; False where the server lacks the locale and used its own."""
        template = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}"
        given = (sql.Identifier(name), *map(sql.Literal, (encoding, collation, ctype)))
        try:
            with _named_faults():
                self._connection.execute(sql.SQL(template).format(*given))
        except DatabaseError as fault:
            if "locale" not in str(fault):
                raise
            self.statement("CREATE DATABASE {} TEMPLATE template0", name)
            return False
        return True

    def definitions(self) -> list[tuple[str, str, str]]:
        """List columns, constraints, indexes, views and sequences as (kind, name, definition)."""
        return [(row[0], row[1], row[2]) for row in self.rows(_DEFINITIONS)]

    def system_identifier(self) -> str:
        """The number a cluster was given when it was made: what tells two servers apart."""
        return str(self.rows("SELECT system_identifier FROM pg_catalog.pg_control_system()")[0][0])

    def endpoint(self) -> str:
        """`postgres://host:port` as we reached it, without user or password."""
        info = self._connection.info
        return f"postgres://{info.host or 'localhost'}:{info.port}"

    def tables(self) -> tuple[Table, ...]:
        """List the tables whose rows belong to this database, by schema and name."""
        found = self.rows(_TABLES)
        return tuple(Table(row[0], row[1], tuple(row[2]), tuple(row[3])) for row in found)

    def copy_out(self, table: Table) -> Iterator[bytes]:
        """Yield the rows as CSV with a header, ordered by key the same way on every server."""
        order = table.key or table.columns
        query = sql.SQL("COPY (SELECT {} FROM ONLY {} ORDER BY {}) TO STDOUT (FORMAT csv, HEADER)")
        columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        by_text = sql.SQL(", ").join(
            sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(column)) for column in order
        )
        name = sql.Identifier(table.schema, table.name)
        with _named_faults(f"SELECT on {table.schema}.{table.name}"):
            cursor = self._connection.cursor()
            with cursor.copy(query.format(columns, name, by_text)) as stream:
                yield from (bytes(block) for block in stream)

    def copy_in(self, table: Table, chunks: Iterator[bytes]) -> None:
        """Load what `copy_out` gave."""
        query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER true)")
        columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        name = sql.Identifier(table.schema, table.name)
        with _named_faults(f"INSERT on {table.schema}.{table.name}"):
            cursor = self._connection.cursor()
            with cursor.copy(query.format(name, columns)) as stream:
                for chunk in chunks:
                    stream.write(chunk)

    def count(self, table: Table) -> int:
        """Count the rows."""
        query = sql.SQL("SELECT count(*) FROM ONLY {}")
        with _named_faults():
            name = sql.Identifier(table.schema, table.name)
            row = self._connection.execute(query.format(name)).fetchone()
        return int(row[0]) if row else 0

    def begin_snapshot(self) -> str:
        """Freeze what this connection reads, and name the snapshot for pg_dump to share."""
        with _named_faults():
            self._connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return str(self.rows("SELECT pg_catalog.pg_export_snapshot()")[0][0])

    def dump_schema(self, pg_dump: Path, section: str, snapshot: str, deadline_s: int) -> str:
        """Return the SQL of `section` (pre-data, post-data), equal for an unchanged schema."""
        command = [
            str(pg_dump), f"--section={section}", "--no-owner", "--no-privileges",
            "--no-tablespaces", "--no-password", f"--snapshot={snapshot}",
            f"--dbname={self._connection.info.dbname}",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, env=client_environ(self._dsn), capture_output=True, text=True, check=False,
                timeout=deadline_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired as timeout:
            raise DatabaseError(f"pg_dump: no answer within {deadline_s} s") from timeout
        if done.returncode:
            message = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            permission = message if "permission denied" in message else ""
            raise DatabaseError(message, permission)
        return _without_restrict_tokens(done.stdout)

    def settle_session(self) -> None:
        """Set what the text of a value depends on; a dump's own SET lines undo it."""
        with _named_faults():
            for name, value in _SESSION.items():
                self._connection.execute(
                    "SELECT pg_catalog.set_config(%s, %s, false)", (name, value)
                )


@contextmanager
def open_database(dsn: str, name: str = "", deadline_s: int = 60) -> Iterator[Database]:
    """Connect to `name`, or to the database the DSN names, for the length of a block."""
    merged = make_conninfo(dsn, **({"dbname": name} if name else {}))
    with _named_faults():
        connection = psycopg.connect(merged, autocommit=True, connect_timeout=min(deadline_s, 15))
    try:
        database = Database(connection, merged)
        database.settle_session()
        yield database
    finally:
        connection.close()


def unmarked(name: str) -> str:
    """Return the name a database has until it carries our mark."""
    return name[: 63 - len(UNMARKED)] + UNMARKED


def find_pg_dump(bin_dir: str | None) -> Path | None:
    """Return pg_dump of `bin_dir`, or of the search path."""
    found = shutil.which("pg_dump", path=bin_dir) if bin_dir else shutil.which("pg_dump")
    return Path(found) if found else None


def dsn_of(settings: Mapping[str, Any], environ: Mapping[str, str], who: str) -> str:
    """Return the DSN of a source or target: `dsn`, or the variable that `dsn_env` names."""
    if settings.get("dsn"):
        return str(settings["dsn"])
    variable = str(settings.get("dsn_env", ""))
    if not environ.get(variable):
        raise CannotRun(f"{who}: no dsn; set `dsn`, or `dsn_env` to a variable that holds it")
    return environ[variable]


@contextmanager
def _named_faults(permission: str = "") -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as refused:
        message = _first_line(refused)
        raise DatabaseError(message, permission or message) from refused
    except psycopg.Error as fault:
        raise DatabaseError(_first_line(fault)) from fault


def _first_line(fault: psycopg.Error) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]


def client_environ(dsn: str) -> dict[str, str]:
    """Return what tells a program of PostgreSQL where and as whom, apart from its arguments."""
    # A password among the arguments would be readable by everyone on the machine.
    given = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    named = {_ENVIRON_OF[key]: value for key, value in given.items() if key in _ENVIRON_OF}
    return {**kept, "LC_ALL": "C", "PGCLIENTENCODING": "UTF8", **named}


def _without_restrict_tokens(script: str) -> str:
    # Since 15.14 each dump carries a random token in two psql commands.
    lines = script.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("\\restrict ", "\\unrestrict ")))


_DATABASES = """
SELECT datname, pg_catalog.shobj_description(oid, 'pg_database')
FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname COLLATE "C"
"""
_TABLES = """
SELECT n.nspname, c.relname,
  (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
  coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
    FROM pg_catalog.pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place),
         pg_catalog.pg_attribute a
    WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
      AND a.attnum = k.attnum), '{}')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
    AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
_DEFINITIONS = """
WITH own AS (
  SELECT c.oid, c.relkind, pg_catalog.format('%s.%s', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
    AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
      AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e'))
SELECT kind, name, definition FROM (
  SELECT 'column' AS kind, own.name || '.' || a.attname AS name,
    pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attnotnull THEN 'NOT NULL' END,
      nullif('identity ' || a.attidentity::text, 'identity '),
      nullif('generated ' || a.attgenerated::text, 'generated '),
      pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS definition
  FROM own JOIN pg_catalog.pg_attribute a ON a.attrelid = own.oid AND a.attnum > 0
    AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE own.relkind IN ('r', 'p')
  UNION ALL
  SELECT 'constraint', own.name || '.' || k.conname, pg_catalog.pg_get_constraintdef(k.oid)
  FROM own JOIN pg_catalog.pg_constraint k ON k.conrelid = own.oid
  WHERE k.contype IN ('p', 'u', 'f', 'c', 'x')
  UNION ALL
  SELECT 'index', own.name, pg_catalog.pg_get_indexdef(own.oid) FROM own WHERE relkind = 'i'
  UNION ALL
  SELECT 'view', own.name, pg_catalog.pg_get_viewdef(own.oid) FROM own WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT 'sequence', pg_catalog.format('%s.%s', schemaname, sequencename),
    coalesce(last_value::text, 'not used') FROM pg_catalog.pg_sequences
) found ORDER BY kind, name COLLATE "C"
"""
