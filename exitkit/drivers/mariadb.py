"""Speak to MariaDB 10.5 or MySQL 8 and later: read it in one snapshot, copy it out and in.

Rows are RFC 4180: all values in quotes, so that an empty field is NULL, bytes as hexadecimal
digits. MySQL knows no comments of databases: there an empty table carries our mark.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from exitkit.assess.csv_records import records
from exitkit.drivers.database import DatabaseError, Table
from exitkit.errors import CannotRun

_CONNECT_S = 15
_BATCH = 1000
_LOST_CONNECTION = frozenset({2006, 2013})
_REFUSED = frozenset({1044, 1045, 1142, 1143, 1227, 1370, 1698})
_SESSION = """SET NAMES utf8mb4, time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0,
    sql_mode = 'NO_AUTO_VALUE_ON_ZERO', sql_quote_show_create = 1"""
_HEXADECIMAL = frozenset({
    "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "geometry",
    "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection",
})  # fmt: skip
_OWN = ("information_schema", "performance_schema", "mysql", "sys")
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)")?(,|\r?\n|\Z)')
_DEFINER = re.compile(r"(?m)^((?:/\*!\d+ )?(?:CREATE\b[^\n`]{0,40})?)DEFINER=`[^`\n]*`@`[^`\n]*` ?")


@dataclass(frozen=True, slots=True)
class Login:
    """How to get in. The password never stands among the arguments of a program."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    socket: str = ""
    tls_ca: str = ""

    @property
    def endpoint(self) -> str:
        """`mariadb://host:port`, or the path of the socket."""
        return f"mariadb://{self.socket or f'{self.host}:{self.port}'}"


