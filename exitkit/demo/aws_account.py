"""Run an AWS account on loopback that refuses whatever IAM does not allow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.demo import processes

ADMIN = {"AWS_ACCESS_KEY_ID": "AKIADEMOADMIN0000000", "AWS_SECRET_ACCESS_KEY": "demo-admin"}
"""What the seeder signs with while nothing is enforced yet."""


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """A running stand-in for AWS; everybody is let in until `enforce` is called."""

    endpoint_url: str
    folder: Path
    pid: int
    process: subprocess.Popen[bytes] = field(repr=False)
    admin: dict[str, str] = field(default_factory=lambda: dict(ADMIN), repr=False)


def start() -> AwsAccount:
    """Start the server as a child process and return when it answers."""
    port = processes.free_port()
    folder = Path(tempfile.mkdtemp(prefix="exitkit-aws-"))
    log = folder / "server.log"
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        # Loading a thousand public machine images takes seconds, and none of them is ours.
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        # A certificate issued in mid-run would make two equal questions get two answers.
        "MOTO_ACM_VALIDATION_WAIT": "86400",
        "MOTO_RECORDER_FILEPATH": str(recording_of(folder)),
    }
    command = [sys.executable, "-m", "exitkit.demo.aws_server", str(port)]
    process = processes.start(command, log, environ)
    account = AwsAccount(f"http://127.0.0.1:{port}", folder, process.pid, process)
    processes.wait_until(lambda: _answers(account), process, log)
    return account


def stop(account: AwsAccount) -> None:
    """Stop the server and forget what it knew."""
    processes.stop(account.pid, account.process)
    shutil.rmtree(account.folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[AwsAccount]:
    """Lend an account for the length of a block."""
    account = start()
    try:
        yield account
    finally:
        stop(account)


def enforce(account: AwsAccount) -> None:
    """From now on check signatures and policies on every call."""
    _control(account, "reset-auth", b"0")


def relax(account: AwsAccount) -> None:
    """Let everybody in again, as while seeding."""
    _control(account, "reset-auth", b"9999999999")


def record(account: AwsAccount) -> None:
    """From now on write down every request the server sees."""
    _control(account, "recorder/start-recording", b"")


def recorded(account: AwsAccount) -> list[dict[str, object]]:
    """Return the requests seen since `record`, with method, url, headers and body."""
    _control(account, "recorder/stop-recording", b"")
    text = recording_of(account.folder).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def recording_of(folder: Path) -> Path:
    """Return the file the server writes requests to."""
    return folder / "requests.jsonl"


def _control(account: AwsAccount, command: str, body: bytes) -> None:
    # The server reads a body of this type as it is; of the default type it sees nothing.
    request = urllib.request.Request(  # noqa: S310 - loopback, our own child
        f"{account.endpoint_url}/moto-api/{command}",
        data=body,
        method="POST",
        headers={"Content-Type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        answer.read()


def _answers(account: AwsAccount) -> bool:
    try:
        with urllib.request.urlopen(f"{account.endpoint_url}/moto-api/", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
