"""Move a database to a MariaDB of another version and notice every change made on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from exitkit.collectors.mariadb import MariadbCollector
from exitkit.demo import processes
from exitkit.drivers.mariadb import without_definers
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.model.verdict import Draft, Gap
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.database import DatabaseRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

ROOT = Path(__file__).parents[3]
CANARY = "EXITKIT-CANARY-SHOP-42"
PASSWORD, READER = "owner-of-the-test", "reader-of-the-test"
PARAMS: dict[str, Any] = {
    "what": "database",
    "target": "sandbox-db",
    "assets": {"native_type": "MariaDB/Database", "names": ["shop"]},
    "canaries": [CANARY],
}
RESTORE = Step("restore-db", "restore", PARAMS)
COMPARE = Step("compare-db", "compare", PARAMS)
BACK = Step("back", "restore", {
    **PARAMS, "assets": {"native_type": "MariaDB/Database", "names": ["newer"]},
})  # fmt: skip
SEED = f"""
CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_german2_ci;
USE shop;
CREATE SEQUENCE numbers START 500;
CREATE TABLE customers (
    id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, note TEXT, photo VARBINARY(200),
    weight FLOAT, ratio DOUBLE, price DECIMAL(14, 4), flags BIT(9), place POINT,
    seen TIMESTAMP NULL, born DATE, wants JSON, label VARCHAR(99) AS (concat(name, '!')) STORED
);
CREATE TABLE orders (
    id INT PRIMARY KEY, customer INT NOT NULL, at DATETIME(6),
    FOREIGN KEY (customer) REFERENCES customers (id)
);
CREATE TABLE log (line TEXT) ENGINE=Aria;
INSERT INTO customers (name, note, photo, weight, ratio, price, flags, place, seen, born, wants)
VALUES
    ('Müller "& Söhne"', '', X'00FF0A22', 0.1, 1/3, 12.3400, b'100000001', POINT(1, 2),
     '2026-03-29 01:30:00', '1970-01-01', '{{"a": [1, null]}}'),
    ('O\\'Neill\\\\', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('line\\nbreak, comma', '{CANARY}', X'', 3.4e38, 1e-300, -0.0001, b'0', NULL,
     '1999-12-31 23:59:59', '0001-01-01', '[]');
INSERT INTO customers (name) SELECT concat('customer ', seq) FROM seq_1_to_2500;
INSERT INTO orders SELECT seq, 1 + seq MOD 3, '2026-01-01 00:00:00.000001' FROM seq_1_to_300;
INSERT INTO log VALUES ('one'), ('two'), ('one');
CREATE FUNCTION shout(t TEXT) RETURNS TEXT DETERMINISTIC RETURN upper(t);
CREATE VIEW loud AS SELECT id, shout(name) AS name FROM customers;
DELIMITER //
CREATE TRIGGER on_order BEFORE INSERT ON orders FOR EACH ROW
BEGIN SET NEW.at = '2000-01-01'; END //
DELIMITER ;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE line = 'old';
CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{READER}';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO reader@'127.0.0.1';
GRANT EXECUTE ON FUNCTION shop.shout TO reader@'127.0.0.1';
"""

SUM = """
SELECT count(*), bit_xor(cast(conv(left(md5(concat_ws(
    '|', id, hex(name), ifnull(hex(note), '-'), ifnull(hex(photo), '-'), ifnull(hex(weight), '-'),
    ifnull(hex(ratio), '-'), ifnull(hex(price), '-'), ifnull(hex(flags), '-'),
    ifnull(hex(ST_AsWKB(place)), '-'), ifnull(seen, '-'), ifnull(born, '-'),
    ifnull(hex(wants), '-'), hex(label)
)), 16), 16, 10) AS UNSIGNED)) FROM shop.customers
"""
"""The engine's own checksum of one and the same table differs between versions."""
NEWER = f"""
CREATE OR REPLACE DATABASE newer COLLATE utf8mb4_uca1400_ai_ci;
USE newer;
CREATE SEQUENCE numbers START 7 INCREMENT 3;
CREATE TABLE t (
    id UUID PRIMARY KEY, name VARCHAR(40) COLLATE utf8mb4_uca1400_as_cs, wants JSON, at INET6
);
INSERT INTO t VALUES ('00112233-4455-6677-8899-aabbccddeeff', 'Ähre', '{{"a": 1.50}}', '::1'),
    ('10112233-4455-6677-8899-aabbccddeeff', '{CANARY}', NULL, '2001:db8::5');
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on loopback."""

    port: int
    folder: Path

    def script(self, text: str) -> None:
        subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.folder}/socket", "--user=root"],
            env={**os.environ, "MYSQL_PWD": PASSWORD}, input=text, text=True, check=True,
        )  # fmt: skip

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with pymysql.connect(
            unix_socket=f"{self.folder}/socket", user="root", password=PASSWORD
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())


