"""Start a server of the estate as a child process, and stop exactly that process again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from exitkit.errors import CannotRun

UNPRIVILEGED = "nobody"


def free_port() -> int:
    """Return a loopback port nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def private_folder(name: str) -> Path:
    """Make a folder only the server's own user enters, where root is not the only one to get to."""
    place = "/tmp" if runs_as_root() else None  # noqa: S108  # a TMPDIR of root's may be closed
    folder = Path(tempfile.mkdtemp(prefix=f"exitkit-{name}-", dir=place))
    if runs_as_root():
        shutil.chown(folder, UNPRIVILEGED)
    return folder


def runs_as_root() -> bool:
    """Tell whether a server that refuses root has to be started as somebody else."""
    return os.geteuid() == 0


def run_unprivileged(
    command: Sequence[str | Path], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run to its end, as the unprivileged user where we are root."""
    user, group, groups = _identity()
    return subprocess.run(
        [str(part) for part in command],
        env=dict(environ), capture_output=True, text=True, check=False, cwd="/",
        user=user, group=group, extra_groups=groups,
    )  # fmt: skip


def start(
    command: Sequence[str | Path],
    log: Path,
    environ: Mapping[str, str],
    *,
    unprivileged: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches us and not it."""
    user, group, groups = _identity() if unprivileged else (None, None, None)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
            start_new_session=True, user=user, group=group, extra_groups=groups,
        )  # fmt: skip


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, deadline_s: float = 60
) -> None:
    """Return when `ready` says so; raise with the server's last words when it never will."""
    end = time.monotonic() + deadline_s
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            stop(process.pid, process)
            words = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise CannotRun(f"{log.parent.name}: a server did not start; it said: {words[0]}")
        time.sleep(0.05)


def stop(pid: int, process: subprocess.Popen[bytes] | None = None, grace_s: float = 20) -> None:
    """End the process started under `pid`: politely, then by force."""
    if process is not None:
        _stop_child(process, grace_s)
        return
    end = time.monotonic() + grace_s
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(pid, number)
            while time.monotonic() < end:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return


def _stop_child(process: subprocess.Popen[bytes], grace_s: float) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _identity() -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups to run as; None leaves our own."""
    if not runs_as_root():
        return None, None, None
    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid, []
