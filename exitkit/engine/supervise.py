"""Run a step in a process that outlives us, so that our crash neither kills nor repeats it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from exitkit.engine.step_state import Job
from exitkit.errors import CannotRun
from exitkit.store.files import write_atomically

GRACE_S = 3.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def result_file(attempt_dir: Path, label: str) -> Path:
    """Return where a job leaves its result; that of the step itself is `result.json`."""
    return attempt_dir / ("result.json" if label == "run" else f"{label}.result.json")


def log_file(attempt_dir: Path, label: str) -> Path:
    """Return where what a job says is kept."""
    return attempt_dir / f"{label}.log"


def progress_file(attempt_dir: Path, label: str) -> Path:
    """Return where a job writes the lines it says to people while it works."""
    return attempt_dir / f"{label}.progress"


def is_engine_file(name: str) -> bool:
    """Tell the files the engine puts into an attempt's folder from what the step left there."""
    return name == "result.json" or name.endswith((".spec.json", ".result.json", ".progress"))


def spawn(
    attempt_dir: Path, label: str, spec: Mapping[str, Any], workspace: Path
) -> subprocess.Popen[bytes]:
    """Start a child that waits; it does nothing before `release`, and nothing at all without."""
    spec_path = attempt_dir / f"{label}.spec.json"
    try:
        attempt_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(spec_path, json.dumps(spec, ensure_ascii=False, indent=1).encode())
        with log_file(attempt_dir, label).open("ab") as log:
            return subprocess.Popen(
                # -P: a file of the workspace named like a module of ours must not replace it.
                [sys.executable, "-P", "-m", "exitkit.engine.child", str(spec_path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=workspace,
                start_new_session=True,
            )
    except OSError as error:
        message = f"cannot start the process of a step: {error}; see `exitkit doctor`"
        raise CannotRun(message) from error


def release(child: subprocess.Popen[bytes]) -> None:
    """Let the child begin: from here on it may have had an effect."""
    assert child.stdin is not None  # noqa: S101 - spawn gave it a pipe
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(b"go\n")
        child.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()


def withhold(child: subprocess.Popen[bytes]) -> None:
    """End a child that was never released; it leaves without any effect."""
    if child.stdin is not None:
        child.stdin.close()
    child.wait()


def read_result(attempt_dir: Path, label: str) -> dict[str, Any] | None:
    """Return what a job left, or None while it has left nothing; it is renamed into place."""
    try:
        document: dict[str, Any] = json.loads(result_file(attempt_dir, label).read_bytes())
    except FileNotFoundError:
        return None
    return document


def boot_id() -> str:
    """Name this boot of this machine, so that no pid of another one is taken for ours."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def host() -> str:
    """Name this machine to the others that may lead the run."""
    return socket.gethostname()


def is_elsewhere(job: Job) -> bool:
    """Whether a job was started on another machine, whose processes we cannot see."""
    return job.host not in ("", host())


def process_started(pid: int) -> str:
    """Return when a process started, exact enough to tell it from a later one with its pid."""
    try:
        # Ticks since boot: unlike psutil's seconds they do not move when the clock is set.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def running_s(job: Job) -> float | None:
    """Return how long a job's process has run, whatever the clock says; None where unknown."""
    try:
        up_s = float(Path("/proc/uptime").read_text().split()[0])
        return up_s - int(job.process_started) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def is_alive(job: Job) -> bool:
    """Tell whether the very process that was recorded still works; a zombie does not."""
    if job.boot_id != boot_id() or process_started(job.pid) != job.process_started:
        return False
    try:
        return bool(psutil.Process(job.pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def end_group(job: Job, grace_s: float = GRACE_S) -> None:
    """End everything the job started, asking first, and return when all of it is gone."""
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
        members = list(_members(job))
        if not members:
            return
        for member in members:
            with contextlib.suppress(psutil.Error):
                member.send_signal(number)
        deadline = time.monotonic() + wait_s
        while list(_members(job)) and time.monotonic() < deadline:
            time.sleep(0.02)


def _members(job: Job) -> Iterator[psutil.Process]:
    """Yield the live processes of the job's session; none where its pid is another's by now."""
    if job.boot_id != boot_id() or process_started(job.pid) not in ("", job.process_started):
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == job.pid and process.status() != psutil.STATUS_ZOMBIE:
                yield process
