"""One writer at a time, and no lock that outlives its holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exitkit.errors import CannotRun, InputError
from exitkit.workspace.lock import LOCK_FILE, workspace_lock

HOLDER = """
import sys, time
from pathlib import Path
from exitkit.workspace.lock import workspace_lock
with workspace_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        told = pytest.raises(CannotRun, match=f"process {process.pid} on .+, since")
        with told, workspace_lock(tmp_path):
            pass
    finally:
        process.kill()
        process.communicate()


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    process = holder(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with workspace_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK_FILE).read_text()


def test_a_child_that_outlives_the_holder_does_not_hold_the_lock(tmp_path: Path) -> None:
    with workspace_lock(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with workspace_lock(tmp_path):
            pass
    finally:
        child.communicate(b"\n")


def test_the_lock_is_given_back_after_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), workspace_lock(tmp_path):
        _ = 1 // 0
    with workspace_lock(tmp_path):
        pass


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / LOCK_FILE).symlink_to(victim)
    with pytest.raises(CannotRun), workspace_lock(tmp_path):
        pass
    assert victim.read_text() == "precious"


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"), workspace_lock(tmp_path / "gone"):
        pass


def test_a_process_of_our_ancestors_number_on_another_host_is_not_our_ancestor(
    tmp_path: Path,
) -> None:
    process = holder(tmp_path)
    # A step of that holder's run would be let in; we only have a parent of its number.
    signature = json.loads((tmp_path / LOCK_FILE).read_text())
    elsewhere = {**signature, "pid": os.getppid(), "host": "another"}
    (tmp_path / LOCK_FILE).write_text(json.dumps(elsewhere))
    try:
        with pytest.raises(CannotRun, match=f"process {os.getppid()} on another"):
            workspace_lock(tmp_path).__enter__()
    finally:
        process.kill()
        process.communicate()
