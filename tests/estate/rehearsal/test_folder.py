"""Repositories, objects and items go to a folder or a database, are compared, and leave again."""

from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exitkit.collectors.scripts import ScriptsCollector
from exitkit.demo.databases import RunningDatabase
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Dataset
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.plugins import restorer_of
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.local_objects import LocalObjectsRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep
from exitkit.store.canonical import canonical_bytes

SEEN_AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
Lend = Callable[..., StepContext]
BundleOf = Callable[[list[Finding]], Path]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "ground").mkdir()
    (tmp_path / "ground" / "earlier.txt").write_text("was here before\n")
    return Target("ground", "folder", {"path": "ground"}, tmp_path)


def step_of(what: str, native_type: str, kind: str = "restore", **more: Any) -> Step:
    params = {
        "what": what, "target": "ground", "assets": {"native_type": native_type, "names": ["*"]},
        **more,
    }  # fmt: skip
    return Step(f"{kind}-{what}", kind, params)


def listing(target: Target) -> tuple[str, ...]:
    return LocalObjectsRestorer().inventory(target, {})


def undone(step: Step, outcome: Outcome, target: Target, context: StepContext) -> Outcome:
    restorer, _ = restorer_of(step, {target.id: target})
    return restorer.undo(step, outcome.touched, target, context)


@pytest.fixture
def repository(tmp_path: Path) -> Source:
    folder = tmp_path / "git" / "runbooks"
    folder.mkdir(parents=True)

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)

    git("init", "-q", "-b", "main")
    for text in ("first", "second"):
        (folder / "run.sh").write_text(f"echo {text}  # EXITKIT-CANARY-{text.upper()}\n")
        git("add", ".")
        git("commit", "-q", "-m", text)
    git("tag", "-a", "v1", "-m", "one")
    git("branch", "side", "HEAD~1")
    return Source("automation", "scripts", {"paths": ["git/runbooks"]}, tmp_path)


