"""Move a database from PostgreSQL 16 to 18 and notice every change made on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exitkit.collectors.postgres import PostgresCollector
from exitkit.demo.databases import CANARIES, RunningDatabase
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.database import DatabaseRestorer
from exitkit.steps.canary import CanaryStep
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

PARAMS: dict[str, Any] = {
    "what": "database",
    "target": "sandbox-db",
    "assets": {"native_type": "PostgreSQL/Database", "names": ["orders"]},
    "canaries": list(CANARIES),
}
RESTORE = Step("restore-db", "restore", PARAMS)
COMPARE = Step("compare-db", "compare", PARAMS)


@pytest.fixture
def source(source_database: RunningDatabase) -> Source:
    settings = {"dsn": source_database.reader_dsn, "bin_dir": str(source_database.bin_dir)}
    return Source("orders-db", "postgres", settings, Path())


@pytest.fixture
def targets(target_database: RunningDatabase) -> dict[str, Target]:
    settings = {"dsn_env": "SANDBOX_DSN"}
    return {"sandbox-db": Target("sandbox-db", "postgres", settings, Path())}


@pytest.fixture
def lend(
    source: Source,
    targets: dict[str, Target],
    target_database: RunningDatabase,
    collection_context: Context,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[[str], StepContext]]:
    """Lend a context by idempotency key; drop the restored database at the end."""
    bundle = bundle_of(list(PostgresCollector().collect(source, collection_context)))
    environ = {"SANDBOX_DSN": target_database.dsn}
    yield lambda key="run-1/restore-db": context_of(bundle, targets, environ, key)
    with psycopg.connect(target_database.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS orders")


def digests(findings: list[Finding]) -> dict[str, str]:
    bodies = {
        content.path: content.body
        for finding in findings
        if isinstance(finding, Draft)
        for content in finding.contents
    }
    return {
        path: hashlib.sha256(body if isinstance(body, bytes) else body.read_bytes()).hexdigest()
        for path, body in bodies.items()
    }


def on_target(target_database: RunningDatabase, statement: str) -> None:
    with psycopg.connect(target_database.dsn, dbname="orders", autocommit=True) as connection:
        connection.execute(statement)


def test_two_collections_of_an_unchanged_database_give_the_same_bytes(
    source: Source, collection_context: Context
) -> None:
    first = digests(list(PostgresCollector().collect(source, collection_context)))
    second = digests(list(PostgresCollector().collect(source, collection_context)))
    assert first == second
    assert any(path.endswith("tables/public.orders.csv") for path in first)


def test_every_database_is_an_asset_or_an_exclusion(
    source_database: RunningDatabase, source: Source, collection_context: Context
) -> None:
    settings = {**source.settings, "databases": ["orders"]}
    findings = list(
        PostgresCollector().collect(
            Source("orders-db", "postgres", settings, Path()), collection_context
        )
    )
    assert [one.name for one in findings if isinstance(one, Asset)] == ["orders"]
    excluded = [one for one in findings if isinstance(one, Call) and one.outcome == "excluded"]
    assert [one.binding for one in excluded] == ["postgres"]
    assert not any(one.is_open for one in findings if isinstance(one, Call))


def test_no_output_of_the_collector_holds_the_password(
    source_database: RunningDatabase, source: Source, collection_context: Context
) -> None:
    findings = list(PostgresCollector().collect(source, collection_context))
    assert source_database.reader_password not in repr(findings)


def test_a_login_that_may_not_read_ends_as_a_refusal_that_names_the_permission(
    source_database: RunningDatabase, source: Source, collection_context: Context
) -> None:
    with psycopg.connect(source_database.dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE nobody_special LOGIN PASSWORD 'x'")
    dsn = f"host=127.0.0.1 port={source_database.port} user=nobody_special password=x"
    settings = {**source.settings, "dsn": f"{dsn} dbname=postgres", "databases": ["orders"]}
    findings = list(
        PostgresCollector().collect(Source("x", "postgres", settings, Path()), collection_context)
    )
    refused = [one for one in findings if isinstance(one, Call) and one.is_open]
    assert [one.outcome for one in refused] == [CallOutcome.REFUSED]
    assert refused[0].permission


def test_a_server_that_is_gone_ends_as_an_unavailable_call(collection_context: Context) -> None:
    dsn = "host=127.0.0.1 port=1 user=x password=y dbname=postgres"
    source = Source("gone", "postgres", {"dsn": dsn}, Path())
    findings = list(PostgresCollector().collect(source, collection_context))
    assert [one.outcome for one in findings if isinstance(one, Call)] == ["unavailable"]


def test_source_and_target_have_different_identities(
    source: Source,
    collection_context: Context,
    targets: dict[str, Target],
    target_database: RunningDatabase,
) -> None:
    environ = {"SANDBOX_DSN": target_database.dsn}
    ours = PostgresCollector().identities(source, collection_context)
    theirs = DatabaseRestorer().identities(targets["sandbox-db"], environ)
    assert len(ours) == len(theirs) == 2
    assert not ours & theirs


def test_a_database_restored_on_18_equals_the_one_on_16(
    lend: Callable[..., StepContext],
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 2000
    assert restored.measurements[0].category == "database"
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    assert [item for item in compared.items if item.result != "equal"] == []
    assert compared.metrics["items_compared"] == 2000
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 2
    assert {proof.aspect for proof in compared.proofs} == {"data", "configuration"}


def test_one_changed_row_is_named(
    lend: Callable[..., StepContext], target_database: RunningDatabase
) -> None:
    RestoreStep().run(RESTORE, lend())
    on_target(target_database, "UPDATE orders SET remark = 'x' WHERE id = 42")
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    wrong = [item for item in compared.items if item.result != "equal"]
    assert [(one.item, one.result, one.detail) for one in wrong] == [
        ("table orders row id=42", "different", "column remark")
    ]
    assert compared.metrics["items_different"] == 1
    assert compared.metrics["canaries_found"] == 1
    assert [proof.aspect for proof in compared.proofs] == ["configuration"]


@pytest.mark.parametrize(
    ("statement", "item", "result"),
    [
        ("DELETE FROM order_lines WHERE order_id = 7 AND position = 2",
         "table order_lines row order_id=7 position=2", "missing"),
        ("INSERT INTO customers (name) VALUES ('new')", "table customers row id=151", "extra"),
        ("UPDATE customers SET city = NULL WHERE id = 2", "table customers row id=2", "different"),
        ("DROP TABLE order_lines", "table order_lines", "missing"),
        ("DROP INDEX orders_by_customer", "index orders_by_customer", "missing"),
        ("ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey",
         "constraint orders.orders_customer_id_fkey", "missing"),
    ],
)  # fmt: skip
def test_what_was_changed_after_the_restore_is_named(
    lend: Callable[..., StepContext],
    target_database: RunningDatabase,
    statement: str,
    item: str,
    result: str,
) -> None:
    RestoreStep().run(RESTORE, lend())
    on_target(target_database, statement)
    compared = CompareStep().run(COMPARE, lend("run-1/compare-db"))
    named = {(one.item, one.result) for one in compared.items}
    assert (item, result) in named, sorted(named)
    broken = "data" if item.startswith("table ") else "configuration"
    assert broken not in {proof.aspect for proof in compared.proofs}


def test_restoring_twice_with_the_same_key_gives_the_same_and_undo_leaves_nothing(
    lend: Callable[..., StepContext], targets: dict[str, Target], target_database: RunningDatabase
) -> None:
    restorer, environ = DatabaseRestorer(), {"SANDBOX_DSN": target_database.dsn}
    before = restorer.inventory(targets["sandbox-db"], environ)
    first = RestoreStep().run(RESTORE, lend())
    after_first = restorer.inventory(targets["sandbox-db"], environ)
    second = RestoreStep().run(RESTORE, lend())
    assert second.status is StepStatus.SUCCEEDED
    assert second.metrics == first.metrics
    assert restorer.inventory(targets["sandbox-db"], environ) == after_first != before
    assert RestoreStep().probe(RESTORE, lend())
    # Undo as after a crash: no outcome was recorded, only what the attempts noted.
    RestoreStep().undo(RESTORE, {}, lend())
    RestoreStep().undo(RESTORE, second.touched, lend())
    assert restorer.inventory(targets["sandbox-db"], environ) == before


def test_a_database_that_was_there_already_is_neither_overwritten_nor_dropped(
    lend: Callable[..., StepContext], target_database: RunningDatabase
) -> None:
    with psycopg.connect(target_database.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE orders")
    outcome = RestoreStep().run(RESTORE, lend("another-run/restore-db"))
    assert outcome.status is StepStatus.FAILED
    assert "already on sandbox-db" in outcome.message
    RestoreStep().undo(RESTORE, outcome.touched, lend("another-run/restore-db"))
    with psycopg.connect(target_database.dsn) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'orders'").fetchall()
    assert found == [(1,)]


def test_the_canary_step_reports_canaries_alone(lend: Callable[..., StepContext]) -> None:
    RestoreStep().run(RESTORE, lend())
    outcome = CanaryStep().run(Step("canaries", "canary", PARAMS), lend("run-1/canaries"))
    assert outcome.metrics == {"canaries_expected": 2, "canaries_found": 2}
