"""Move a database between servers of MySQL itself, which parts from MariaDB in what it knows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from exitkit.collectors.mariadb import MariadbCollector
from exitkit.demo import processes
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.database import DatabaseRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

PROGRAM = Path(__file__).parents[3] / ".test-parts/mysql/mysqld"
CANARY = "EXITKIT-CANARY-SHOP-43"
PASSWORD, READER = "owner-of-the-test", "reader-of-the-test"
PARAMS: dict[str, Any] = {
    "what": "database",
    "target": "sandbox-db",
    "assets": {"native_type": "MariaDB/Database", "names": ["shop"]},
    "rename": "{name}_copy",
    "canaries": [CANARY],
}
RESTORE = Step("restore-db", "restore", PARAMS)
COMPARE = Step("compare-db", "compare", PARAMS)
SEED = (
    "CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci",
    "USE shop",
    """CREATE TABLE customers (
        id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, note TEXT,
        photo VARBINARY(200), weight FLOAT, ratio DOUBLE, price DECIMAL(14, 4), flags BIT(9),
        place POINT SRID 4326, seen TIMESTAMP NULL, born DATE, wants JSON,
        label VARCHAR(99) AS (concat(name, '!')) STORED, hidden INT INVISIBLE DEFAULT 7
    )""",
    """CREATE TABLE orders (
        id INT PRIMARY KEY, customer INT NOT NULL, at DATETIME(6) DEFAULT (now(6)),
        CHECK (id > 0), FOREIGN KEY (customer) REFERENCES customers (id)
    )""",
    f"""INSERT INTO customers
        (name, note, photo, weight, ratio, price, flags, place, seen, born, wants) VALUES
        ('Müller "& Söhne"', '', X'00FF0A22', 0.1, 1/3, 12.34, b'100000001',
         ST_SRID(POINT(1, 2), 4326), '2026-03-29 01:30:00', '1970-01-01', '{{"a": [1, null]}}'),
        ('O\\'Neill\\\\', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('line\\nbreak', '{CANARY}', X'', 3.4e38, 1e-300, -0.0001, b'0', NULL,
         '1999-12-31 23:59:59', '1000-01-01', '[]')""",
    "INSERT INTO orders VALUES (1, 1, '2026-01-01 00:00:00.000001')",
    "CREATE FUNCTION shout(t TEXT) RETURNS TEXT DETERMINISTIC RETURN upper(t)",
    "CREATE VIEW loud AS SELECT id, shout(name) AS name FROM customers",
    """CREATE TRIGGER on_order BEFORE INSERT ON orders FOR EACH ROW
        BEGIN SET NEW.at = '2000-01-01'; END""",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders WHERE id = 9",
    f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{READER}'",
    "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO reader@'127.0.0.1'",
    "GRANT EXECUTE ON FUNCTION shop.shout TO reader@'127.0.0.1'",
    f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
    "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION",
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with a database, reached at the port."""
    folder, port = processes.private_folder("mysql"), processes.free_port()
    user = ["--user=root"] if processes.runs_as_root() else []
    common: list[str | Path] = [PROGRAM, "--no-defaults", *user, f"--datadir={folder}/data"]
    start: list[str | Path] = [
        *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
        f"--pid-file={folder}/pid", f"--tmpdir={folder}", "--mysqlx=OFF", "--skip-log-bin",
        "--secure-file-priv=NULL", "--innodb-buffer-pool-size=16M", "--innodb-redo-log-capacity=8M",
    ]  # fmt: skip
    try:
        small = "--innodb-redo-log-capacity=8M"
        subprocess.run([*common, "--initialize-insecure", small], check=True, capture_output=True)
        process = processes.start(start, folder / "log", os.environ)
        try:
            processes.wait_until(
                lambda: (folder / "pid").exists() and (folder / "socket").exists(),
                process, folder / "log",
            )  # fmt: skip
            with pymysql.connect(unix_socket=f"{folder}/socket", user="root") as connection:
                for statement in SEED:
                    connection.cursor().execute(statement)
                connection.commit()
            yield port
        finally:
            process.terminate()
            processes.stop(process.pid, process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings(port: int, user: str) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "user": user, "password_env": "SHOP_PASSWORD"}


@pytest.fixture
def findings(port: int, collection_context: Context) -> list[Finding]:
    source = Source("shop-db", "mariadb", settings(port, "reader"), Path())
    context = replace(collection_context, environ={"SHOP_PASSWORD": READER})
    return list(MariadbCollector().collect(source, context))


@pytest.fixture
def lend(
    port: int,
    findings: list[Finding],
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[..., StepContext]]:
    bundle = bundle_of(findings)
    target = Target("sandbox-db", "mariadb", settings(port, "root"), Path())

    def give(key: str = "run-1/restore-db") -> StepContext:
        return context_of(bundle, {target.id: target}, {"SHOP_PASSWORD": PASSWORD}, key)

    yield give
    RestoreStep().undo(RESTORE, {}, give())


def rows(port: int, query: str) -> Any:
    with pymysql.connect(
        host="127.0.0.1", port=port, user="root", password=PASSWORD
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute(query)
        return cursor.fetchall()


def test_a_reader_takes_everything(findings: list[Finding]) -> None:
    calls = [one for one in findings if isinstance(one, Call)]
    assert [one.reason for one in calls if one.outcome is not CallOutcome.COLLECTED] == []
    assert {str(one.aspect) for one in findings if isinstance(one, Draft)} == {
        "configuration", "data",
    }  # fmt: skip


def test_what_is_restored_equals_the_source_and_leaves_again(
    lend: Callable[..., StepContext], port: int
) -> None:
    target = Target("sandbox-db", "mariadb", settings(port, "root"), Path())
    environ = {"SHOP_PASSWORD": PASSWORD}
    before = DatabaseRestorer().inventory(target, environ)
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    again = RestoreStep().run(RESTORE, lend())
    assert again.metrics["items_restored"] == restored.metrics["items_restored"] == 4
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    assert [(one.item, one.result) for one in compared.items if one.result != "equal"] == []
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert {proof.aspect for proof in compared.proofs} == {"configuration", "data"}
    # Asked by another's hand: all values, hidden ones too, and that no trigger ran on the way.
    for query in (
        "SELECT *, hidden, ST_SRID(place) FROM {}.customers ORDER BY id",
        "SELECT * FROM {}.orders", "SELECT * FROM {}.loud ORDER BY id",
    ):  # fmt: skip
        assert rows(port, query.format("shop_copy")) == rows(port, query.format("shop"))
    assert rows(port, "SELECT year(at) FROM shop_copy.orders") == ((2026,),)
    RestoreStep().undo(RESTORE, again.touched, lend())
    assert DatabaseRestorer().inventory(target, environ) == before


def test_a_database_that_is_there_already_is_not_ours(
    lend: Callable[..., StepContext], port: int
) -> None:
    rows(port, "CREATE DATABASE shop_copy")
    outcome = RestoreStep().run(RESTORE, lend())
    assert outcome.status is StepStatus.FAILED
    assert "is not ours" in outcome.message
    RestoreStep().undo(RESTORE, {}, lend())
    assert rows(port, "SHOW DATABASES LIKE 'shop_copy'") == (("shop_copy",),)
    rows(port, "DROP DATABASE shop_copy")
