"""Run an Azure subscription on loopback as a child process."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.demo import arm_estate, processes
from exitkit.demo.arm_server import HOST, TOKEN_VARIABLE, ArmServer


@dataclass(frozen=True, slots=True)
class ArmDouble:
    """A running stand-in for Azure; `environ` holds the token, `expected` what is in it."""

    endpoint_url: str
    pid: int
    folder: Path
    expected: tuple[arm_estate.Expected, ...]
    environ: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)


def start() -> ArmDouble:
    """Start the server as a child process and return when it answers."""
    port = processes.free_port()
    folder = Path(tempfile.mkdtemp(prefix="exitkit-azure-"))
    log = folder / "server.log"
    token = secrets.token_hex(16)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), TOKEN_VARIABLE: token}
    command = [sys.executable, "-m", "exitkit.demo.arm_server", str(port)]
    process = processes.start(command, log, environ)
    processes.wait_until(lambda: _listens(port), process, log)
    # The child seeds itself; the same seed here says what a snapshot must find.
    expected = arm_estate.seed(ArmServer(token))
    return ArmDouble(
        f"http://{HOST}:{port}", process.pid, folder, expected, {TOKEN_VARIABLE: token}, process
    )


def stop(double: ArmDouble) -> None:
    """Stop the server and forget what it knew."""
    processes.stop(double.pid, double.process)
    shutil.rmtree(double.folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
