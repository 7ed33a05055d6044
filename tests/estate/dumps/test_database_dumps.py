"""Dump real PostgreSQL and MariaDB servers as RDS would be, restore the dumps, and compare."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exitkit.demo import databases, processes
from exitkit.extractors.database_dumps import DatabaseDumps
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
PASSWORD = 'pa"ss\\word #1'


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and how an entry of `databases:` reaches it."""

    engine: str
    port: int
    environ: dict[str, str]
    bin_dir: str = ""


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[Server, databases.RunningDatabase]]:
    with databases.running_database(16) as running:
        databases.seed_orders(running)
        environ = {"DB_USER": databases.READER, "DB_PASSWORD": running.reader_password}
        yield Server("postgres", running.port, environ, str(running.bin_dir)), running


SQL = f"""
CREATE USER dumper@'127.0.0.1' IDENTIFIED BY '{PASSWORD.replace(chr(92), 2 * chr(92))}';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON *.* TO dumper@'127.0.0.1';
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(40), raw BLOB, price DECIMAL(9,2));
INSERT INTO item VALUES (1, 'Grüße', x'00ff0a', 1.10), (2, NULL, NULL, NULL);
CREATE VIEW cheap AS SELECT id FROM item WHERE price < 2;
CREATE TRIGGER upper_name BEFORE INSERT ON item FOR EACH ROW SET NEW.name = UPPER(NEW.name);
"""


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    home = processes.private_folder("mariadb")
    owner = []
    if processes.runs_as_root():
        shutil.chown(home, "mysql", "mysql")
        owner = ["--user=mysql"]
    # The server's own user may not be let into the place for temporary files of all.
    environ = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "TMPDIR": str(home)}
    data, socket, port, log = home / "data", home / "s", processes.free_port(), home / "log"
    common = ["--no-defaults", f"--datadir={data}", *owner]
    subprocess.run(
        ["mariadb-install-db", *common, "--skip-test-db"],
        check=True, capture_output=True, env=environ,
    )  # fmt: skip
    command = [
        "/usr/sbin/mariadbd", *common, f"--socket={socket}", "--bind-address=127.0.0.1",
        f"--port={port}", "--skip-log-bin",
    ]  # fmt: skip
    process = processes.start(command, log, environ)
    try:
        processes.wait_until(socket.exists, process, log)
        run_sql(socket, SQL)
        login = {"DB_USER": "dumper", "DB_PASSWORD": PASSWORD, "SOCKET": str(socket)}
        yield Server("mariadb", port, login)
    finally:
        # It would take half a minute to close in good order what is thrown away.
        process.kill()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def run_sql(socket: Path | str, sql: str, database: str = "") -> str:
    command = [
        "mariadb",
        "--no-defaults",
        f"--socket={socket}",
        "--batch",
        "-N",
        *([database] if database else []),
    ]
    done = subprocess.run(command, input=sql.encode(), check=True, capture_output=True)
    return done.stdout.decode()


def extracted(
    at: Server, folder: Path, limits: Limits | None = None, started: dt.datetime = NOW,
    kept: Path | None = None, **change: Any,
) -> list[Finding]:  # fmt: skip
    """Extract from a server that calls itself an instance of RDS."""
    entry = {
        "server": "cr*", "user_env": "DB_USER", "password_env": "DB_PASSWORD",
        "host": "127.0.0.1", "port": at.port, "bin_dir": at.bin_dir, **change,
    }  # fmt: skip
    endpoint = {"Address": "crm.example.rds.amazonaws.com", "Port": 5432}
    config = {"Engine": at.engine, "Endpoint": endpoint}
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::RDS::DBInstance", "crm")
    asset = Asset(ref, "db.instance", "crm", config, NOW)
    source = Source("prod", "aws", {"databases": [entry]}, folder)
    context = Context(
        now=started, spool=folder, mask_key=b"k" * 32, environ=at.environ,
        limits=limits or Limits(), kept=kept,
    )  # fmt: skip
    return list(DatabaseDumps().extract(asset, source, context))