def _installed(folder: Path, user: list[str]) -> str | Path:
    """Prepare the server of this machine."""
    install = [
        "mariadb-install-db", "--no-defaults", *user, f"--datadir={folder}/data",
        "--auth-root-authentication-method=normal", "--skip-test-db", f"--tmpdir={folder}",
    ]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    return shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") or "mariadbd"


def _other_installed(folder: Path, user: list[str]) -> str | Path:
    """Prepare a server of another version; `make test` brings it."""
    program = ROOT / ".test-parts/mariadb/mariadbd"
    (folder / "data").mkdir()
    if user:
        shutil.chown(folder / "data", "nobody")
    tables = "".join(
        (ROOT / f".test-parts/mariadb/root/usr/share/mariadb/mariadb_{name}.sql").read_text()
        for name in ("system_tables", "performance_tables", "system_tables_data")
    )
    subprocess.run(
        [program, "--no-defaults", "--bootstrap", *user, f"--datadir={folder}/data"], text=True,
        input=f"create database mysql;\nuse mysql;\n{tables}", check=True, capture_output=True,
    )  # fmt: skip
    return program


def _running(install: Callable[[Path, list[str]], str | Path]) -> Iterator[Server]:
    folder, port = processes.private_folder("mariadb"), processes.free_port()
    user = ["--user=nobody"] if processes.runs_as_root() else []
    command: list[str | Path] = [
        install(folder, user),
        "--no-defaults", *user, f"--datadir={folder}/data", f"--port={port}",
        "--bind-address=127.0.0.1", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
        f"--tmpdir={folder}",
        "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M",
    ]  # fmt: skip
    process = processes.start(command, folder / "log", os.environ)
    ping = ["mariadb-admin", "--no-defaults", f"--socket={folder}/socket", "--user=root", "ping"]
    try:
        processes.wait_until(
            lambda: subprocess.run(ping, capture_output=True, check=False).returncode == 0,
            process, folder / "log",
        )  # fmt: skip
        server = Server(port, folder)
        subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={folder}/socket", "--user=root"],
            input=f"SET PASSWORD = PASSWORD('{PASSWORD}');"
            f"GRANT ALL ON *.* TO root@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' WITH GRANT OPTION;",
            text=True, check=True,
        )  # fmt: skip
        yield server
    finally:
        process.terminate()  # it does not heed what Ctrl-C sends
        processes.stop(process.pid, process)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    for server in _running(_installed):
        server.script(SEED)
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Server]:
    """A server of another version, with other defaults."""
    yield from _running(_other_installed)


@pytest.fixture
def source(shop: Server) -> Source:
    settings = {
        "host": "127.0.0.1", "port": shop.port, "user": "reader", "password_env": "SHOP_PASSWORD",
    }  # fmt: skip
    return Source("shop-db", "mariadb", settings, Path())


@pytest.fixture
def findings(source: Source, collection_context: Context) -> list[Finding]:
    return list(MariadbCollector().collect(source, _with_password(collection_context)))


@pytest.fixture
def lend(
    findings: list[Finding],
    sandbox: Server,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[..., StepContext]]:
    bundle = bundle_of(findings)
    settings = {
        "host": "127.0.0.1", "port": sandbox.port, "user": "root", "password_env": "SANDBOX",
    }  # fmt: skip
    targets = {"sandbox-db": Target("sandbox-db", "mariadb", settings, Path())}

    def give(key: str = "run-1/restore-db", **more: Any) -> StepContext:
        return context_of(bundle, targets, {"SANDBOX": PASSWORD}, key, **more)

    yield give
    RestoreStep().undo(RESTORE, {}, give())