def test_a_repository_is_cloned_with_every_head_and_leaves_again(
    repository: Source,
    target: Target,
    collection_context: Context,
    bundle_of: BundleOf,
    context_of: Lend,
) -> None:
    bundle = bundle_of(list(ScriptsCollector().collect(repository, collection_context)))
    context = context_of(bundle, {"ground": target})
    before = listing(target)
    restore = step_of("repositories", "Git/Repository")
    outcome = RestoreStep().run(restore, context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert outcome.measurements[0].items == 1
    assert outcome.measurements[0].size_bytes > 0
    clone = target.base / "ground" / "runbooks.git"
    source = target.base / "git" / "runbooks"
    heads = [
        subprocess.run(
            ["git", "-C", str(one), "for-each-ref"], check=True, capture_output=True
        ).stdout
        for one in (source, clone)
    ]
    assert heads[0] == heads[1]
    pattern = "EXITKIT-CANARY-[A-Z]+"
    compare = step_of("repositories", "Git/Repository", "compare", canary_pattern=pattern)
    same = CompareStep().run(compare, context)
    assert (same.metrics["canaries_expected"], same.metrics["canaries_found"]) == (1, 1)
    assert (same.metrics["items_different"], same.metrics["items_missing"]) == (0, 0)
    assert [proof.aspect for proof in same.proofs] == ["history"]

    subprocess.run(["git", f"--git-dir={clone}", "branch", "-D", "-q", "side"], check=True)
    broken = CompareStep().run(compare, context)
    assert broken.metrics["items_missing"] == 1
    assert broken.proofs == ()
    undone(restore, outcome, target, context)
    assert listing(target) == before


def test_a_name_that_is_there_already_is_not_ours(
    target: Target, bucket_findings: list[Finding], bundle_of: BundleOf, context_of: Lend
) -> None:
    (target.base / "ground" / "acme-docs").mkdir()
    (target.base / "ground" / "acme-docs" / "theirs").write_text("keep")
    before = listing(target)
    step = step_of("local-objects", "AWS::S3::Bucket")
    context = context_of(bundle_of(bucket_findings), {"ground": target})
    outcome = RestoreStep().run(step, context)
    assert outcome.status is StepStatus.FAILED
    assert "is not ours" in outcome.message
    undone(step, outcome, target, context)
    assert listing(target) == before


def test_objects_are_read_back_from_the_disk_and_leave_again(
    target: Target, bucket_findings: list[Finding], bundle_of: BundleOf, context_of: Lend
) -> None:
    context = context_of(bundle_of(bucket_findings), {"ground": target})
    before = listing(target)
    canaries = {"canary_pattern": "EXITKIT-CANARY-OBJECT-[0-9]+"}
    step = step_of("local-objects", "AWS::S3::Bucket")
    outcome = RestoreStep().run(step, context)
    assert outcome.metrics["items_restored"] == 4
    compare = step_of("local-objects", "AWS::S3::Bucket", "compare", **canaries)
    same = CompareStep().run(compare, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0
    assert same.metrics["canaries_expected"] == same.metrics["canaries_found"] == 1
    ground = target.base / "ground" / "acme-docs" / "objects"
    assert (ground / "contracts" / "Müller & Söhne.txt").is_file()
    (ground / "plain.txt").write_bytes(b"other\n")
    (ground / "beside.txt").write_bytes(b"")
    broken = CompareStep().run(compare, context)
    assert broken.metrics["items_different"] == 2
    assert broken.proofs == ()
    undone(step, outcome, target, context)
    assert listing(target) == before


def test_an_object_that_is_only_listed_is_a_loss_and_costs_no_other(
    target: Target, bundle_of: BundleOf, context_of: Lend
) -> None:
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::S3::Bucket", "partly")
    held = {"path": "datasets/partly/objects/a", "sha256": hashlib.sha256(b"a").hexdigest()}
    lines = [
        {"key": "a", "sizeBytes": 1, **held},
        {"key": "b", "sizeBytes": 9, "etag": "0", "reason": "too-large"},
    ]
    listed, before = (
        b"".join(canonical_bytes(line) + b"\n" for line in some) for some in (lines, lines[:1])
    )
    contents = (
        Content("datasets/partly/objects/a", b"a", "text/plain", "data"),
        Content("datasets/partly/objects.jsonl", listed, "application/jsonl", "data"),
        Content("datasets/partly/versions.jsonl", before, "application/jsonl", "data"),
    )
    dataset = Dataset(
        ref, "objects", 2, 10, listing="datasets/partly/objects.jsonl",
        versions="datasets/partly/versions.jsonl", earlier_versions=1,
    )  # fmt: skip
    bucket = Asset(ref, "storage.bucket", "partly", {}, SEEN_AT)
    draft = Draft(
        ref, Aspect.DATA, Level.DESCRIBED, "s3", "bytes", contents, reason="too-large", text="b"
    )
    context = context_of(bundle_of([bucket, dataset, draft]), {"ground": target})
    outcome = RestoreStep().run(step_of("local-objects", "AWS::S3::Bucket"), context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert outcome.losses == (
        "bucket partly: 1 objects are not in the bundle",
        "bucket partly: earlier versions of objects; a folder has none",
    )
    same = CompareStep().run(step_of("local-objects", "AWS::S3::Bucket", "compare"), context)
    assert (same.metrics["items_compared"], same.metrics["items_missing"]) == (1, 0)
    assert same.proofs == ()


def test_a_key_that_is_no_path_stays_inside_and_keeps_its_name_in_the_listing(
    target: Target, bundle_of: BundleOf, context_of: Lend
) -> None:
    keys = ["../../escaped", "/absolute", "a", "a/b", "x" * 1000, ".by-digest/own", "nul\x01"]
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::S3::Bucket", "odd")
    contents, lines = [], []
    for number, key in enumerate(keys):
        body = key.encode()
        contents.append(Content(f"datasets/odd/objects/{number}", body, "text/plain", "data"))
        lines.append(
            {
                "key": key, "path": f"datasets/odd/objects/{number}",
                "sha256": hashlib.sha256(body).hexdigest(), "sizeBytes": len(body),
            }
        )  # fmt: skip
    body = b"".join(canonical_bytes(line) + b"\n" for line in lines)
    contents.append(Content("datasets/odd/objects.jsonl", body, "application/jsonl", "data"))
    bundle = bundle_of(
        [
            Asset(ref, "storage.bucket", "odd", {}, SEEN_AT),
            Dataset(ref, "objects", len(keys), 0, listing="datasets/odd/objects.jsonl"),
            Draft(ref, Aspect.DATA, Level.IMPORTABLE, "s3", "bytes", tuple(contents)),
        ]
    )
    context = context_of(bundle, {"ground": target})
    outcome = RestoreStep().run(step_of("local-objects", "AWS::S3::Bucket"), context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert not (target.base / "escaped").exists()
    written = (target.base / "ground" / "odd" / "objects.jsonl").read_text().splitlines()
    assert len(written) == len(keys)
    same = CompareStep().run(step_of("local-objects", "AWS::S3::Bucket", "compare"), context)
    assert same.metrics["items_compared"] == len(keys)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0


@pytest.fixture
def table_bundle(bundle_of: BundleOf) -> Path:
    """Two items whose values a careless way loses: exact numbers, bytes, sets, an empty text."""
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::DynamoDB::Table", "orders")
    items = [
        {"id": {"S": "1"}, "at": {"N": "1"}, "total": {"N": "0.10000000000000000000000000001"}},
        {
            "id": {"S": "1"}, "at": {"N": "2"}, "note": {"S": 'EXITKIT-CANARY-ITEM-1 "quoted", ü'},
            "raw": {"B": "AAEC"}, "tags": {"SS": ["a", "b"]}, "empty": {"S": ""},
        },
    ]  # fmt: skip
    body = b"".join(sorted(canonical_bytes(item) + b"\n" for item in items))
    content = Content("datasets/orders/items.jsonl", body, "application/jsonl", "data")
    key = [
        {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"},
    ]  # fmt: skip
    return bundle_of(
        [
            Asset(ref, "database.table", "orders", {"KeySchema": key}, SEEN_AT),
            Dataset(ref, "DynamoDB JSON lines", 2, len(body)),
            Draft(ref, Aspect.DATA, Level.IMPORTABLE, "scan", "lines", (content,)),
        ]
    )


CANARY = {"canary_pattern": "EXITKIT-CANARY-ITEM-[0-9]+"}


def test_items_go_to_json_lines_and_leave_again(
    target: Target, table_bundle: Path, context_of: Lend
) -> None:
    context = context_of(table_bundle, {"ground": target})
    before = listing(target)
    step = step_of("table-items", "AWS::DynamoDB::Table")
    outcome = RestoreStep().run(step, context)
    assert outcome.metrics["items_restored"] == 2
    compare = step_of("table-items", "AWS::DynamoDB::Table", "compare", **CANARY)
    same = CompareStep().run(compare, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0
    assert same.metrics["canaries_found"] == 1
    (target.base / "ground" / "orders" / "items.jsonl").write_bytes(b"")
    assert CompareStep().run(compare, context).metrics["items_missing"] == 2
    undone(step, outcome, target, context)
    assert listing(target) == before


def test_items_go_to_postgresql_and_leave_again(
    target_database: RunningDatabase, table_bundle: Path, context_of: Lend, tmp_path: Path
) -> None:
    target = Target("ground", "postgres", {"dsn_env": "SANDBOX_DSN"}, tmp_path)
    context = context_of(table_bundle, {"ground": target}, {"SANDBOX_DSN": target_database.dsn})
    step = step_of("table-items", "AWS::DynamoDB::Table", schema="moved_items")
    outcome = RestoreStep().run(step, context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    compare = step_of(
        "table-items", "AWS::DynamoDB::Table", "compare", schema="moved_items", **CANARY
    )
    same = CompareStep().run(compare, context)
    assert same.metrics["items_compared"] == 2
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0
    assert same.metrics["canaries_found"] == 1
    with psycopg.connect(target_database.dsn, autocommit=True) as connection:
        changed = "UPDATE moved_items.orders SET item = item - 'raw' WHERE item ? 'raw'"
        connection.execute(changed)
        assert CompareStep().run(compare, context).metrics["items_different"] == 1
        theirs = context_of(
            table_bundle, {"ground": target}, {"SANDBOX_DSN": target_database.dsn}, "run-2/restore"
        )
        assert "is not ours" in RestoreStep().run(step, theirs).message
        undone(step, outcome, target, context)
        found = connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = 'moved_items'"
        ).fetchall()
        assert found == []
