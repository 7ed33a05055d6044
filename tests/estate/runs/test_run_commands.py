"""The commands around a rehearsal refuse what they must, and tell what a run waits for."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import exitkit
from exitkit.store.keys import generate_key

TEMPLATES = Path(exitkit.__file__).parent / "workspace" / "templates"
EXITKIT = [sys.executable, "-m", "exitkit"]
WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
"""
WAIT = {"id": "accept", "kind": "wait-for-approval", "statement": "It is accepted."}
WRITE = {
    "id": "write", "kind": "command", "effect": "external-write", "needs": ["accept"],
    "argv": ["sh", "-c", "echo did >> effects"], "undo": ["sh", "-c", "echo undid >> effects"],
}  # fmt: skip
CLOSE = {"id": "close", "kind": "command", "effect": "destructive", "argv": ["touch", "closed"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    for name in ("contract.yaml", "licenses.csv"):
        shutil.copy(TEMPLATES / name, tmp_path / name)
    for name in ("exitkit", "stranger"):
        generate_key(tmp_path / "keys" / f"{name}.pem", tmp_path / "keys" / f"{name}.pub")
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    run(tmp_path, "snapshot")
    return tmp_path


def write_plan(root: Path, *steps: dict[str, Any]) -> None:
    milestone = {
        "id": "M1", "title": "Acceptance", "steps": steps, "criteria": [],
        "deadline": {"anchor": "TREH", "offset": "P1D"},
    }  # fmt: skip
    plan = {
        "schema": "exitkit/plan/1", "id": "PLAN-1", "version": "1", "contract_ref": "CTR-1",
        "milestones": [milestone],
    }  # fmt: skip
    (root / "exit-plan.yaml").write_text(json.dumps(plan))


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXITKIT, *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def name_of(root: Path) -> str:
    return next((root / "runs").iterdir()).name


@pytest.fixture
def waiting(root: Path) -> Callable[[], subprocess.Popen[str]]:
    """Start a rehearsal and return once it waits for its approval."""
    write_plan(root, WAIT, WRITE)

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*EXITKIT, "rehearse", "--yes", "--json"], cwd=root, stdout=subprocess.PIPE, text=True
        )
        until(process, "approval.requested")
        return process

    return start


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert process.stdout is not None
    for text in process.stdout:
        line: dict[str, Any] = json.loads(text)
        if line["event"] == event:
            return line
    pytest.fail(f"the process ended before {event}")


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate()
    return process.returncode


def test_an_approval_moves_a_waiting_run_on_and_a_stranger_does_not(
    root: Path, waiting: Callable[[], subprocess.Popen[str]]
) -> None:
    process = waiting()
    shown = run(root, "status", name_of(root))
    assert "exitkit approve" in shown.stdout
    assert "It is accepted." in shown.stdout
    approve = ["approve", name_of(root), "accept", "--by", "Exit lead", "--key"]
    assert run(root, *approve, "keys/stranger.pem").returncode == 0
    assert "not signed by a trusted key" in until(process, "approval.rejected")["data"]["why"]
    assert not (root / "effects").exists()
    assert run(root, *approve, "keys/exitkit.pem").returncode == 0
    until(process, "approval.given")
    assert finish(process) == 0
    assert (root / "effects").read_text() == "did\nundid\n"
    late = run(root, *approve, "keys/exitkit.pem")
    assert (late.returncode, "does not wait" in late.stderr) == (2, True)


def test_one_run_at_a_time_and_a_killed_one_first(
    root: Path, waiting: Callable[[], subprocess.Popen[str]]
) -> None:
    process = waiting()
    process.kill()
    finish(process)
    again = run(root, "rehearse", "--yes")
    assert again.returncode == 2
    assert f"exitkit resume {name_of(root)}" in again.stderr
    assert run(root, "abort", name_of(root)).returncode == 0
    assert json.loads(run(root, "status", "--json").stdout)[0]["state"] == "aborted"
    assert len(list((root / "bundles").iterdir())) == 2


def test_a_tampered_journal_is_not_resumed(
    root: Path, waiting: Callable[[], subprocess.Popen[str]]
) -> None:
    process = waiting()
    process.kill()
    finish(process)
    database = sqlite3.connect(root / "runs" / name_of(root) / "journal.db", isolation_level=None)
    database.execute("DROP TRIGGER event_no_update")
    database.execute("UPDATE event SET body = replace(body, 'accepted', 'approved')")
    database.close()
    resumed = run(root, "resume", name_of(root))
    assert resumed.returncode == 1
    assert "line 1: it does not have its digest" in resumed.stderr


def test_a_changed_bundle_is_not_restored_from(root: Path) -> None:
    write_plan(root, WRITE | {"needs": []})
    with (root / "bundles" / "acme-000001" / "data" / "records" / "assets.jsonl").open("a") as file:
        file.write("\n")
    refused = run(root, "rehearse", "--yes")
    assert refused.returncode == 1
    assert not (root / "effects").exists()


def test_an_irreversible_step_is_shown_and_not_run(root: Path) -> None:
    write_plan(root, WRITE | {"needs": []}, CLOSE)
    rehearsed = run(root, "rehearse", "--yes")
    assert rehearsed.returncode == 0
    assert "refused" in rehearsed.stdout
    assert not (root / "closed").exists()


def test_a_wrong_step_is_named_with_its_line(root: Path) -> None:
    write_plan(root, WRITE | {"needs": [], "kind": "comand"})
    refused = run(root, "rehearse", "--yes")
    assert refused.returncode == 2
    assert 'exit-plan.yaml:1: milestones[0].steps[0].kind: no kind "comand"' in refused.stderr


def test_a_run_that_is_not_there_is_answered_with_those_that_are(root: Path) -> None:
    for command in ("status", "resume", "abort"):
        answer = run(root, command, "../runs")
        assert (answer.returncode, answer.stderr.strip()) == (
            2,
            "exitkit: ../runs: no such run; there are: none yet",
        )
