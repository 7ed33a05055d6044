"""A process is taken for ours only when it is the very one that was recorded."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exitkit.engine import supervise
from exitkit.engine.outcomes import NEVER_RELEASED
from exitkit.engine.step_state import Job

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A shell in a session of its own, with a child."""
    process = subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def job_of(process: subprocess.Popen[bytes]) -> Job:
    started = supervise.process_started(process.pid)
    return Job("run", "run", process.pid, started, supervise.boot_id(), NOW)


def test_a_living_process_is_known_again(sleeper: subprocess.Popen[bytes]) -> None:
    assert supervise.is_alive(job_of(sleeper))


@pytest.mark.parametrize("change", [{"process_started": "1"}, {"boot_id": "another boot"}])
def test_another_process_with_the_same_pid_is_neither_adopted_nor_killed(
    sleeper: subprocess.Popen[bytes], change: dict[str, str]
) -> None:
    other = replace(job_of(sleeper), **change)
    assert not supervise.is_alive(other)
    supervise.end_group(other, grace_s=0)
    assert sleeper.poll() is None


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    job = job_of(sleeper)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not supervise.is_alive(job)


def test_what_a_dead_child_left_running_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    job = job_of(sleeper)
    sleeper.kill()
    sleeper.wait()
    supervise.end_group(job)
    assert not [1 for name in Path("/proc").glob("[0-9]*") if _session(name) == job.pid]


def test_a_child_without_a_release_ends_without_effect(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    child = supervise.spawn(tmp_path / "1", "run", {"result": str(result)}, tmp_path)
    supervise.withhold(child)
    assert child.returncode == NEVER_RELEASED
    assert not result.exists()


def _session(process: Path) -> int:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[3])