def test_a_reader_takes_everything_and_the_same_bytes_again(
    source: Source, findings: list[Finding], collection_context: Context
) -> None:
    calls = [one for one in findings if isinstance(one, Call)]
    assert [one.reason for one in calls if one.outcome is not CallOutcome.COLLECTED] == []
    drafts = {one.aspect: one for one in findings if isinstance(one, Draft)}
    assert {str(aspect) for aspect in drafts} == {"configuration", "data"}
    assert "tables of the engine Aria were not read at one moment" in next(
        draft.loss for aspect, draft in drafts.items() if aspect == "data"
    )
    assert [one.aspect for one in findings if isinstance(one, Gap)] == ["access"]
    again = list(MariadbCollector().collect(source, _with_password(collection_context)))
    assert again == findings
    (asset,) = (one for one in findings if isinstance(one, Asset))
    assert {table["name"] for table in asset.config["tables"]} == {"customers", "log", "orders"}
    assert all(PASSWORD not in repr(one) and READER not in repr(one) for one in findings)


def test_what_is_restored_on_another_version_equals_the_source(
    lend: Callable[..., StepContext], sandbox: Server, shop: Server
) -> None:
    assert sandbox.rows("SELECT @@version") != shop.rows("SELECT @@version")
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 2503 + 300 + 3
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    assert [(one.item, one.result) for one in compared.items if one.result != "equal"] == []
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert {proof.aspect for proof in compared.proofs} == {"configuration", "data"}
    # Asked by another's hand: a sum of all values, and that no trigger ran on the way.
    assert sandbox.rows(SUM) == shop.rows(SUM)
    assert sandbox.rows("CHECKSUM TABLE shop.orders") == shop.rows("CHECKSUM TABLE shop.orders")
    assert sandbox.rows("SELECT count(*) FROM shop.orders WHERE at < '2001-01-01'") == [(0,)]
    assert sandbox.rows("SELECT name FROM shop.loud WHERE id = 3") == [("LINE\nBREAK, COMMA",)]


@pytest.fixture
def back(
    shop: Server,
    sandbox: Server,
    collection_context: Context,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[[str], StepContext]]:
    """Take a database from the other version, by this script, to the server of this machine."""

    def settings(server: Server) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": server.port, "user": "root",
            "password_env": "SHOP_PASSWORD",
        }  # fmt: skip

    def give(script: str) -> StepContext:
        sandbox.script(script)
        source = Source("newer-db", "mariadb", settings(sandbox), Path())
        collecting = replace(collection_context, environ={"SHOP_PASSWORD": PASSWORD})
        bundle = bundle_of(list(MariadbCollector().collect(source, collecting)))
        target = Target("sandbox-db", "mariadb", settings(shop), Path())
        return context_of(bundle, {target.id: target}, {"SHOP_PASSWORD": PASSWORD}, "run-1/back")

    yield give
    sandbox.script("DROP DATABASE IF EXISTS newer")


def test_a_newer_version_s_database_goes_to_an_older_one_and_equals_it(
    back: Callable[[str], StepContext], sandbox: Server, shop: Server
) -> None:
    context = back(NEWER)
    restored = RestoreStep().run(BACK, context)
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    compared = CompareStep().run(BACK, context)
    assert [(one.item, one.result) for one in compared.items if one.result != "equal"] == []
    assert {proof.aspect for proof in compared.proofs} == {"configuration", "data"}
    query = "SELECT t.*, hex(name), nextval(newer.numbers) FROM newer.t AS t ORDER BY id"
    assert shop.rows(query) == sandbox.rows(query)
    RestoreStep().undo(BACK, restored.touched, context)
    assert ("newer",) not in shop.rows("SHOW DATABASES")


def test_a_type_that_the_older_version_lacks_is_told_and_leaves_nothing(
    back: Callable[[str], StepContext], shop: Server
) -> None:
    context = back(NEWER + "CREATE TABLE v (id INT PRIMARY KEY, direction VECTOR(2));")
    refused = RestoreStep().run(BACK, context)
    assert refused.status is StepStatus.FAILED
    assert "Unknown data type: 'vector'" in refused.message
    RestoreStep().undo(BACK, {}, context)
    assert ("newer",) not in shop.rows("SHOW DATABASES")


