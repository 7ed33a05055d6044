"""Tell the demo's whole story as a user does, and look at what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import bagit
import pytest

from exitkit.store.reader import open_bundle

RECORDS = ("assets", "relations", "exportability", "access", "licenses", "automation", "datasets")


def run_demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "exitkit", "demo", str(folder), *options],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def ports_of(output: str) -> list[int]:
    opening = output.split("Make the key")[0]
    return [int(port) for port in re.findall(r"(?<=[: ])(\d{4,5})\b", opening)]


def somebody_listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    folder = tmp_path_factory.mktemp("demo") / "workspace"
    process = run_demo(folder)
    output, _ = process.communicate(timeout=280)
    return folder, output, process.returncode


def test_the_story_runs_and_every_check_holds(told: tuple[Path, str, int]) -> None:
    folder, output, code = told
    assert code == 0, output
    assert "FAULT" not in output
    seeded = len(json.loads((folder / "expected.json").read_bytes()))
    assert seeded >= 115
    for line in (f"assets      {seeded}", "5 proved, 0 missed, 1 not tested"):
        assert line in output


def test_every_source_has_found_something(told: tuple[Path, str, int]) -> None:
    folder = told[0]
    bundle = open_bundle(folder / "bundles" / "demo-000002")
    found = {record["provider"]["name"] for record in bundle.records("assets")}
    wanted = {"aws", "azure", "network", "postgres", "licenses", "scripts", "documents", "declared"}
    assert found - {"hosts"} == wanted
    # A machine with an SSH server and namespaces shows a host; one without says why not.
    assert ("hosts" in found) is ("a host behind a real SSH server" in told[1])
    assert ("hosts" in found) is ("no host joins the demo" not in told[1])


def test_no_server_of_the_estate_outlives_the_demo(told: tuple[Path, str, int]) -> None:
    _, output, _ = told
    ports = ports_of(output)
    assert len(ports) >= 7
    assert not [port for port in ports if somebody_listens(port)]


def test_two_snapshots_of_an_unchanged_estate_hold_the_same_bytes(
    told: tuple[Path, str, int],
) -> None:
    folder = told[0]
    first, second = (folder / "bundles" / f"demo-{number:06d}" / "data" for number in (1, 2))
    for table in RECORDS:
        name = f"records/{table}.jsonl"
        assert (first / name).read_bytes() == (second / name).read_bytes(), table
    for path in sorted((first / "native").rglob("*.jsonl")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def test_at_most_a_tenth_of_the_verdicts_is_unknown(told: tuple[Path, str, int]) -> None:
    bundle = open_bundle(told[0] / "bundles" / "demo-000002")
    levels = [record["level"] for record in bundle.records("exportability")]
    assert levels.count("unknown") * 10 <= len(levels)


def test_every_bundle_opens_without_exitkit(told: tuple[Path, str, int]) -> None:
    bundles = sorted((told[0] / "bundles").iterdir())
    key = told[0] / "keys" / "exitkit.pub"
    assert [path.name for path in bundles] == ["demo-000001", "demo-000002", "demo-000003"]
    for path in bundles:
        assert bagit.Bag(str(path)).is_valid()
        subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=path, check=True)
        verifier = [sys.executable, "-I", "data/spec/verify.py", "--trust", str(key), "."]
        subprocess.run(verifier, cwd=path, check=True)


def test_what_was_proved_is_rehearsed_and_nothing_else_is(told: tuple[Path, str, int]) -> None:
    bundle = open_bundle(told[0] / "bundles" / "demo-000003")
    kinds = {record["@id"]: record["kind"] for record in bundle.records("assets")}
    rehearsed = {
        (kinds[record["asset"]], record["aspect"])
        for record in bundle.records("exportability")
        if record["level"] == "rehearsed"
    }
    assert ("db.database", "data") in rehearsed
    assert ("storage.bucket", "data") in rehearsed
    assert ("network.device", "configuration") in rehearsed
    before = open_bundle(told[0] / "bundles" / "demo-000002").records("exportability")
    assert "rehearsed" not in {record["level"] for record in before}


def test_the_refusal_is_named_then_answered_for(told: tuple[Path, str, int]) -> None:
    folder = told[0]
    first, second = (
        [call for call in open_bundle(folder / "bundles" / name).records("calls")
         if call["outcome"] == "refused"]
        for name in ("demo-000001", "demo-000002")
    )  # fmt: skip
    assert {call["permission"] for call in first} == {"rds:DescribeDBSnapshots"}
    assert not [call for call in first if "acknowledgement" in call]
    assert [call["acknowledgement"]["by"] for call in second] == ["the demo"] * len(first)


def test_the_report_is_one_file_that_points_nowhere(told: tuple[Path, str, int]) -> None:
    reports = list((told[0] / "reports").glob("*.html"))
    assert len(reports) == 1
    text = reports[0].read_text()
    assert not re.findall(r"<(?:script|link|img|iframe)\b", text)
    assert json.loads(reports[0].with_suffix(".json").read_bytes())["schema"] == "exitkit/report/1"


def test_an_interrupted_demo_undoes_and_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    process = run_demo(folder)
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if "succeeded" in line and "restore-" in line:
            os.killpg(process.pid, signal.SIGINT)
            break
    output += process.stdout.read()
    assert process.wait(timeout=200) == 130, output
    assert "undone" in output
    assert "as it was before" in output
    deadline = time.monotonic() + 20
    while (left := [p for p in ports_of(output) if somebody_listens(p)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.2)
    assert not left
