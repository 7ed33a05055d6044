"""Build small but complete bundles, and take them apart the way an attacker would."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, Finding, License
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.model.plan import Mode
from exitkit.model.run import Event, Measurement, RunSummary
from exitkit.model.verdict import Aspect, Content, Exportability, Level, Responsible
from exitkit.store import evidence, records
from exitkit.store.keys import public_pem
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=dt.UTC)
KINDS = {
    "storage.bucket": ("configuration", "data"),
    "network.device": ("configuration",),
    "license.agreement": ("license",),
    "automation.repository": ("code",),
}
BUCKETS = [Ref("aws", "123456789012", "eu-west-1", "AWS::S3::Bucket", f"b{n}") for n in range(5)]
DEVICE = Ref("network", "core", "", "ios/device", "sw1")
AGREEMENT = Ref("licenses", "agreements", "", "licenses/agreement", "Éditeur")
REPOSITORY = Ref("scripts", "automation", "", "git/repository", "runbooks")
RUN = "acme-2026-11"


def assets() -> list[Asset]:
    kinds = zip(
        [*BUCKETS, DEVICE, AGREEMENT, REPOSITORY],
        ["storage.bucket"] * 5 + ["network.device", "license.agreement", "automation.repository"],
        strict=True,
    )
    return [
        Asset(
            ref=ref,
            kind=kind,
            name=f"the {ref.native_id}",
            config={"Name": ref.native_id, "aws:été": [1, None, {"😀": True, "\ufb01": 2}], "u": 1},
            observed_at=NOW,
            tags=(("zone", "é"), ("env", "prod")),
            identifiers=(("arn", f"arn:x:{ref.native_id}"),),
            volatile=frozenset({"u"}),
            ext={"note": "1"},
        )
        for ref, kind in kinds
    ]  # fmt: skip


CONTENTS = {
    DEVICE: Content(
        "network/sw1/running-config.txt", b"hostname sw1\n", "text/plain", "device-config",
        "device-cli",
    ),
    BUCKETS[0]: Content("datasets/b0/objects/0001", b"hello", "text/plain", "data"),
}  # fmt: skip


def verdicts() -> list[Exportability]:
    found = []
    for asset in assets():
        for aspect in map(Aspect, KINDS[asset.kind]):
            if asset.ref == BUCKETS[0] and aspect is Aspect.DATA:
                found.append(
                    Exportability(
                        asset.ref, aspect, Level.REHEARSED, "rehearsal", "s3", "raw",
                        rehearsed_at=NOW, rehearsed_in=RUN,
                    )
                )  # fmt: skip
            elif aspect is Aspect.CONFIGURATION:
                found.append(Exportability(asset.ref, aspect, Level.IMPORTABLE, "fact", "describe"))
            else:
                found.append(
                    Exportability(
                        asset.ref, aspect, Level.UNKNOWN, "nothing", reason="not-assessed",
                        text="nobody looked", responsible=Responsible.TOOL, workaround="look",
                    )
                )  # fmt: skip
    return found


def calls() -> list[Call]:
    answer = Acknowledgement(
        "prod", "support:*", "no plan", "A. Name", dt.date(2026, 11, 20), dt.date(2027, 2, 20)
    )
    return [
        Call("prod", "123456789012", "eu-west-1", "s3:ListBuckets", CallOutcome.COLLECTED, 5,
             duration_ms=12),
        Call("prod", "123456789012", "us-east-1", "support:DescribeCases", CallOutcome.REFUSED,
             permission="support:DescribeCases", reason="AccessDenied", acknowledgement=answer),
        *(Call("core", "core", "", f"ssh:show {n}", CallOutcome.EMPTY) for n in range(10)),
    ]  # fmt: skip


def events() -> list[dict[str, Any]]:
    proof = {"proofs": [{"asset_urn": BUCKETS[0].urn, "aspect": "data"}]}
    told = [
        ("run.started", {"mode": "rehearsal"}),
        ("step.succeeded", {"how": "own", "outcome": proof}),
        ("run.completed", {}),
    ]
    chain: list[dict[str, Any]] = []
    previous = "0" * 64
    for sequence, (kind, data) in enumerate(told, 1):
        event = Event(RUN, sequence, NOW, kind, "system", data, previous, "")
        chain.append(evidence.event_record(event))
        previous = evidence.event_digest(chain[-1])
    return chain


def tables() -> dict[str, list[dict[str, Any]]]:
    kept = {ref: (records.artifact(content),) for ref, content in CONTENTS.items()}
    chain = events()
    summary = RunSummary(
        RUN, Mode.REHEARSAL, "completed", NOW, NOW, "a" * 64, evidence.event_digest(chain[-1])
    )
    return {
        "scopes": [records.scope_record("prod", "aws", "123456789012", "eu-west-1", "support")],
        "calls": [records.call_record(call) for call in calls()],
        "assets": [records.asset_record(asset, kept.get(asset.ref, ())) for asset in assets()],
        "native": [records.native_record(asset) for asset in assets()],
        "relations": [
            records.relation_record(Relation(REPOSITORY, "managedBy", bucket)) for bucket in BUCKETS
        ],
        "exportability": [records.exportability_record(verdict) for verdict in verdicts()],
        "access": [records.access_record(Access(DEVICE, "user", "login", "*", via=("admins",)))],
        "licenses": [records.license_record(License(AGREEMENT, "Thing", "Éditeur", "unknown"))],
        "automation": [
            records.automation_record(
                Automation(REPOSITORY, "sh", "adapt", (Finding("a.sh", 3, "arn", "arn:x"),))
            )
        ],
        "documents": [records.document_record(AGREEMENT, "The agreement")],
        "datasets": [records.dataset_record(Dataset(BUCKETS[0], "objects", 1, 5))],
        "runs": [evidence.run_record(summary, "plan", "", {"m1": "proved"})],
        "events": chain,
        "measurements": [
            *(evidence.observation_measurement(asset) for asset in assets()),
            *(evidence.call_measurement(call) for call in calls()),
            evidence.transfer_measurement(RUN, "s1", Measurement("objects", 1, 5, 7)),
        ],
    }


def inputs(sequence: int = 1, previous: str = "") -> BundleInputs:
    return BundleInputs(
        series="acme",
        sequence=sequence,
        sealed_at=NOW,
        observation_start=NOW,
        observation_end=NOW,
        generator_version="0.1.0",
        kinds=KINDS,
        reasons={"not-assessed": "Nobody has looked yet."},
        previous_bundle=previous,
        customer="Acme",
        scope_statement="All of it",
        configuration_digest="b" * 64,
    )


def shuffled(rows: Iterable[Any], seed: int) -> list[Any]:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return mixed


def build(
    destination: Path,
    key: Ed25519PrivateKey | None = None,
    seed: int = 0,
    change: Callable[[dict[str, Any]], None] = lambda tables: None,
) -> str:
    """Write the fixture bundle with its input in an order that depends on `seed`."""
    rows = tables()
    change(rows)
    mixed = {name: shuffled(rows[name], seed) for name in shuffled(rows, seed)}
    return write_bundle(destination, inputs(), mixed, shuffled(CONTENTS.values(), seed), key)


def rewrite_manifests(bundle: Path) -> None:
    """Make the bag consistent again after tampering, as anyone can who has sha256sum."""
    payload = sorted(
        path.relative_to(bundle).as_posix()
        for path in (bundle / "data").rglob("*")
        if path.is_file()
    )
    size = sum((bundle / path).stat().st_size for path in payload)
    information = (bundle / "bag-info.txt").read_text().splitlines()
    information[-1] = f"Payload-Oxum: {size}.{len(payload)}"
    (bundle / "bag-info.txt").write_text("\n".join(information) + "\n")
    for algorithm in ("sha256", "sha512"):
        _write_manifest(bundle, f"manifest-{algorithm}.txt", payload, algorithm)
    tags = sorted(
        path.name
        for path in bundle.glob("*.txt")
        if not path.name.startswith("tagmanifest") and path.name != "fetch.txt"
    )
    for algorithm in ("sha256", "sha512"):
        _write_manifest(bundle, f"tagmanifest-{algorithm}.txt", tags, algorithm)


def _write_manifest(bundle: Path, name: str, paths: list[str], algorithm: str) -> None:
    lines = (
        f"{hashlib.new(algorithm, (bundle / path).read_bytes()).hexdigest()}  {path}\n"
        for path in paths
    )
    (bundle / name).write_text("".join(lines))


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test").digest())


@pytest.fixture
def trusted(key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "signer.pub"
    path.write_bytes(public_pem(key.public_key()))
    return path


@pytest.fixture(scope="session")
def pristine(key: Ed25519PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pristine") / "acme-000001"
    build(path, key)
    return path


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    """A sealed bundle of one's own to tamper with."""
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


@pytest.fixture
def build_bundle() -> Callable[..., str]:
    return build


@pytest.fixture
def rewrite() -> Callable[[Path], None]:
    return rewrite_manifests


@pytest.fixture
def fixture_tables() -> dict[str, list[dict[str, Any]]]:
    return tables()


@pytest.fixture
def fixture_inputs() -> BundleInputs:
    return inputs()
