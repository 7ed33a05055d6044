"""Run a playbook through ansible-runner, and keep its events without anybody's secrets.

Each run has a private data directory of its own: ansible-runner would silently take over the
environment that an earlier run left in one.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from exitkit.errors import ExitkitError

IDENT = "run"
_OWNER = "EXITKIT_PLAYBOOK_OWNER"
_FAILURES = ("runner_item_on_failed", "runner_on_failed", "runner_on_unreachable")
_PASSED_ON = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TMPDIR", "SSL_CERT_FILE")


class PlaybookFailed(ExitkitError):
    """Ansible could not start, or a task failed on a host."""


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """What a playbook did, over all hosts: counts of tasks, and what tasks printed by name."""

    ok: int
    changed: int
    failed: int
    unreachable: int
    printed: Mapping[str, str]


def run_playbook(
    playbook: Path,
    inventory: Path,
    folder: Path,
    *,
    owner: str,
    hosts: str = "all",
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    deadline_s: int = 600,
) -> PlaybookRun:
    """Run `playbook` in the new private data directory `folder`; raise where a task failed.

    `owner` names the work it belongs to; what an earlier run of the same work left behind is
    ended first.
    """
    end_leftovers(owner)
    if folder.exists():
        raise PlaybookFailed(f"{folder}: exists already; every run needs a new folder")
    (folder / "project").mkdir(parents=True)
    given = folder / "variables.json"
    merged = _interpreter(inventory, hosts) | dict(variables or {})
    given.write_text(json.dumps(merged, ensure_ascii=False, sort_keys=True))
    options = f"--limit {shlex.quote(hosts)} --extra-vars {shlex.quote(f'@{given.absolute()}')}"
    command = [
        sys.executable, "-m", "ansible_runner", "run", str(folder.absolute()),
        "--playbook", str(playbook.absolute()), "--inventory", str(inventory.absolute()),
        "--ident", IDENT, "--omit-env-files", "--quiet", "--cmdline", options,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, env=_environ(folder, owner, environ or {}), capture_output=True, text=True,
            check=False, timeout=deadline_s, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as timeout:
        end_leftovers(owner)
        raise PlaybookFailed(f"{playbook.name}: not done after {deadline_s} s") from timeout
    finally:
        _scrub(folder)
    return _result(playbook, folder, done)


def end_leftovers(owner: str) -> None:
    """End what playbooks of `owner` still run on this machine.

    Ansible puts its workers into sessions of their own, where no signal to the group of a killed
    step reaches them; the mark in their environment does.
    """
    for process in psutil.process_iter():
        # Processes of other users do not show their environment, and none of them is ours.
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_OWNER) == owner and process.pid != os.getpid():
                process.send_signal(signal.SIGKILL)


def connection_of(inventory: Path, host: str) -> str:
    """Return `ansible_connection` of a host of a YAML inventory; Ansible's default is ssh."""
    document = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    return next(_connections(document or {}, host, "ssh"), "ssh")


def _interpreter(inventory: Path, hosts: str) -> dict[str, str]:
    # On our own machine we know which Python works; what Ansible discovers may be a shim.
    if connection_of(inventory, hosts) != "local":
        return {}
    declared = "ansible_python_interpreter" in inventory.read_text(encoding="utf-8")
    return {} if declared else {"ansible_python_interpreter": sys.executable}


def _connections(groups: Mapping[str, Any], host: str, inherited: str) -> Iterator[str]:
    for group in groups.values():
        members = group or {}
        own = str((members.get("vars") or {}).get("ansible_connection", inherited))
        for name, variables in (members.get("hosts") or {}).items():
            if host in (name, "all"):
                yield str((variables or {}).get("ansible_connection", own))
        yield from _connections(members.get("children") or {}, host, own)


def _environ(folder: Path, owner: str, given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # The programs of our own virtual environment, also where nobody activated it.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    # A service account may have no home; Ansible looks in the password file, not at HOME.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    if not os.access(home, os.W_OK):
        kept["ANSIBLE_REMOTE_TMP"] = str(folder.absolute() / "tmp")
    return {
        **kept,
        _OWNER: owner,
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_HOME": str(folder.absolute() / "home"),
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        **given,
    }


def _scrub(folder: Path) -> None:
    """Leave events and output; the command file repeats the whole environment in clear."""
    for name in ("env", "home", "fact_cache", f"artifacts/{IDENT}/fact_cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    command = folder / "artifacts" / IDENT / "command"
    if command.is_file():
        document = json.loads(command.read_text())
        kept = {key: value for key, value in document.items() if key != "env"}
        command.write_text(json.dumps(kept, sort_keys=True))


def _result(playbook: Path, folder: Path, done: subprocess.CompletedProcess[str]) -> PlaybookRun:
    printed: dict[str, str] = {}
    stats: Mapping[str, Any] = {}
    first_failure = ""
    for event in _events(folder):
        data = event.get("event_data", {})
        result = data.get("res") or {}
        if event["event"] == "runner_on_ok" and "stdout" in result:
            printed[data["task"]] = result["stdout"]
        elif event["event"] in _FAILURES and not data.get("ignore_errors"):
            first_failure = first_failure or f"{data.get('task')}: {_message(result)}"
        elif event["event"] == "playbook_on_stats":
            stats = data
    counts = {
        name: sum((stats.get(name) or {}).values())
        for name in ("ok", "changed", "failures", "dark")
    }
    if done.returncode or counts["failures"] or counts["dark"]:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise PlaybookFailed(f"{playbook.name}: {first_failure or said}")
    return PlaybookRun(counts["ok"], counts["changed"], counts["failures"], counts["dark"], printed)


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    files = (folder / "artifacts" / IDENT / "job_events").glob("*.json")
    for path in sorted(files, key=lambda path: int(path.name.partition("-")[0])):
        yield json.loads(path.read_text())


def _message(result: Mapping[str, Any]) -> str:
    text = str(result.get("msg") or result.get("stderr") or "failed").strip()
    return text.splitlines()[0] if text else "failed"
