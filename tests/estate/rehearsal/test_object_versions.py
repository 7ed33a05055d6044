"""Move what objects once held to a store that keeps versions; another loses it by name."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.demo.object_store import RunningStore
from exitkit.demo.second_aws import SecondAws, running_second_aws
from exitkit.drivers.object_store import ObjectStore, open_object_store
from exitkit.extractors.s3_objects import S3Objects
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Dataset
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Source, StepContext, Target
from exitkit.restorers.objects import ObjectsRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep
from exitkit.store.canonical import canonical_bytes

SEEN_AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
PARAMS: dict[str, Any] = {
    "what": "objects",
    "target": "sandbox",
    "assets": {"native_type": "AWS::S3::Bucket", "names": ["*"]},
    "canary_pattern": "EXITKIT-CANARY-[A-Z]+-[0-9]+",
}
RESTORE = Step("restore-objects", "restore", PARAMS)
COMPARE = Step("compare-objects", "compare", PARAMS)
Lend = Callable[..., StepContext]
MARKER = b""
HISTORIES = {
    "once": [b"only"],
    "gone": [b"EXITKIT-CANARY-GONE-1", MARKER],
    "paper/Über uns": [b"draft", b"final", MARKER, b"signed"],
    "same": [b"a", b"b", b"a"],
    "twice gone": [b"x", MARKER, MARKER],
}


def bundle_with(bundle_of: Callable[..., Path], histories: dict[str, list[bytes]]) -> Path:
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::S3::Bucket", "vault")
    folder = "datasets/vault"
    contents, versions, now = [], [], []
    for key, bodies in sorted(histories.items()):
        for number, body in enumerate(bodies):
            is_latest = number == len(bodies) - 1
            line: dict[str, Any] = {"key": key, "version": f"id-{number}"}
            line |= {"isLatest": True} if is_latest else {}
            if body == MARKER:
                versions.append({**line, "isDeleteMarker": True})
                continue
            path = f"{folder}/versions/{len(contents)}"
            contents.append(Content(path, body, "text/plain", "data"))
            held = {
                "path": path, "sha256": hashlib.sha256(body).hexdigest(), "sizeBytes": len(body),
                "contentType": "text/x-note",
                "metadata": [{"key": "number", "value": str(number)}],
                "tags": [{"key": "number", "value": str(number)}],
            }  # fmt: skip
            versions.append({**line, **held})
            now += [{"key": key, **held}] if is_latest else []
    for name, lines in (("versions", versions), ("objects", now)):
        body = b"".join(canonical_bytes(line) + b"\n" for line in lines)
        contents.append(Content(f"{folder}/{name}.jsonl", body, "application/jsonl", "data"))
    return bundle_of(
        [
            Asset(ref, "storage.bucket", "vault", {}, SEEN_AT),
            Dataset(
                ref,
                "objects",
                len(now),
                0,
                listing=f"{folder}/objects.jsonl",
                versions=f"{folder}/versions.jsonl",
                earlier_versions=7,
                delete_markers=4,
            ),
            Draft(ref, Aspect.DATA, Level.IMPORTABLE, "s3", "bytes", tuple(contents)),
        ]
    )


@pytest.fixture(scope="module")
def second() -> Iterator[SecondAws]:
    with running_second_aws() as running:
        yield running


@pytest.fixture
def target(second: SecondAws) -> Target:
    return Target("sandbox", "s3", dict(second.settings), Path())


@pytest.fixture
def client(target: Target, second: SecondAws) -> ObjectStore:
    """Somebody else's hands on the target."""
    return open_object_store(target.settings, second.environ, "test")


@pytest.fixture
def lend(
    target: Target, second: SecondAws, bundle_of: Callable[..., Path], context_of: Lend
) -> Iterator[Lend]:
    bundle = bundle_with(bundle_of, HISTORIES)

    def give(key: str = "run-1/restore-objects", **more: Any) -> StepContext:
        return context_of(bundle, {target.id: target}, second.environ, key, **more)

    yield give
    RestoreStep().undo(RESTORE, {}, give())


