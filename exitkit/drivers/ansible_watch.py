"""End a playbook on a worker when whoever sent it is gone; the worker runs this file alone.

It is sent beside the playbook as a callback plugin, so that a worker needs nothing of exitkit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase  # type: ignore[import-untyped]

POLL_S = 1.0
GRACE_S = 10.0


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Watch from the first moment to the last, beside the playbook."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "exitkit_watch"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=_watch, args=(os.getpid(),), daemon=True).start()


def _watch(playbook: int) -> None:
    runner = _parent(playbook)
    lineage = _lineage(playbook)
    while runner > 1 and os.getpid() == playbook:
        time.sleep(POLL_S)
        # The server of the connection ends with it, and leaves its children to somebody else.
        if _lineage(playbook) != lineage:
            _end(playbook, runner)
            return


def _end(playbook: int, runner: int) -> None:
    """End what the tasks started, let the runner clear up, and see to it that nothing is left."""
    for pid in _descendants(playbook):
        _signal(pid, signal.SIGKILL)
    _signal(runner, signal.SIGTERM)
    time.sleep(GRACE_S)
    for pid in (*_descendants(playbook), runner, playbook):
        _signal(pid, signal.SIGKILL)


def _lineage(pid: int) -> list[int]:
    found = [pid]
    while found[-1] > 1:
        found.append(_parent(found[-1]))
    return found


def _descendants(pid: int) -> list[int]:
    """Return children and theirs, whatever session they are in, the youngest first."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = [pid]
    for one in found:
        found += [other for other in pids if _parent(other) == one]
    return found[:0:-1]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
