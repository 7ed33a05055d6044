"""Workers of several hosts lead runs whose journals lie in PostgreSQL, one of them at a time."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

COUNT = 'echo "$1 $EXITKIT_STEP" >> effects'


def counted(name: str, script: str = COUNT, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "kind": "command", "effect": "external-write", "timeout": "1m",
        "argv": ["sh", "-c", script, "sh", "did"], "undo": ["sh", "-c", COUNT, "sh", "undid"],
        **more,
    }  # fmt: skip


APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}


def test_a_run_that_was_left_is_led_to_its_end_and_sealed(office: Any) -> None:
    office.share_journals()
    office.plan(counted("a"), APPROVAL, counted("b", needs=["a", "go"]))
    left = office.run("rehearse", "--yes", "--leave")
    assert left.returncode == 0, left.stderr
    run = office.run_name
    assert office.effects() == []
    assert office.run("worker", "--once").returncode == 0
    # It waits for a person; asking again changes nothing.
    before = json.loads(office.run("status", run, "--json").stdout)
    assert office.run("worker", "--once").returncode == 0
    waiting = json.loads(office.run("status", run, "--json").stdout)
    assert (waiting["state"], waiting["head"]) == ("blocked", before["head"])
    office.run("approve", run, "go", "--key", "keys/exitkit.pem", "--by", "Lead")
    ended = office.run("worker", "--once")
    assert f"{run}: acme-000002 holds the evidence" in ended.stdout
    assert office.effects() == ["did a", "did b", "undid b", "undid a"]
    verified = office.run("verify-run", run)
    assert (verified.returncode, "whole" in verified.stdout) == (0, True)
    assert office.run("verify", "bundles/acme-000002").returncode == 0


@pytest.fixture
def two_workers(office: Any) -> Iterator[list[subprocess.Popen[str]]]:
    office.share_journals()
    workers: list[subprocess.Popen[str]] = []
    yield workers
    for worker in workers:
        worker.kill()
        worker.wait()


def test_when_the_worker_that_leads_is_killed_another_goes_on(
    office: Any, two_workers: list[subprocess.Popen[str]]
) -> None:
    # The second step ends once the leader is dead, and nobody begins it again.
    wait = 'echo "did $EXITKIT_STEP" >> effects; until [ -e leader-is-dead ]; do sleep 0.05; done'
    office.plan(counted("a"), counted("b", wait, needs=["a"]), counted("c", needs=["b"]))
    office.run("rehearse", "--yes", "--leave")
    run = office.run_name
    leader = office.start("worker")
    two_workers.append(leader)
    while "did b" not in office.effects():
        time.sleep(0.05)
    other = office.start("worker")
    two_workers.append(other)
    leader.send_signal(signal.SIGKILL)
    leader.wait()
    (office.root / "leader-is-dead").touch()
    assert other.stdout is not None
    assert any("holds the evidence" in line for line in iter(other.stdout.readline, ""))
    other.send_signal(signal.SIGTERM)
    assert other.wait() == 0
    did = Counter(line for line in office.effects() if line.startswith("did"))
    assert did == {"did a": 1, "did b": 1, "did c": 1}
    assert office.effects()[-3:] == ["undid c", "undid b", "undid a"]
    verified = office.run("verify-run", run)
    assert (verified.returncode, "whole" in verified.stdout) == (0, True)


def test_a_worker_that_is_asked_to_stop_hands_its_run_over(
    office: Any, two_workers: list[subprocess.Popen[str]]
) -> None:
    wait = 'echo "did $EXITKIT_STEP" >> effects; until [ -e handed-over ]; do sleep 0.05; done'
    office.plan(counted("a", wait), counted("b", needs=["a"]))
    office.run("rehearse", "--yes", "--leave")
    first = office.start("worker")
    two_workers.append(first)
    while "did a" not in office.effects():
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    assert first.wait() == 0
    (office.root / "handed-over").touch()
    assert "holds the evidence" in office.run("worker", "--once").stdout
    assert office.effects() == ["did a", "did b", "undid b", "undid a"]


def test_a_worker_needs_journals_that_others_reach(office: Any) -> None:
    refused = office.run("worker", "--once")
    assert (refused.returncode, "no journal: url:" in refused.stderr) == (2, True)
    office.plan(counted("a"))
    refused = office.run("rehearse", "--yes", "--leave")
    assert (refused.returncode, "no worker can reach a file" in refused.stderr) == (2, True)