def test_one_changed_value_a_dropped_view_and_an_added_row_are_named(
    lend: Callable[..., StepContext], sandbox: Server
) -> None:
    RestoreStep().run(RESTORE, lend())
    sandbox.script(
        "UPDATE shop.customers SET note = 'other' WHERE id = 1; DROP VIEW shop.loud;"
        "INSERT INTO shop.log VALUES ('three');"
    )
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    wrong = {(one.item, one.result, one.detail) for one in compared.items if one.result != "equal"}
    assert ("table customers row id=1", "different", "column note") in wrong
    assert ("view loud", "missing", "") in wrong
    assert any(item.startswith("table log row") and result == "extra" for item, result, _ in wrong)
    assert compared.proofs == ()


def test_undo_drops_what_it_made_and_never_what_was_there(
    lend: Callable[..., StepContext], sandbox: Server
) -> None:
    context = lend()
    restorer, target = DatabaseRestorer(), context.targets["sandbox-db"]
    sandbox.script(
        "CREATE DATABASE theirs; CREATE TABLE theirs.t (a INT); INSERT INTO theirs.t VALUES (1);"
    )
    try:
        before = restorer.inventory(target, context.environ)
        restored = RestoreStep().run(RESTORE, context)
        again = RestoreStep().run(RESTORE, lend())
        assert again.metrics == restored.metrics
        assert len(restorer.inventory(target, context.environ)) == len(before) + 4
        RestoreStep().undo(RESTORE, {}, lend())
        assert restorer.inventory(target, context.environ) == before
        sandbox.script("CREATE DATABASE shop")
        refused = RestoreStep().run(RESTORE, lend("run-2/restore-db"))
        assert refused.status is StepStatus.FAILED
        assert "is already on sandbox-db and is not ours" in refused.message
        RestoreStep().undo(RESTORE, {}, lend("run-2/restore-db"))
        assert ("shop",) in sandbox.rows("SHOW DATABASES")
    finally:
        sandbox.script("DROP DATABASE IF EXISTS theirs; DROP DATABASE IF EXISTS shop")


def test_a_refused_login_is_a_call_of_the_ledger(
    source: Source, collection_context: Context
) -> None:
    wrong = Context(
        now=collection_context.now, spool=collection_context.spool, mask_key=b"k" * 32,
        environ={"SHOP_PASSWORD": "wrong"},
    )  # fmt: skip
    (call,) = MariadbCollector().collect(source, wrong)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.REFUSED
    assert "Access denied" in call.reason


def test_a_script_of_a_bundle_runs_no_shell_and_reads_no_file(
    lend: Callable[..., StepContext], sandbox: Server, tmp_path: Path
) -> None:
    bundle = lend().bundle
    (script,) = bundle.glob("data/datasets/*/schema.sql")
    script.write_text(rf"\! touch {tmp_path}/owned" + "\n")
    outcome = RestoreStep().run(RESTORE, lend())
    assert outcome.status is StepStatus.FAILED
    assert not (tmp_path / "owned").exists()


def test_a_postgres_target_is_refused_in_one_line(
    lend: Callable[..., StepContext],
) -> None:
    context = lend()
    settings = {"dsn": "host=127.0.0.1"}
    target = Target("sandbox-db", "postgres", settings, Path())
    outcome = DatabaseRestorer().restore(RESTORE, target, context)
    assert outcome.status is StepStatus.FAILED
    assert "a mariadb database; sandbox-db is postgres" in outcome.message


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("CREATE DEFINER=`root`@`localhost` FUNCTION `f`()", "CREATE FUNCTION `f`()"),
        ("/*!50013 DEFINER=`a`@`%` SQL SECURITY DEFINER */", "/*!50013 SQL SECURITY DEFINER */"),
        ("  SELECT 'DEFINER=`a`@`b`'", "  SELECT 'DEFINER=`a`@`b`'"),
    ],
)
def test_a_definer_is_left_out_where_it_is_one(line: str, left: str) -> None:
    assert without_definers(line) == left


def _with_password(context: Context) -> Context:
    return Context(
        now=context.now, spool=context.spool, mask_key=context.mask_key,
        environ={"SHOP_PASSWORD": READER},
    )  # fmt: skip