def draft_of(findings: list[Finding]) -> Draft:
    (found,) = (one for one in findings if isinstance(one, Draft))
    return found


def gap_of(findings: list[Finding]) -> Gap:
    (found,) = (one for one in findings if isinstance(one, Gap))
    return found


def bodies(draft: Draft) -> dict[str, bytes]:
    return {one.path.rpartition("/")[2]: Path(str(one.body)).read_bytes() for one in draft.contents}


def test_a_postgres_server_leaves_as_scripts_that_another_version_takes(
    postgres: tuple[Server, databases.RunningDatabase], tmp_path: Path
) -> None:
    server, running = postgres
    draft = draft_of(extracted(server, tmp_path, databases=["orders"]))
    assert (draft.aspect, draft.level) == (Aspect.DATA, Level.IMPORTABLE)
    assert set(bodies(draft)) == {"orders.sql"}
    script = bodies(draft)["orders.sql"]
    again = tmp_path / "again"
    again.mkdir()
    assert bodies(draft_of(extracted(server, again, databases=["orders"])))["orders.sql"] == script
    with databases.running_database(18) as target:
        environ = {"PGPASSWORD": target.password, "PATH": os.environ["PATH"]}
        command = [
            str(target.bin_dir / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1",
            f"--port={target.port}", f"--username={databases.OWNER}", "--dbname=postgres",
        ]  # fmt: skip
        subprocess.run(command, input=script, env=environ, check=True, capture_output=True)
        here = fingerprints(running.dsn.replace("dbname=postgres", "dbname=orders"))
        assert here == fingerprints(target.dsn)
        assert len(here) > 1


def fingerprints(dsn: str) -> dict[str, tuple[int, str]]:
    """Return rows and a digest over all of them, by table."""
    found = {}
    with psycopg.connect(dsn) as connection:
        connection.execute("SET timezone = 'UTC'")
        listed = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in listed:
            name = psycopg.sql.Identifier(schema, table)
            query = psycopg.sql.SQL(
                "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text"
                " COLLATE \"C\"), '')) FROM {} t"
            )
            row = connection.execute(query.format(name)).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = (row[0], row[1])
    return found


def test_a_mariadb_server_leaves_as_scripts_that_can_be_loaded(
    mariadb: Server, tmp_path: Path
) -> None:
    draft = draft_of(extracted(mariadb, tmp_path))
    script = bodies(draft)["shop.sql"]
    assert set(bodies(draft)) == {"shop.sql"}
    assert PASSWORD.encode() not in script
    socket, check = mariadb.environ["SOCKET"], "CHECKSUM TABLE item EXTENDED; SELECT * FROM cheap;"
    before = run_sql(socket, check, "shop")
    run_sql(socket, "DROP DATABASE shop")
    run_sql(socket, script.decode())
    assert run_sql(socket, check, "shop") == before
    assert "upper_name" in run_sql(socket, "SHOW TRIGGERS", "shop")
    assert list(tmp_path.glob("login-*")) == []


def test_a_login_that_is_wrong_is_a_refusal_with_a_ledger_line(
    mariadb: Server, postgres: tuple[Server, databases.RunningDatabase], tmp_path: Path
) -> None:
    for server in (mariadb, postgres[0]):
        wrong = Server(
            server.engine, server.port, {**server.environ, "DB_PASSWORD": "no"}, server.bin_dir
        )
        findings = extracted(wrong, tmp_path)
        assert gap_of(findings).reason == "permission-denied", gap_of(findings).text
        (call,) = (one for one in findings if isinstance(one, Call))
        assert call.outcome is CallOutcome.REFUSED
        assert call.permission


def test_a_server_of_mysql_is_dumped_by_its_own_program_where_there_is_one(
    mariadb: Server, tmp_path: Path
) -> None:
    mysql = replace(mariadb, engine="mysql")
    foreign = [one for one in draft_of(extracted(mysql, tmp_path)).loss if "generated" in one]
    assert len(foreign) == 1
    assert not set(foreign) & set(draft_of(extracted(mariadb, tmp_path)).loss)
    own = tmp_path / "bin"
    own.mkdir()
    for name, does in (
        ("mysqldump", '[ "$1" != --version ] || exec echo mysqldump 9.7; exec mariadb-dump "$@"'),
        ("mysql", 'exec mariadb "$@"'), ("mariadb-dump", "exit 9"), ("mariadb", "exit 9"),
    ):  # fmt: skip
        (own / name).write_text(f"#!/bin/sh\n{does}\n")
        (own / name).chmod(0o755)
    draft = draft_of(extracted(mysql, tmp_path, bin_dir=str(own)))
    assert not set(foreign) & set(draft.loss)


def test_what_is_missing_is_named_in_the_gap(mariadb: Server, tmp_path: Path) -> None:
    assert "databases:" in gap_of(extracted(mariadb, tmp_path, server="other")).text
    assert "DB_KEY" in gap_of(extracted(mariadb, tmp_path, password_env="DB_KEY")).text
    assert "not found" in gap_of(extracted(mariadb, tmp_path, bin_dir=str(tmp_path))).text
    oracle = Server("oracle-ee", mariadb.port, mariadb.environ)
    assert "oracle-ee" in gap_of(extracted(oracle, tmp_path)).text
    nobody = Server("mariadb", processes.free_port(), mariadb.environ)
    assert gap_of(extracted(nobody, tmp_path)).reason == "api-error"


def test_a_dump_beyond_the_limit_ends_early_and_leaves_no_file(
    mariadb: Server, tmp_path: Path
) -> None:
    findings = extracted(mariadb, tmp_path, limits=Limits(inline_data_bytes=500))
    assert gap_of(findings).reason == "too-large"
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert CallOutcome.EXCLUDED in {one.outcome for one in findings if isinstance(one, Call)}


def test_a_dump_that_was_finished_is_not_taken_again(mariadb: Server, tmp_path: Path) -> None:
    kept, own = tmp_path / "kept", tmp_path / "bin"
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder in (kept, own, *folders):
        folder.mkdir()
    for name in ("mariadb", "mariadb-dump"):
        # It dies at the second database, as far as it was told to.
        (own / name).write_text(
            f'#!/bin/sh\n[ ! -e {own}/broken ] || case "$*" in *" zoo") exit 2;; esac\n'
            f'echo "$*" >> {own}/said; exec {shutil.which(name)} "$@"\n'
        )
        (own / name).chmod(0o755)
    (own / "broken").touch()
    socket = mariadb.environ["SOCKET"]
    run_sql(socket, "CREATE DATABASE zoo; CREATE TABLE zoo.animal (id INT PRIMARY KEY)")
    try:
        how: dict[str, Any] = {"kept": kept, "bin_dir": str(own)}
        assert gap_of(extracted(mariadb, folders[0], **how)).reason == "api-error"
        (own / "broken").unlink()
        (own / "said").unlink()
        run_sql(socket, "CREATE TABLE shop.later (id INT PRIMARY KEY)")
        later = NOW + dt.timedelta(hours=1)
        draft = draft_of(extracted(mariadb, folders[1], started=later, **how))
        assert [line.rpartition(" ")[2] for line in dumps_said(own)] == ["zoo"]
        assert b"CREATE TABLE `later`" not in bodies(draft)["shop.sql"]
        assert b"CREATE TABLE `animal`" in bodies(draft)["zoo.sql"]
        told = [one for one in draft.loss if "since" in one]
        assert told == [f"changes of shop since {NOW.isoformat()}, when it was dumped"]
        tight = Limits(inline_data_bytes=500)
        assert gap_of(extracted(mariadb, folders[2], tight, **how)).reason == "too-large"
    finally:
        run_sql(socket, "DROP DATABASE zoo; DROP TABLE IF EXISTS shop.later")


def dumps_said(own: Path) -> list[str]:
    lines = (own / "said").read_text().splitlines()
    return [line for line in lines if "--single-transaction" in line]