def write(client: ObjectStore, folder: Path, key: str, body: bytes) -> None:
    (folder / "body").write_bytes(body)
    client.write("vault", key, folder / "body", "text/x-note", {})


def wrong(outcome: Outcome) -> list[tuple[str, str]]:
    fine = ("equal", "lost-field")
    return [(one.item, one.result) for one in outcome.items if one.result not in fine]


def test_every_version_and_marker_comes_back_in_its_order(lend: Lend, client: ObjectStore) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 9
    assert wrong(restored) == []
    assert restored.losses == (
        "bucket vault: ids and times of 9 versions are the provider's",
        "bucket vault: tag number of 2 objects",  # It forgets those of keys that were deleted.
    )
    found = {
        key: [
            MARKER if one.is_marker else b"".join(client.read("vault", key, one.version))
            for one in rows
        ]
        for key, rows in client.versions("vault").items()
    }
    assert found == HISTORIES
    assert sorted(client.keys("vault")) == ["once", "paper/Über uns", "same"]
    compared = CompareStep().run(COMPARE, lend("run-1/compare"))
    assert compared.metrics["items_compared"] == 13
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert [proof.aspect for proof in compared.proofs] == ["data"]


def test_what_a_snapshot_took_along_comes_back_version_by_version(
    bundle_of: Callable[..., Path], context_of: Lend, target: Target, second: SecondAws,
    client: ObjectStore, tmp_path: Path,
) -> None:  # fmt: skip
    bodies = {"paper": [b"draft", b"final"], "once": [b"only"], "gone": [b"last words", MARKER]}
    with aws_account.running() as account:
        s3 = boto3.client(
            "s3", region_name="eu-west-1", endpoint_url=account.endpoint_url,
            aws_access_key_id="x", aws_secret_access_key="y",
        )  # fmt: skip
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="vault", CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Enabled"})
        for key, history in bodies.items():
            for body in filter(None, history):
                s3.put_object(Bucket="vault", Key=key, Body=body, Metadata={"of": key})
        time.sleep(1.1)  # The emulator tells times by the second, and lists markers apart.
        s3.delete_object(Bucket="vault", Key="gone")
        settings = {
            "endpoint_url": account.endpoint_url, "regions": ["eu-west-1"], "services": ["s3"],
            "object_versions": "fetch",
        }  # fmt: skip
        source = Source("prod", "aws", settings, tmp_path)
        context = Context(SEEN_AT, tmp_path, b"k" * 32, account.admin)
        listed = [one for one in AwsCollector().collect(source, context) if isinstance(one, Asset)]
        (bucket,) = [one for one in listed if one.ref.native_type == "AWS::S3::Bucket"]
        found = [bucket, *S3Objects().extract(bucket, source, context)]
        bundle = bundle_of(found)
    restoring = context_of(bundle, {target.id: target}, second.environ)
    restored = RestoreStep().run(RESTORE, restoring)
    try:
        assert (restored.status, wrong(restored)) == (StepStatus.SUCCEEDED, []), restored.message
        assert restored.metrics["items_restored"] == 4
        assert bodies == {
            key: [
                MARKER if one.is_marker else b"".join(client.read("vault", key, one.version))
                for one in rows
            ]
            for key, rows in client.versions("vault").items()
        }
    finally:
        RestoreStep().undo(RESTORE, restored.touched, restoring)
    assert "vault" not in client.buckets()


