"""Move objects to another maker's store and notice every byte that changed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit.demo.object_store import EARLIER_BODY, EARLIER_BUCKET, EARLIER_KEY, RunningStore
from exitkit.drivers.object_store import ObjectStore, open_object_store
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import Finding, StepContext, Target
from exitkit.restorers.objects import ObjectsRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

PARAMS: dict[str, Any] = {
    "what": "objects",
    "target": "sandbox-store",
    "assets": {"native_type": "AWS::S3::Bucket", "names": ["*"]},
    "canary_pattern": "EXITKIT-CANARY-[A-Z]+-[0-9]+",
}
RESTORE = Step("restore-objects", "restore", PARAMS)
COMPARE = Step("compare-objects", "compare", PARAMS)
UMLAUT = "contracts/Müller & Söhne.txt"


@pytest.fixture
def target(object_store: RunningStore) -> Target:
    settings = {
        "endpoint_url": object_store.endpoint_url,
        "access_key_env": "SANDBOX_KEY",
        "secret_key_env": "SANDBOX_SECRET",
    }
    return Target("sandbox-store", "s3", settings, Path())


@pytest.fixture
def environ(object_store: RunningStore) -> dict[str, str]:
    return {"SANDBOX_KEY": object_store.access_key, "SANDBOX_SECRET": object_store.secret_key}


@pytest.fixture
def lend(
    target: Target,
    environ: dict[str, str],
    bucket_findings: list[Finding],
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[..., StepContext]]:
    bundle = bundle_of(bucket_findings)

    def give(key: str = "run-1/restore-objects", **more: Any) -> StepContext:
        return context_of(bundle, {target.id: target}, environ, key, **more)

    yield give
    RestoreStep().undo(RESTORE, {}, give())


@pytest.fixture
def client(target: Target, environ: dict[str, str]) -> ObjectStore:
    """Somebody else's hands: the server does not expect its files to change under it."""
    return open_object_store(target.settings, environ, "test")


def write(client: ObjectStore, folder: Path, key: str, body: bytes) -> None:
    (folder / "body").write_bytes(body)
    client.write("acme-docs", key, folder / "body", "text/x-note", {})


def test_objects_restored_at_another_maker_equal_those_in_the_bundle(
    lend: Callable[..., StepContext],
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 4
    assert restored.metrics["bytes_restored"] == sum(m.size_bytes for m in restored.measurements)
    compared = CompareStep().run(COMPARE, lend("run-1/compare-objects"))
    assert compared.metrics["items_compared"] == 4
    assert compared.metrics["items_different"] == compared.metrics["items_missing"] == 0
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert [proof.aspect for proof in compared.proofs] == ["data"]


def test_what_the_other_maker_drops_is_a_named_loss(lend: Callable[..., StepContext]) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.losses == (
        "bucket acme-docs: case of metadata key owner of 4 objects",
        "bucket acme-docs: tag class of 1 objects",
    )


def test_one_changed_byte_is_named(
    lend: Callable[..., StepContext], client: ObjectStore, tmp_path: Path
) -> None:
    RestoreStep().run(RESTORE, lend())
    write(client, tmp_path, "large.bin", (bytes(range(256)) * 4096)[:-1] + b"!")
    compared = CompareStep().run(COMPARE, lend("run-1/compare-objects"))
    wrong = [one for one in compared.items if one.result not in ("equal", "lost-field")]
    assert [(one.item, one.result) for one in wrong] == [
        ("object acme-docs/large.bin", "different")
    ]
    assert compared.metrics["items_different"] == 1
    assert compared.proofs == ()


def test_a_deleted_and_an_added_object_are_named(
    lend: Callable[..., StepContext], client: ObjectStore, tmp_path: Path
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    client.delete("acme-docs", UMLAUT)
    write(client, tmp_path, "added", b"x")
    compared = CompareStep().run(
        COMPARE, lend("run-1/compare-objects", earlier={"restore-objects": restored})
    )
    results = {one.item: one.result for one in compared.items}
    assert results[f"object acme-docs/{UMLAUT}"] == "missing"
    assert results["object acme-docs/added"] == "extra"
    assert compared.metrics["canaries_found"] == 0
    client.delete("acme-docs", "added")


def test_undo_leaves_the_store_as_it_was_with_the_object_that_was_there(
    lend: Callable[..., StepContext],
    target: Target,
    environ: dict[str, str],
    object_store: RunningStore,
) -> None:
    restorer = ObjectsRestorer()
    before = restorer.inventory(target, environ)
    restored = RestoreStep().run(RESTORE, lend())
    again = RestoreStep().run(RESTORE, lend())
    assert again.metrics == restored.metrics
    assert again.touched == restored.touched
    assert RestoreStep().probe(RESTORE, lend())
    assert len(restorer.inventory(target, environ)) == len(before) + 5
    RestoreStep().undo(RESTORE, again.touched, lend())
    RestoreStep().undo(RESTORE, {}, lend())
    assert restorer.inventory(target, environ) == before
    assert (object_store.files / EARLIER_BUCKET / EARLIER_KEY).read_bytes() == EARLIER_BODY


def test_an_object_that_was_there_already_is_neither_overwritten_nor_deleted(
    lend: Callable[..., StepContext],
    client: ObjectStore,
    tmp_path: Path,
) -> None:
    client.create_bucket("acme-docs")
    write(client, tmp_path, "plain.txt", b"mine")
    outcome = RestoreStep().run(RESTORE, lend())
    assert outcome.status is StepStatus.FAILED
    assert outcome.message.startswith("object acme-docs/plain.txt is already on sandbox-store")
    RestoreStep().undo(RESTORE, {}, lend())
    assert list(client.read("acme-docs", "plain.txt")) == [b"mine"]
    client.delete("acme-docs", "plain.txt")
    client.delete_bucket("acme-docs")


def test_a_renamed_bucket_is_restored_beside_the_one_that_was_there(
    lend: Callable[..., StepContext], object_store: RunningStore
) -> None:
    renamed = {**PARAMS, "rename": "{name}-rehearsal"}
    key = "run-1/renamed"
    restored = RestoreStep().run(Step("renamed", "restore", renamed), lend(key))
    assert (object_store.files / "acme-docs-rehearsal" / "plain.txt").read_bytes() == b"plain\n"
    compared = CompareStep().run(Step("compare", "compare", renamed), lend("run-1/compare"))
    assert compared.metrics["items_missing"] == 0
    RestoreStep().undo(Step("renamed", "restore", renamed), restored.touched, lend(key))
    assert not (object_store.files / "acme-docs-rehearsal").exists()


def test_a_plan_that_names_no_asset_of_the_bundle_is_refused(
    lend: Callable[..., StepContext],
) -> None:
    nothing = {**PARAMS, "assets": {"native_type": "AWS::S3::Bucket", "names": ["no-such"]}}
    with pytest.raises(InputError, match="the bundle holds no AWS::S3::Bucket named no-such"):
        RestoreStep().run(Step("x", "restore", nothing), lend())
