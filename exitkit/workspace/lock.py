"""Let one process at a time write to a workspace, and never stay locked after a crash."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from exitkit.errors import CannotRun, InputError

LOCK_FILE = ".exitkit.lock"
STEP_LOCK_FILE = ".exitkit-step.lock"


@contextmanager
def workspace_lock(root: Path) -> Iterator[None]:
    """Hold the workspace for writing, or raise CannotRun naming who holds it.

    The kernel drops the lock with the process that holds it, so a crash leaves nothing to clean;
    the file stays and only says who wrote last. Child processes do not inherit the lock. A step
    of the run that holds it works for its holder and may write too, one step at a time.
    """
    with _locked(root, _our_lock(root)):
        yield


def _our_lock(root: Path) -> Path:
    """Return the lock of the workspace, or that of steps where an ancestor of ours holds it."""
    try:
        signature = json.loads((root / LOCK_FILE).read_text(encoding="utf-8"))
        holder = int(signature["pid"])
        # Another host has a process of the same number.
        is_here = signature["host"] == socket.gethostname()
        ancestors = {one.pid for one in psutil.Process().parents()}
        descends = is_here and holder != os.getpid() and holder in ancestors
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        descends = False
    return root / (STEP_LOCK_FILE if descends else LOCK_FILE)


@contextmanager
def _locked(root: Path, path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except FileNotFoundError:
        raise InputError(f"{root}: no such folder; `exitkit init {root}` makes one") from None
    except OSError as error:
        raise CannotRun(f"{path}: {error.strerror}; check who may write to the folder") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(f"{root}: in use by {_holder(path)}; wait for it to end") from None
        _sign(descriptor)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Write down who holds the lock, for the message to whoever comes second."""
    signature = {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]]),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(signature).encode(), 0)


def _holder(path: Path) -> str:
    try:
        signature = json.loads(path.read_text(encoding="utf-8"))
        who = f"`{signature['command']}`, process {signature['pid']} on {signature['host']}"
        return f"{who}, since {signature['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another exitkit process"
