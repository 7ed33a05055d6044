"""Run a playbook through ansible-runner, and keep its events without anybody's secrets.

Each run has a private data directory of its own: ansible-runner would silently take over the
environment that an earlier run left in one.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from exitkit.drivers.ansible_collections import collections_path
from exitkit.drivers.ansible_guard import outside_faults, variable_faults, written_inert
from exitkit.drivers.ansible_stream import Heard, here, lay_out, on_worker
from exitkit.errors import ExitkitError, InputError

IDENT = "run"
VARIABLES = "exitkit-variables.yml"
_OWNER = "EXITKIT_PLAYBOOK_OWNER"
_SECRET = re.compile(r"secret|passw|token|key|credential", re.IGNORECASE)
_SHORTEST_SECRET = 6
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


@dataclass(frozen=True, slots=True)
class PlaybookOptions:
    """How a playbook is run.

    `check` is Ansible's check mode: what would change is counted and nothing is written. `worker`
    is a command that starts `ansible-runner worker` somewhere else (`ssh bastion ansible-runner
    worker`): the playbook is sent there and runs there. `files` are sent beside the playbook.
    `progress` takes a line for each task on each host.
    """

    check: bool = False
    worker: Sequence[str] = ()
    files: Sequence[Path] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    deadline_s: int = 600
    progress: Callable[[str], None] = lambda line: None


def run_playbook(
    playbook: Path,
    inventory: Path,
    folder: Path,
    *,
    owner: str,
    hosts: str = "all",
    variables: Mapping[str, Any] | None = None,
    options: PlaybookOptions | None = None,
) -> PlaybookRun:
    """Run `playbook` in the new private data directory `folder`; raise where a task failed.

    `owner` names the work it belongs to; what an earlier run of the same work left behind is
    ended first. `variables` are data: a template among them stays the text it is.
    """
    options = options or PlaybookOptions()
    for fault in (*variable_faults(variables or {}), *outside_faults(playbook)):
        raise InputError(f"{playbook.name}: {fault}; a run writes to the hosts of its target only")
    end_leftovers(owner)
    if folder.exists():
        raise PlaybookFailed(f"{folder}: exists already; every run needs a new folder")
    project = folder / "project"
    project.mkdir(parents=True)
    (project / VARIABLES).write_text(written_inert(variables or {}))
    for path in options.files:
        shutil.copyfile(path, project / path.name)
    words = [f"--limit {shlex.quote(hosts)}", f"--extra-vars @{_given(project, options)}"]
    words += ["--check", "--diff"] if options.check else []
    words += _interpreter(inventory, hosts)
    environ = _environ(folder, owner, options.environ)
    secrets = [*_secrets(options.environ), *_secrets(variables or {})]
    heard = Heard(options.progress, secrets)
    end = lambda: end_leftovers(owner)  # noqa: E731
    try:
        if options.worker:
            lay_out(folder, playbook, inventory, options.environ, options.deadline_s)
            said = on_worker(
                folder, playbook, " ".join(words), options.worker, environ, heard,
                options.deadline_s, end,
            )  # fmt: skip
        else:
            arguments = [
                str(folder.absolute()), "--playbook", str(playbook.absolute()),
                "--inventory", str(inventory.absolute()), "--cmdline", " ".join(words),
            ]  # fmt: skip
            said = here(arguments, environ, heard, options.deadline_s, end)
    finally:
        _scrub(folder, secrets)
    return _result(playbook, heard, said)


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


def connection_of(inventory: Path, hosts: str) -> str:
    """Return `ansible_connection` of the first of some hosts or groups of a YAML inventory.

    `hosts` are names with commas between them, as `--limit` takes them; the default is ssh.
    """
    document = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    return next(_connections(document or {}, frozenset(hosts.split(",")), "ssh", False), "ssh")


def _given(project: Path, options: PlaybookOptions) -> str:
    # A worker unpacks the project somewhere else, and Ansible runs in it.
    return VARIABLES if options.worker else shlex.quote(str((project / VARIABLES).absolute()))


def _interpreter(inventory: Path, hosts: str) -> list[str]:
    # Where no SSH is in between we know which Python works; what Ansible discovers may be a shim.
    declared = "ansible_python_interpreter" in inventory.read_text(encoding="utf-8")
    if declared or connection_of(inventory, hosts) != "local":
        return []
    python = "ansible_python_interpreter={{ ansible_playbook_python }}"
    return [f"--extra-vars {shlex.quote(python)}"]


def _connections(
    groups: Mapping[str, Any], wanted: frozenset[str], inherited: str, is_inside: bool
) -> Iterator[str]:
    for group, content in groups.items():
        members = content or {}
        own = str((members.get("vars") or {}).get("ansible_connection", inherited))
        inside = is_inside or group in wanted
        for name, variables in (members.get("hosts") or {}).items():
            if inside or name in wanted:
                yield str((variables or {}).get("ansible_connection", own))
        yield from _connections(members.get("children") or {}, wanted, own, inside)


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
        "ANSIBLE_COLLECTIONS_PATH": collections_path(os.environ),
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        **given,
    }


def _secrets(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that no artifact may hold, by the names they go under."""
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif isinstance(value, str) and len(value) >= _SHORTEST_SECRET and _SECRET.search(name):
            yield value


def _scrub(folder: Path, secrets: Sequence[str]) -> None:
    """Leave events and output; the command file repeats the whole environment in clear."""
    for name in ("env", "home", "fact_cache", "inventory", f"artifacts/{IDENT}/fact_cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    # What was sent is in the bundle and the workspace already, and variables may be secret.
    shutil.rmtree(folder / "project", ignore_errors=True)
    command = folder / "artifacts" / IDENT / "command"
    if command.is_file():
        document = json.loads(command.read_text())
        kept = {key: value for key, value in document.items() if key != "env"}
        command.write_text(json.dumps(kept, sort_keys=True))
    # A task that says what it was given repeats a secret that Ansible does not know as one.
    marks = {form for one in secrets for form in (one, json.dumps(one)[1:-1])}
    for path in (folder / "artifacts").rglob("*") if marks else ():
        if path.is_file() and not path.is_symlink():
            text = before = path.read_bytes()
            for mark in marks:
                text = text.replace(mark.encode(), b"***")
            if text != before:
                path.write_bytes(text)


def _result(playbook: Path, heard: Heard, said: str) -> PlaybookRun:
    counts = heard.counts()
    if heard.first_failure or said or counts["failures"] or counts["dark"]:
        raise PlaybookFailed(f"{playbook.name}: {heard.first_failure or said or 'failed'}")
    return PlaybookRun(
        counts["ok"], counts["changed"], counts["failures"], counts["dark"], heard.printed
    )
