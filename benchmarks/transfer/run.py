"""Time the restore of objects beside rclone: python run.py COUNT BYTES [ROUNDS].

The same objects for both. Both write to the same S3 server on this machine and read everything
back to compare it; a round is one after the other, into a bucket of its own each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rclone_api

from exitkit.demo.object_store import RunningStore, running_object_store
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Dataset
from exitkit.model.plan import Mode, Step
from exitkit.model.verdict import Content
from exitkit.ports import StepContext, Target
from exitkit.restorers.objects import ObjectsRestorer
from exitkit.store import records
from exitkit.store.canonical import canonical_bytes
from exitkit.store.writer import BundleInputs, write_bundle

RCLONE = Path(str(rclone_api.__file__)).parent / "bin" / "rclone"
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REF = Ref("aws", "1", "eu-west-1", "AWS::S3::Bucket", "data")


def main() -> None:
    count, size = int(sys.argv[1]), int(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as name, running_object_store() as store:
        folder = Path(name)
        bundle = write(folder, count, size)
        objects = bundle / "data" / "datasets" / REF.urn.removeprefix("urn:uuid:") / "objects"
        times: dict[str, list[float]] = {"rclone": [], "exitkit": []}
        for number in range(rounds):
            times["rclone"].append(by_rclone(store, objects, f"rclone-{number}"))
            times["exitkit"].append(by_exitkit(store, folder, bundle, f"exitkit-{number}"))
    bare = statistics.median(times["rclone"])
    print(f"| {count} objects of {size} bytes | median s | MB/s | to rclone |\n|---|---|---|---|")
    for who, taken in times.items():
        median = statistics.median(taken)
        rate = count * size / median / 1e6
        print(f"| {who} | {median:.2f} | {rate:.1f} | {median / bare:.2f} |")


def write(folder: Path, count: int, size: int) -> Path:
    chance, contents, lines = random.Random(1), [], []
    place = f"datasets/{REF.urn.removeprefix('urn:uuid:')}"
    for number in range(count):
        body, path = chance.randbytes(size), f"{place}/objects/{number:06}"
        contents.append(Content(path, body, "application/octet-stream", "data"))
        digest = hashlib.sha256(body).hexdigest()
        lines.append({"key": f"{number:06}", "path": path, "sha256": digest, "sizeBytes": size})
    listing = b"".join(canonical_bytes(line) + b"\n" for line in lines)
    contents.append(Content(f"{place}/objects.jsonl", listing, "application/jsonl", "data"))
    asset = Asset(REF, "storage.bucket", "data", {"Name": "data"}, NOW)
    held = Dataset(REF, "objects", count, count * size, listing=f"{place}/objects.jsonl")
    tables = {
        "assets": [records.asset_record(asset, [records.artifact(one) for one in contents])],
        "native": [records.native_record(asset)],
        "datasets": [records.dataset_record(held)],
    }
    path = folder / "acme-000001"
    write_bundle(path, BundleInputs("acme", 1, NOW, NOW, NOW, "0", {}), tables, contents)
    return path


def by_exitkit(store: RunningStore, folder: Path, bundle: Path, bucket: str) -> float:
    params = {
        "what": "objects", "target": "store", "rename": bucket,
        "assets": {"native_type": "AWS::S3::Bucket"},
    }  # fmt: skip
    settings = {"endpoint_url": store.endpoint_url, "access_key_env": "K", "secret_key_env": "S"}
    target = Target("store", "s3", settings, folder)
    attempt = folder / "runs" / "r" / "steps" / bucket / "1"
    attempt.mkdir(parents=True)
    context = StepContext(
        "r", Mode.REHEARSAL, folder, attempt, bundle, {"store": target}, {}, {}, bucket,
        {"K": store.access_key, "S": store.secret_key},
    )  # fmt: skip
    began = time.monotonic()
    outcome = ObjectsRestorer().restore(Step("s", "restore", params), target, context)
    assert outcome.metrics["items_different"] == 0, outcome.message
    return time.monotonic() - began


def by_rclone(store: RunningStore, objects: Path, bucket: str) -> float:
    environ = {
        **os.environ, "RCLONE_CONFIG_T_TYPE": "s3", "RCLONE_CONFIG_T_PROVIDER": "Rclone",
        "RCLONE_CONFIG_T_ENDPOINT": store.endpoint_url,
        "RCLONE_CONFIG_T_ACCESS_KEY_ID": store.access_key,
        "RCLONE_CONFIG_T_SECRET_ACCESS_KEY": store.secret_key, "RCLONE_CONFIG": os.devnull,
    }  # fmt: skip
    began = time.monotonic()
    for command in (["copy"], ["check", "--download"]):
        argv = [str(RCLONE), *command, str(objects), f"t:{bucket}", "--log-level", "ERROR"]
        subprocess.run(argv, env=environ, check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
