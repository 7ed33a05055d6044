"""Hear what a playbook does while it does it, here or on a worker inside another network.

A worker is any command that ends up as `ansible-runner worker` with its two pipes: what it needs
is sent to it (`transmit`), and what it did comes back event by event (`process`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from exitkit.drivers.ansible_collections import PINNED, installed_place

IDENT = "run"
_RUNNER = (sys.executable, "-m", "ansible_runner")
_WATCH = Path(__file__).with_name("ansible_watch.py")
_RESULTS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "FAILED",
    "runner_on_unreachable": "UNREACHABLE",
    "runner_on_skipped": "skipped",
}
_FAILURES = ("runner_item_on_failed", "runner_on_failed", "runner_on_unreachable")


@dataclass(slots=True)
class Heard:
    """What the events of one run said so far."""

    progress: Callable[[str], None]
    secrets: Sequence[str] = ()
    printed: dict[str, str] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    first_failure: str = ""
    events: int = 0
    status: str = ""

    def hear(self, line: bytes | str) -> None:
        """Take one line of the stream; what is no event is passed over."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        self.status = str(event.get("status", self.status))
        name, data = event.get("event"), event.get("event_data") or {}
        if not name:
            return
        self.events += 1
        result = data.get("res") or {}
        if name == "runner_on_ok" and "stdout" in result:
            self.printed[data["task"]] = result["stdout"]
        elif name in _FAILURES and not data.get("ignore_errors"):
            said = self._clean(f"{data.get('task')}: {_message(result)}")
            self.first_failure = self.first_failure or said
        elif name == "playbook_on_stats":
            self.stats = data
        if name in _RESULTS:
            # The name of a task and its result: whatever else an event holds may be secret.
            word = "changed" if result.get("changed") else _RESULTS[name]
            self.progress(self._clean(f"{data.get('host', '')}: {data.get('task', '')}: {word}"))

    def _clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def counts(self) -> dict[str, int]:
        """Return the tasks of all hosts by how they ended."""
        return {
            name: sum((self.stats.get(name) or {}).values())
            for name in ("ok", "changed", "failures", "dark")
        }


def here(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    heard: Heard,
    deadline_s: int,
    end: Callable[[], None],
) -> str:
    """Run on this machine; return what went wrong, or nothing."""
    command = [*_RUNNER, "run", *arguments, "--ident", IDENT, "--omit-env-files", "--json"]
    # Both outputs at once: of two pipes, the one that nobody reads fills up.
    process = subprocess.Popen(
        command, env=dict(environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with _Deadline([process], deadline_s, end) as deadline:
        last = _hear_all(process.stdout, heard)
        process.wait()
    return deadline.fault or _fault(process.returncode, heard, last)


def lay_out(
    folder: Path, playbook: Path, inventory: Path, environ: Mapping[str, str], deadline_s: int
) -> None:
    """Put into the folder all that a worker needs: it sees nothing else of this machine.

    That includes when to end: by the deadline, and when we are gone.
    """
    project, hosts, env = folder / "project", folder / "inventory", folder / "env"
    shutil.copytree(playbook.parent, project, dirs_exist_ok=True)
    hosts.mkdir()
    shutil.copyfile(inventory, hosts / inventory.name)
    for name in ("group_vars", "host_vars"):
        if (inventory.parent / name).is_dir():
            shutil.copytree(inventory.parent / name, hosts / name)
    for name in PINNED:
        found = installed_place(name)
        if found is not None:
            place = Path("collections", "ansible_collections", *name.split("."))
            shutil.copytree(found, project / place)
    plugins = project / "callback_plugins"
    plugins.mkdir(exist_ok=True)
    shutil.copyfile(_WATCH, plugins / _WATCH.name)
    env.mkdir(mode=0o700)
    (env / "settings").write_text(json.dumps({"job_timeout": deadline_s}))
    (env / "envvars").touch(mode=0o600)
    kept = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1", **environ}
    (env / "envvars").write_text(json.dumps(kept))


def on_worker(
    folder: Path,
    playbook: Path,
    cmdline: str,
    worker: Sequence[str],
    environ: Mapping[str, str],
    heard: Heard,
    deadline_s: int,
    end: Callable[[], None],
) -> str:
    """Send the folder through the worker's pipes; return what went wrong, or nothing."""
    place = str(folder.absolute())
    transmit = [
        *_RUNNER, "transmit", place, "--playbook", playbook.name, "--ident", IDENT,
        "--omit-env-files", "--cmdline", cmdline,
    ]  # fmt: skip
    given = dict(environ)
    sender = subprocess.Popen(
        transmit, env=given, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    remote = subprocess.Popen(
        list(worker), env=given, stdin=sender.stdout, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    keeper = subprocess.Popen(
        [*_RUNNER, "process", place, "--ident", IDENT], env=given, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _close(sender.stdout)
    with _Deadline([sender, remote, keeper], deadline_s, end) as deadline:
        said: list[bytes] = []
        listener = threading.Thread(target=lambda: said.extend(remote.stderr or ()))
        listener.start()
        _hear_all(remote.stdout, heard, keeper.stdin)
        listener.join()
        for process in (sender, remote, keeper):
            process.wait()
    if deadline.fault:
        return deadline.fault
    if not heard.events:
        last = said[-1].decode("utf-8", "replace").strip() if said else "it said nothing"
        return f"the worker `{worker[0]}` did not run it ({last[:200]})"
    return _fault(sender.returncode or remote.returncode or keeper.returncode, heard, "")


class _Deadline:
    """Ends processes, and what they left behind, when they are not done in time."""

    def __init__(
        self, processes: Sequence[subprocess.Popen[bytes]], deadline_s: int, end: Callable[[], None]
    ) -> None:
        self.fault = ""
        self._processes, self._deadline_s, self._end = processes, deadline_s, end
        self._timer = threading.Timer(deadline_s, self._strike)

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._timer.cancel()
        if raised[0] is not None:
            self._stop()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout, process.stderr):
                _close(pipe)

    def _strike(self) -> None:
        self.fault = f"not done after {self._deadline_s} s"
        self._stop()

    def _stop(self) -> None:
        for process in self._processes:
            process.kill()
        self._end()


def _hear_all(stream: IO[bytes] | None, heard: Heard, copy: IO[bytes] | None = None) -> str:
    last = b""
    for line in stream or ():
        heard.hear(line)
        last = line if line.strip() and not line.startswith(b"{") else last
        if copy is not None:
            copy.write(line)
            copy.flush()
    _close(copy)
    return last.decode("utf-8", "replace").strip()


def _fault(returncode: int, heard: Heard, last: str) -> str:
    if heard.first_failure:
        return heard.first_failure
    if returncode or heard.status in ("failed", "error") or not heard.stats:
        return last or "it ended without a word"
    return ""


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None and not stream.closed:
        stream.close()


def _message(result: Mapping[str, Any]) -> str:
    text = str(result.get("msg") or result.get("stderr") or "failed").strip()
    return text.splitlines()[0] if text else "failed"
