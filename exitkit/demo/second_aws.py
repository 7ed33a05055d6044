"""Run AWS as another maker understood it (MiniStack), the foreign ground for AWS playbooks.

It lives in a virtual environment of its own: it pins a botocore that would hold ours back.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.demo import processes
from exitkit.errors import CannotRun

PACKAGE = "ministack==1.5.33"
ACCOUNT_ID = "210987654321"
"""Its access key is the account: twelve digits name one."""


@dataclass(frozen=True, slots=True)
class SecondAws:
    """A running second implementation of AWS on loopback."""

    endpoint_url: str
    folder: Path
    pid: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def environ(self) -> Mapping[str, str]:
        """The login, in the variables that its target names."""
        return {"SANDBOX_AWS_KEY": ACCOUNT_ID, "SANDBOX_AWS_SECRET": "sandbox-secret-4f1c"}

    @property
    def settings(self) -> Mapping[str, str]:
        """What a target of type `aws` says of it."""
        return {
            "endpoint_url": self.endpoint_url,
            "region": "eu-central-1",
            "access_key_env": "SANDBOX_AWS_KEY",
            "secret_key_env": "SANDBOX_AWS_SECRET",
        }

    @classmethod
    def start(cls) -> SecondAws:
        """Start it with an empty account and return when it answers."""
        program = _program()
        folder = Path(tempfile.mkdtemp(prefix="exitkit-second-aws-"))
        port, log = processes.free_port(), folder / "server.log"
        process = processes.start([program], log, _environ(folder, port))
        second = cls(f"http://127.0.0.1:{port}", folder, process.pid, process)
        processes.wait_until(second.answers, process, log)
        return second

    def answers(self) -> bool:
        """Tell whether it is up."""
        url = f"{self.endpoint_url}/_ministack/health"
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  # our own URL
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop it by its own process and forget what it knew."""
        processes.stop(self.pid, self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running_second_aws() -> Iterator[SecondAws]:
    """Lend one for the length of a block."""
    second = SecondAws.start()
    try:
        yield second
    finally:
        second.stop()


def _environ(folder: Path, port: int) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        # Left alone it listens on every address, with a broker and a file server beside it.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent.sock",
    }


def _program() -> Path:
    """Return the server in its own environment, which is made where there is none yet."""
    home = Path(sys.prefix) / "share" / "exitkit" / "second-aws"
    program, made = home / "bin" / "ministack", home / "made"
    home.mkdir(parents=True, exist_ok=True)
    python = str(home / "bin" / "python")
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_file() or made.read_text() != PACKAGE:
            venv.create(home, with_pip=True, clear=False)
            command = [python, "-m", "pip", "install", "--quiet", PACKAGE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = (done.stderr.strip() or "no reason given").splitlines()[-1]
                raise CannotRun(f"{PACKAGE}: cannot be installed ({said}); check pip's index")
            made.write_text(PACKAGE)
    return program
