"""Hold a rehearsal of the whole estate to its word: damage is named, sources are never targets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitkit.demo.estate import Estate, running_estate
from exitkit.demo.workspace import write_workspace
from exitkit.store.reader import open_bundle

DAMAGE_OBJECT = """
import os, boto3, sys
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1",
    aws_access_key_id=os.environ["DEMO_STORE_KEY"],
    aws_secret_access_key=os.environ["DEMO_STORE_SECRET"])
bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"] if "documents" in b["Name"])
key = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"]
body = bytearray(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
body[0] ^= 1
s3.put_object(Bucket=bucket, Key=key, Body=bytes(body))
"""
DAMAGE_ROW = """
import os, psycopg
with psycopg.connect(os.environ["DEMO_TARGET_DSN"], dbname="orders") as connection:
    connection.execute("UPDATE orders SET remark = 'changed' WHERE id = 42")
"""
DAMAGE_LINE = """
import os, sys
from pathlib import Path
from exitkit.drivers.ssh import open_device
with open_device("127.0.0.1", int(sys.argv[1]), "cisco_ios", "operator",
    os.environ["DEMO_SPARE_PASSWORD"], Path(sys.argv[2]), 60) as device:
    device.configure(["ip access-list extended core-in",
                      "no permit icmp 10.11.0.0 0.0.0.255 any"])
"""


def exitkit(root: Path, estate: Estate, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exitkit", *arguments],
        cwd=root, env=dict(estate.environ), capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Estate]]:
    root = tmp_path_factory.mktemp("ground")
    with running_estate(5, lambda line: None) as estate:
        write_workspace(root, estate)
        assert exitkit(root, estate, "keygen").returncode == 0
        snapshot = exitkit(root, estate, "snapshot")
        assert snapshot.returncode == 1, snapshot.stderr
        yield root, estate


def damaging(name: str, code: str, after: str, *arguments: str) -> str:
    argv = json.dumps([sys.executable, "-c", code, *arguments])
    return (
        f"      - {{id: damage-{name}, kind: command, argv: {argv}, effect: none, "
        f"needs: [restore-{after}], env: [DEMO_STORE_KEY, DEMO_STORE_SECRET, DEMO_TARGET_DSN, "
        "DEMO_SPARE_PASSWORD]}\n"
    )


def test_what_is_damaged_after_the_restore_is_missed_by_name(ground: tuple[Path, Estate]) -> None:
    root, estate = ground
    plan = root / "exit-plan.yaml"
    whole = plan.read_text()
    steps = {
        "objects": damaging("object", DAMAGE_OBJECT, "objects", estate.addresses["store_endpoint"]),
        "database": damaging("row", DAMAGE_ROW, "database"),
        "network": damaging("line", DAMAGE_LINE, "network", estate.addresses["spare_port"],
                            str(root / "inventories" / "known_hosts")),
    }  # fmt: skip
    text = whole
    for what, step in steps.items():
        line = next(one for one in whole.splitlines() if f"id: compare-{what}" in one)
        name = step.split("id: ")[1].split(",")[0]
        text = text.replace(
            line, step + line.replace(f"needs: [restore-{what}]", f"needs: [{name}]")
        )
    # Nothing waits for people here: the acceptance is another test's.
    text = text[: text.index("  - id: M8-acceptance")]
    plan.write_text(text)
    try:
        rehearsal = exitkit(root, estate, "rehearse", "--yes")
        run = next(path.name for path in (root / "runs").iterdir())
        status = exitkit(root, estate, "status", run, "--json")
    finally:
        plan.write_text(whole)
    assert rehearsal.returncode == 1, rehearsal.stdout + rehearsal.stderr
    verdicts = json.loads(status.stdout)["milestones"]
    assert verdicts == {
        "M6-network": "missed", "M6-objects": "missed", "M6-database": "missed",
        "M6-scripts": "proved",
    }  # fmt: skip
    events = list(open_bundle(root / "bundles" / "demo-000002").records("events"))
    outcomes = [event["data"]["outcome"] for event in events if event["type"] == "step.succeeded"]
    named = {
        item["item"]
        for outcome in outcomes
        for item in outcome["items"]
        if item["result"] in ("different", "missing")
    }
    assert any(item.startswith("object crm-documents/") for item in named), named
    assert any("orders" in item and "42" in item for item in named), named
    assert any("permit icmp 10.11.0.0" in item for item in named), named
    compared = [event["data"] for event in events if event["type"] == "sandbox.compared"]
    assert len(compared) == 4
    assert all(sandbox["equal"] for sandbox in compared)


@pytest.mark.parametrize(
    ("target", "becomes"),
    [
        ("dsn_env: DEMO_TARGET_DSN", "dsn_env: DEMO_SOURCE_DSN"),
        ("inventory: inventories/rehearsal/network.yml, host: spare",
         "inventory: inventories/exit/network.yml, host: edge1"),
        ("endpoint_url: {store_endpoint}", "endpoint_url: {aws_endpoint}"),
    ],
)  # fmt: skip
def test_a_target_that_is_a_source_is_refused_before_anything_starts(
    ground: tuple[Path, Estate], target: str, becomes: str
) -> None:
    root, estate = ground
    settings = root / "exitkit.yaml"
    whole, runs = settings.read_text(), set((root / "runs").glob("*"))
    target, becomes = target.format(**estate.addresses), becomes.format(**estate.addresses)
    assert whole.count(target) == 1
    settings.write_text(whole.replace(target, becomes))
    try:
        refused = exitkit(root, estate, "rehearse", "--yes")
    finally:
        settings.write_text(whole)
    assert refused.returncode == 2, refused.stderr
    assert "never writes to a source" in refused.stderr
    assert set((root / "runs").glob("*")) == runs
