"""Lend real databases, a real object store and a bundle to restore from."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from exitkit.demo.databases import RunningDatabase, running_database, seed_orders
from exitkit.demo.object_store import RunningStore, running_object_store
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Dataset
from exitkit.model.plan import Mode
from exitkit.model.run import Outcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, StepContext, Target
from exitkit.store import records
from exitkit.store.canonical import canonical_bytes
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def source_database() -> Iterator[RunningDatabase]:
    with running_database(16) as database:
        seed_orders(database)
        yield database


@pytest.fixture(scope="session")
def target_database() -> Iterator[RunningDatabase]:
    with running_database(18) as database:
        yield database


@pytest.fixture(scope="session")
def object_store() -> Iterator[RunningStore]:
    with running_object_store() as store:
        yield store


@pytest.fixture
def collection_context(tmp_path: Path) -> Context:
    spool = tmp_path / "spool"
    spool.mkdir()
    return Context(now=NOW, spool=spool, mask_key=b"k" * 32, environ={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def bundle_of(tmp_path: Path) -> Callable[[Iterable[Finding]], Path]:
    """Return a function that keeps findings in a bundle, as the snapshot engine would."""

    def write(findings: Iterable[Finding]) -> Path:
        found = list(findings)
        drafts = [one for one in found if isinstance(one, Draft)]
        assets = {one.ref: one for one in found if isinstance(one, Asset)}
        artifacts: dict[Ref, list[dict[str, Any]]] = {ref: [] for ref in assets}
        for draft in drafts:
            artifacts[draft.ref] += [records.artifact(content) for content in draft.contents]
        tables = {
            "assets": [records.asset_record(one, artifacts[one.ref]) for one in assets.values()],
            "native": [records.native_record(one) for one in assets.values() if one.config],
            "datasets": [records.dataset_record(one) for one in found if isinstance(one, Dataset)],
        }
        inputs = BundleInputs("acme", 1, NOW, NOW, NOW, "0", {})
        contents = [content for draft in drafts for content in draft.contents]
        destination = tmp_path / "bundles" / "acme-000001"
        write_bundle(destination, inputs, tables, contents)
        return destination

    return write


@pytest.fixture
def context_of(tmp_path: Path) -> Callable[..., StepContext]:
    """Return a function that lends what the run engine would, a new attempt folder each time."""
    attempts = 0

    def lend(
        bundle: Path,
        targets: Mapping[str, Target],
        environ: Mapping[str, str] | None = None,
        key: str = "run-1/restore",
        earlier: Mapping[str, Outcome] | None = None,
    ) -> StepContext:
        nonlocal attempts
        attempts += 1
        folder = tmp_path / "runs" / "run-1" / "steps" / key.replace("/", "-") / str(attempts)
        folder.mkdir(parents=True)
        workspace = tmp_path / "workspace"
        workspace.mkdir(exist_ok=True)
        return StepContext(
            "run-1", Mode.REHEARSAL, workspace, folder, bundle, targets, {}, earlier or {}, key,
            environ or {},
        )  # fmt: skip

    return lend


@pytest.fixture
def bucket_findings() -> list[Finding]:
    """A bucket whose objects have an umlaut, a space, no bytes, many bytes, and a canary."""
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::S3::Bucket", "acme-docs")
    folder = f"datasets/{ref.urn.removeprefix('urn:uuid:')}"
    bodies = {
        "contracts/Müller & Söhne.txt": b"EXITKIT-CANARY-OBJECT-1 signed\n",
        "empty": b"",
        "large.bin": bytes(range(256)) * 4096,
        "plain.txt": b"plain\n",
    }
    contents, lines = [], []
    for number, (key, body) in enumerate(sorted(bodies.items())):
        path = f"{folder}/objects/{number:06}"
        contents.append(Content(path, body, "application/octet-stream", "data"))
        lines.append(
            {
                "key": key,
                "path": path,
                "sha256": hashlib.sha256(body).hexdigest(),
                "sizeBytes": len(body),
                "contentType": "text/x-note",
                "metadata": [{"key": "owner", "value": "legal"}],
                **({"tags": [{"key": "class", "value": "a b/c"}]} if key == "plain.txt" else {}),
            }
        )
    listing = b"".join(canonical_bytes(line) + b"\n" for line in lines)
    contents.append(Content(f"{folder}/objects.jsonl", listing, "application/jsonl", "data"))
    return [
        Asset(ref, "storage.bucket", "acme-docs", {"Name": "acme-docs"}, NOW),
        Dataset(ref, "objects", len(bodies), 0, listing=f"{folder}/objects.jsonl"),
        Draft(ref, Aspect.DATA, Level.IMPORTABLE, "s3:GetObject", "bytes", tuple(contents)),
    ]