def test_a_version_more_and_one_less_are_named(
    lend: Lend, client: ObjectStore, tmp_path: Path
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    write(client, tmp_path, "once", b"again")
    gone = client.versions("vault")["gone"]
    client.delete("vault", "gone", gone[0].version)
    write(client, tmp_path, "beside", b"x")
    client.delete("vault", "beside")
    compared = CompareStep().run(
        COMPARE, lend("run-1/compare", earlier={"restore-objects": restored})
    )
    assert wrong(compared) == [
        ("object vault/gone version 1 of 2", "different"),
        ("object vault/gone version 2 of 2", "missing"),
        ("object vault/once version 2", "extra"),
        ("object vault/beside", "extra"),
    ]
    assert compared.proofs == ()
    for one in client.versions("vault")["beside"]:
        client.delete("vault", "beside", one.version)


def test_undo_leaves_no_version_and_a_second_attempt_writes_none_twice(
    lend: Lend, target: Target, second: SecondAws, client: ObjectStore
) -> None:
    restorer = ObjectsRestorer()
    before = restorer.inventory(target, second.environ)
    restored = RestoreStep().run(RESTORE, lend())
    again = RestoreStep().run(RESTORE, lend())
    assert wrong(again) == []
    assert again.metrics == restored.metrics
    lines = restorer.inventory(target, second.environ)
    assert sum(line.startswith("version ") for line in lines) == 6
    assert sum(line.startswith("delete marker ") for line in lines) == 4
    RestoreStep().undo(RESTORE, again.touched, lend())
    assert "vault" not in client.buckets()
    assert restorer.inventory(target, second.environ) == before


def test_in_a_bucket_of_somebody_else_only_our_keys_are_touched(
    lend: Lend, target: Target, second: SecondAws, client: ObjectStore, tmp_path: Path
) -> None:
    client.create_bucket("vault")
    client.keep_versions("vault")
    for body in (b"one", b"two"):
        write(client, tmp_path, "theirs", body)
    client.delete("vault", "theirs")
    before = ObjectsRestorer().inventory(target, second.environ)
    restored = RestoreStep().run(RESTORE, lend())
    assert wrong(restored) == []
    RestoreStep().undo(RESTORE, restored.touched, lend())
    assert ObjectsRestorer().inventory(target, second.environ) == before
    for one in client.versions("vault")["theirs"]:
        client.delete("vault", "theirs", one.version)
    client.delete_bucket("vault")


def test_what_they_deleted_under_our_key_is_not_ours(
    lend: Lend, client: ObjectStore, tmp_path: Path
) -> None:
    client.create_bucket("vault")
    client.keep_versions("vault")
    write(client, tmp_path, "once", b"theirs")
    client.delete("vault", "once")
    outcome = RestoreStep().run(RESTORE, lend())
    assert outcome.status is StepStatus.FAILED
    assert outcome.message.startswith("object vault/once is already on sandbox")
    RestoreStep().undo(RESTORE, outcome.touched, lend())
    assert len(client.versions("vault")["once"]) == 2
    for one in client.versions("vault")["once"]:
        client.delete("vault", "once", one.version)
    client.delete_bucket("vault")


def test_a_store_that_keeps_no_versions_gets_the_objects_of_today(
    object_store: RunningStore, bundle_of: Callable[..., Path], context_of: Lend
) -> None:
    settings = {
        "endpoint_url": object_store.endpoint_url, "access_key_env": "KEY", "secret_key_env": "SEC",
    }  # fmt: skip
    target = Target("sandbox", "s3", settings, Path())
    environ = {"KEY": object_store.access_key, "SEC": object_store.secret_key}
    bundle = bundle_with(bundle_of, HISTORIES)
    before = ObjectsRestorer().inventory(target, environ)
    context = context_of(bundle, {"sandbox": target}, environ)
    restored = RestoreStep().run(RESTORE, context)
    assert restored.metrics["items_restored"] == 3
    lost = "bucket vault: 6 earlier versions and 4 delete markers; the target keeps none"
    assert lost in restored.losses
    compared = CompareStep().run(
        COMPARE, context_of(bundle, {"sandbox": target}, environ, "run-1/compare")
    )
    assert compared.metrics["items_compared"] == 3
    assert lost in compared.losses
    RestoreStep().undo(RESTORE, restored.touched, context)
    assert ObjectsRestorer().inventory(target, environ) == before


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_bucket_is_made_in_the_region_that_the_target_names(
    second: SecondAws, region: str
) -> None:
    # It refuses a region named where it is its first, and none named anywhere else, as Amazon does.
    settings = {**second.settings, "region": region}
    store = open_object_store(settings, second.environ, "test")
    store.create_bucket("placed")
    store.delete_bucket("placed")
