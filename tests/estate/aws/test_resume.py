"""Cut `exitkit snapshot` short in every way: the next one asks only for what was not reached."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run
from exitkit.store.reader import open_bundle

EXITKIT = [sys.executable, "-m", "exitkit"]
LISTS = {"sqs:ListQueues", "sns:ListTopics", "dynamodb:ListTables"}
DETAIL = "sqs:GetQueueAttributes"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "y"}
DISK_BYTES = 16 * 1024
"""What the disk takes of one file: all that is kept of so small an account, and no bundle."""


@pytest.fixture
def workspace(
    workspace_of: Callable[..., Path], stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A workspace whose only source is the stand-in."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    source = {
        "id": "prod", "type": "aws", "endpoint_url": stand_in.url, "regions": ["eu-west-1"],
        "services": [*sorted(LISTS), DETAIL],
    }  # fmt: skip
    return workspace_of(source)


def snapshot(workspace: Path, *options: str) -> int:
    return run(["snapshot", "--workspace", str(workspace), *options])


def started(workspace: Path, **options: Any) -> subprocess.Popen[bytes]:
    command = [*EXITKIT, "snapshot", "--workspace", str(workspace)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def bundles(workspace: Path) -> list[Path]:
    return sorted(path for path in (workspace / "bundles").iterdir() if path.name[0] != ".")


def asked(stand_in: Any) -> dict[str, int]:
    """How often each list and detail was asked since the last look."""
    counts = {name: n for name, n in stand_in.asked.items() if name in LISTS | {DETAIL}}
    stand_in.asked.clear()
    return counts


def outcomes(bundle: Path) -> dict[str, str]:
    records = open_bundle(bundle).records("calls")
    return {call["operation"]: call["outcome"] for call in records if call["operation"] in LISTS}


def test_a_killed_snapshot_is_gone_on_with(
    stand_in: Any, reply: Callable[..., Any], workspace: Path
) -> None:
    def answer(asked: Any) -> Any:
        return reply(manner="hang") if asked.operation == DETAIL else None

    stand_in.answer = answer
    process = started(workspace)
    stand_in.wait_for(DETAIL)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert asked(stand_in) == {**dict.fromkeys(LISTS, 1), DETAIL: 1}
    assert bundles(workspace) == []

    stand_in.answer = lambda asked: None
    assert snapshot(workspace) == 0
    assert asked(stand_in) == {DETAIL: 1}
    (bundle,) = bundles(workspace)
    assert outcomes(bundle) == dict.fromkeys(LISTS, "collected")
    assert list((workspace / "bundles").glob(".*")) == []
    assert not (workspace / ".exitkit-unfinished").exists()


def test_a_snapshot_that_found_the_disk_full_is_gone_on_with(
    stand_in: Any, workspace: Path
) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES))

    process = started(workspace, preexec_fn=small_disk)
    _, said = process.communicate()
    assert process.returncode == 3
    assert b"check disk and permissions" in said.splitlines()[-1]
    assert asked(stand_in) == dict.fromkeys({*LISTS, DETAIL}, 1)
    assert bundles(workspace) == []

    assert snapshot(workspace) == 0
    assert asked(stand_in) == {}
    (bundle,) = bundles(workspace)
    assert outcomes(bundle) == dict.fromkeys(LISTS, "collected")


def test_what_a_sealed_snapshot_did_not_reach_is_asked_for_on_demand_alone(
    stand_in: Any, reply: Callable[..., Any], workspace: Path
) -> None:
    denied = reply('{"__type": "x#AccessDeniedException"}', 403)
    policy = '{"Attributes": {"Policy": "password=hunter2-and-more"}}'
    answers = {DETAIL: reply(policy), "dynamodb:ListTables": denied}
    stand_in.answer = lambda asked: answers.get(asked.operation)
    assert snapshot(workspace) == 1
    assert asked(stand_in) == dict.fromkeys({*LISTS, DETAIL}, 1)
    (kept,) = (workspace / ".exitkit-unfinished/prod").iterdir()
    assert "<masked:" in kept.read_text()
    assert "hunter2" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600

    # Without being asked it begins anew: what was reached may have changed.
    assert snapshot(workspace) == 1
    assert asked(stand_in) == dict.fromkeys({*LISTS, DETAIL}, 1)

    stand_in.answer = lambda asked: None
    assert snapshot(workspace, "--resume") == 0
    assert asked(stand_in) == {"dynamodb:ListTables": 1}
    _, second, third = bundles(workspace)
    assert outcomes(second)["dynamodb:ListTables"] == "refused"
    assert outcomes(third) == dict.fromkeys(LISTS, "collected")
    assert run(["verify", "--workspace", str(workspace), str(third)]) == 0
    # It is the next of the series, names the one before, and says since when it was read.
    before, after = (open_bundle(path) for path in (second, third))
    assert after.descriptor["previous"] == before.id
    assert after.id != before.id
    windows = [one.descriptor["observationWindow"] for one in (before, after)]
    assert windows[0]["startAt"] == windows[1]["startAt"]
    assert windows[0]["endAt"] < windows[1]["endAt"]
    # Nothing is left to ask for, and it says so.
    assert snapshot(workspace, "--resume") == 2