class MariaDatabase:
    """One open connection; every fault of the server leaves as a DatabaseError."""

    def __init__(self, connection: Any, login: Login, name: str) -> None:
        self._connection = connection
        self._login = login
        self._name = name

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query of ours, every value as the server words it."""
        with _named_faults(), self._connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return list(cursor.fetchall())

    def databases(self) -> dict[str, str]:
        """Return the comment of each database, by name."""
        listing = _MARKED_DATABASES if self._is_mysql() else _DATABASES
        return {name: comment or "" for name, comment in self.rows(listing)}

    def create_database(self, name: str, config: Mapping[str, Any], mark: str) -> tuple[str, ...]:
        """Create an empty database that carries `mark`; return what the server did not take."""
        wanted = f"CHARACTER SET {_word(config['encoding'])} COLLATE {_word(config['collation'])}"
        try:
            self._create(name, wanted, mark)
        except DatabaseError as fault:
            if "collation" not in str(fault).lower() and "character set" not in str(fault).lower():
                raise
            self._create(name, "", mark)
            return (f"collation {config['collation']}: the target uses its own",)
        return ()

    def drop_database(self, name: str) -> None:
        """Drop a database with all it holds."""
        self._run(f"DROP DATABASE {_quoted(name)}")

    def run_script(self, script: str, deadline_s: int = 3600) -> None:
        """Run a dump through the maker's client, which may then touch no file and no shell."""
        text = without_definers(script)
        _run_client(_client(), ("--sandbox", "--batch"), self._login, deadline_s, self._name, text)

    def definitions(self) -> list[tuple[str, str, str]]:
        """List tables, views, sequences, routines, triggers and events with their definition."""
        found = []
        for kind, name, statement, column in _DEFINED:
            for (thing,) in self.rows(name, (self._name,)):
                answer = self.rows(f"SHOW CREATE {statement} {_quoted(thing)}")
                text = without_definers(str(answer[0][column] or "not readable"))
                found.append((kind, thing, text))
        return sorted(found)

    def system_identifier(self) -> str:
        """Name the server by what MariaDB keeps for life, or by where its data lies."""
        uid = self.rows("SHOW GLOBAL VARIABLES LIKE 'server_uid'")
        if uid and uid[0][1]:
            return str(uid[0][1])
        host, port, folder = self.rows("SELECT @@hostname, @@port, @@datadir")[0]
        return f"{host}:{port}{folder}"

    def endpoint(self) -> str:
        """`mariadb://host:port` as we reached it, without user or password."""
        return self._login.endpoint

    def tables(self) -> tuple[Table, ...]:
        """List the tables with rows of their own, by name."""
        columns, keys = self._by_table(_COLUMNS), self._by_table(_KEYS)
        return tuple(
            Table("", name, tuple(columns[name]), tuple(keys.get(name, ())))
            for (name,) in self.rows(_TABLES, (self._name,))
            if name in columns
        )

    def hexadecimal(self, table: Table) -> tuple[str, ...]:
        """Name the columns whose bytes travel as hexadecimal digits."""
        types = self._types(table)
        return tuple(name for name in table.columns if types.get(name) in _HEXADECIMAL)

    def copy_out(self, table: Table) -> Iterator[bytes]:
        """Yield the rows as CSV with a header, ordered by key the same way on every server."""
        types = self._types(table)
        order = ", ".join(_ordered(name, types) for name in table.key or table.columns)
        selected = ", ".join(_selected(name, types) for name in table.columns)
        query = f"SELECT {selected} FROM {_quoted(table.name)} ORDER BY {order}"  # noqa: S608
        yield _line(table.columns)
        with _named_faults(f"SELECT on {table.name}"), self._connection.cursor(SSCursor) as cursor:
            cursor.execute(query)
            for row in cursor:
                yield _line(row)

    def copy_in(self, table: Table, chunks: Iterator[bytes]) -> None:
        """Load what `copy_out` gave."""
        types = self._types(table)
        names = ", ".join(map(_quoted, table.columns))
        places = ", ".join(
            "UNHEX(%s)" if types.get(name) in _HEXADECIMAL else "%s" for name in table.columns
        )
        query = f"INSERT INTO {_quoted(table.name)} ({names}) VALUES ({places})"  # noqa: S608
        with _named_faults(f"INSERT on {table.name}"), self._connection.cursor() as cursor:
            batch: list[tuple[str | None, ...]] = []
            for number, record in enumerate(records(chunks)):
                if number:
                    batch.append(_values(record))
                if len(batch) == _BATCH:
                    cursor.executemany(query, batch)
                    batch.clear()
            if batch:
                cursor.executemany(query, batch)
            self._connection.commit()

    def count(self, table: Table) -> int:
        """Count the rows."""
        return int(self.rows(f"SELECT count(*) FROM {_quoted(table.name)}")[0][0])  # noqa: S608

    def begin_snapshot(self) -> None:
        """Freeze what this connection reads of transactional tables."""
        self._run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def dump(self, dump: Path, options: Sequence[str], deadline_s: int) -> str:
        """Return what mariadb-dump writes, equal for an unchanged schema."""
        wanted = (*_DUMP, *options)
        text = _run_client(dump, wanted, self._login, deadline_s, self._name)
        # The first line of newer dumps is a command that older clients do not know.
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("/*M!999999", "-- ")))

    def _by_table(self, query: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, column in self.rows(query, (self._name,)):
            found.setdefault(table, []).append(column)
        return found

    def _types(self, table: Table) -> dict[str, str]:
        return dict(self.rows(_TYPES, (self._name, table.name)))

    def _create(self, name: str, wanted: str, mark: str) -> None:
        comment = "" if self._is_mysql() else " COMMENT %s"
        self._run(f"CREATE DATABASE {_quoted(name)} {wanted}{comment}", (mark,) if comment else ())
        if not comment:
            self._run(f"CREATE TABLE {_quoted(name)}.{_MARK} (mark INT) COMMENT %s", (mark,))

    def _is_mysql(self) -> bool:
        return "MariaDB" not in str(self.rows("SELECT version()")[0][0])

    def _run(self, statement: str, parameters: Sequence[object] = ()) -> None:
        with _named_faults(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)


@contextmanager
def open_mariadb(login: Login, name: str = "", deadline_s: int = 60) -> Iterator[MariaDatabase]:
    """Connect to the server, or to the database `name`, for the length of a block."""
    with _named_faults():
        connection = pymysql.connect(
            host=login.host, port=login.port, user=login.user, password=login.password,
            unix_socket=login.socket or None, database=name or None, charset="utf8mb4",
            connect_timeout=min(deadline_s, _CONNECT_S), read_timeout=deadline_s,
            ssl={"ca": login.tls_ca} if login.tls_ca else None,
            # No converter: a value stays the text that the server gave.
            conv=dict(encoders), init_command=_SESSION, autocommit=True, local_infile=False,
        )  # fmt: skip
    try:
        yield MariaDatabase(connection, login, name)
    finally:
        connection.close()


def login_of(settings: Mapping[str, Any], environ: Mapping[str, str], who: str) -> Login:
    """Return the login of a source or target: `host`, `port`, `user`, `password_env` ..."""
    variable = str(settings.get("password_env", ""))
    if variable and variable not in environ:
        raise CannotRun(f"{who}: ${variable} is not set; it is to hold the password")
    return Login(
        str(settings.get("host", "localhost")), int(settings.get("port", 3306)),
        str(settings["user"]), environ.get(variable, ""), str(settings.get("socket", "")),
        str(settings.get("tls_ca", "")),
    )  # fmt: skip


def find_mariadb_dump(bin_dir: str | None) -> Path | None:
    """Return mariadb-dump of `bin_dir`, or of the search path."""
    found = shutil.which("mariadb-dump", path=bin_dir or None)
    return Path(found) if found else None


def without_definers(script: str) -> str:
    """Leave out whose rights views and programs run with: that account is on the old server."""
    return _DEFINER.sub(r"\1", script)


def _client() -> Path:
    found = shutil.which("mariadb")
    if not found:
        raise DatabaseError("mariadb is not on the search path; install mariadb-client")
    return Path(found)


def _options(login: Login) -> list[str]:
    place = [f"--socket={login.socket}"] if login.socket else [
        "--protocol=tcp", f"--host={login.host}", f"--port={login.port}",
    ]  # fmt: skip
    tls = [f"--ssl-ca={login.tls_ca}"] if login.tls_ca else []
    return [*place, *tls, f"--user={login.user}"]


def _run_client(
    program: Path,
    options: Sequence[str],
    login: Login,
    deadline_s: int,
    database: str,
    text: str = "",
) -> str:
    # --no-defaults has to come first; a password among the arguments would be readable by all.
    command = [str(program), "--no-defaults", *_options(login), *options]
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    try:
        done = subprocess.run(
            [*command, "--default-character-set=utf8mb4", database],
            env={**kept, "LC_ALL": "C", "MYSQL_PWD": login.password}, input=text,
            capture_output=True, text=True, check=False, timeout=deadline_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as timeout:
        raise DatabaseError(f"{program.name}: no answer in {deadline_s} s") from timeout
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DatabaseError(message, message if "denied" in message else "")
    return done.stdout


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _word(text: object) -> str:
    if not re.fullmatch(r"\w+", str(text)):
        raise DatabaseError(f"{str(text)[:60]!r}: not the name of a character set or collation")
    return str(text)


def _selected(name: str, types: Mapping[str, str]) -> str:
    if types.get(name) in _HEXADECIMAL:
        return f"HEX({_quoted(name)})"
    # A float is printed with six digits; as a double it is printed whole.
    return f"CAST({_quoted(name)} AS DOUBLE)" if types.get(name) == "float" else _quoted(name)


def _ordered(name: str, types: Mapping[str, str]) -> str:
    if types.get(name) in _HEXADECIMAL:
        return f"HEX({_quoted(name)})"
    return f"CAST({_quoted(name)} AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin"


def _line(values: Sequence[str | None]) -> bytes:
    texts = ("" if one is None else '"' + one.replace('"', '""') + '"' for one in values)
    return ",".join(texts).encode() + b"\n"


def _values(record: bytes) -> tuple[str | None, ...]:
    values: list[str | None] = []
    for found in _FIELD.finditer(record.decode()):
        value = found.group(1)
        values.append(None if value is None else value.replace('""', '"'))
        if found.group(2) != ",":
            break
    return tuple(values)


@contextmanager
def _named_faults(permission: str = "") -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as fault:
        code, *words = fault.args or (0, type(fault).__name__)
        message = (str(words[0]) if words else str(fault)).splitlines()[0]
        if code in _LOST_CONNECTION:
            message = f"the connection was lost: {message}"
        refused = (permission or message) if code in _REFUSED else ""
        raise DatabaseError(message, refused) from fault


_DUMP = (
    "--no-data", "--single-transaction", "--skip-lock-tables", "--skip-add-drop-table",
    "--skip-comments", "--skip-dump-date", "--skip-add-locks",
)  # fmt: skip
SCHEMA_DUMP = ("--routines", "--skip-triggers", "--skip-events")
"""Tables, views, sequences and routines: what has to be there before the rows."""
PROGRAMS_DUMP = ("--no-create-info", "--skip-routines", "--triggers", "--events")
"""What must not run while rows are loaded."""

_DATABASES = f"""
SELECT SCHEMA_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA
WHERE SCHEMA_NAME NOT IN {_OWN} ORDER BY BINARY SCHEMA_NAME
"""  # noqa: S608  # names of ours
_MARK = "exitkit_mark"
_MARKED_DATABASES = f"""
SELECT SCHEMA_NAME, TABLE_COMMENT FROM information_schema.SCHEMATA LEFT JOIN
information_schema.TABLES ON TABLE_SCHEMA = SCHEMA_NAME AND TABLE_NAME = '{_MARK}'
WHERE SCHEMA_NAME NOT IN {_OWN} ORDER BY BINARY SCHEMA_NAME
"""  # noqa: S608  # names of ours
_OF_ROWS = f"TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_NAME <> '{_MARK}'"
_TABLES = f"""
SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s
AND {_OF_ROWS} ORDER BY BINARY TABLE_NAME
"""  # noqa: S608  # names of ours
_COLUMNS = """
SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s
AND coalesce(GENERATION_EXPRESSION, '') = '' ORDER BY BINARY TABLE_NAME, ORDINAL_POSITION
"""
_KEYS = """
SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = %s AND CONSTRAINT_NAME = 'PRIMARY'
ORDER BY BINARY TABLE_NAME, ORDINAL_POSITION
"""
_TYPES = """
SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""
_OF_TYPE = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND "
_ROUTINES = (
    "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s"
    " AND ROUTINE_TYPE = "
)
_DEFINED = (
    ("table", _OF_TYPE + _OF_ROWS, "TABLE", 1),
    ("view", _OF_TYPE + "TABLE_TYPE = 'VIEW'", "VIEW", 1),
    ("sequence", _OF_TYPE + "TABLE_TYPE = 'SEQUENCE'", "SEQUENCE", 1),
    ("procedure", _ROUTINES + "'PROCEDURE'", "PROCEDURE", 2),
    ("function", _ROUTINES + "'FUNCTION'", "FUNCTION", 2),
    (
        "trigger",
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s",
        "TRIGGER", 2,
    ),
    (
        "event",
        "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
        "EVENT", 3,
    ),
)  # fmt: skip
"""Kind, how its names are found, how SHOW CREATE calls it, and where its answer has the text."""
