"""Hold everything that is ever run on a host: what it reads, whether root sees more, its parser."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

SLOW_FACTOR = 5
"""How many deadlines of an ordinary call a command has that goes through many folders."""
_PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One read-only command; see the head of hosts.yaml for what its fields mean."""

    id: str
    needs: str
    command: str
    output: str
    parser: str
    reads: str
    root: bool = False
    without: str = ""
    slow: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return tuple(shlex.split(self.command))

    def script(self, *, sudo: bool = False) -> str:
        """Return it for `sh -c`: it ends with 127 where its program is not there."""
        words = (*(("sudo", "-n") if sudo else ()), *self.arguments)
        wanted = [self.needs, *(["sudo"] if sudo else [])]
        guards = "".join(
            f"command -v {word} >/dev/null 2>&1 || exit {127 if word != 'sudo' else 126}; "
            for word in wanted
        )
        return f"LC_ALL=C {_PATH}; export LC_ALL PATH; {guards}exec {shlex.join(words)}"


@dataclass(frozen=True, slots=True)
class DatabaseEngine:
    """How a database server shows itself; `source` is the type of source that takes its data."""

    engine: str
    processes: tuple[str, ...]
    services: tuple[str, ...]
    ports: tuple[int, ...]
    packages: tuple[str, ...]
    source: str = ""


@cache
def host_commands() -> tuple[HostCommand, ...]:
    """Return every command, in the order they are run."""
    return tuple(HostCommand(**row) for row in _document()["commands"])


@cache
def database_engines() -> tuple[DatabaseEngine, ...]:
    """Return the engines a host is searched for."""
    listed = ("processes", "services", "ports", "packages")
    rows: list[dict[str, Any]] = _document()["databases"]
    return tuple(
        DatabaseEngine(**{**row, **{member: tuple(row[member]) for member in listed}})
        for row in rows
    )


@cache
def host_secrets() -> tuple[str, ...]:
    """Return how credentials stand in the files of a host, as patterns of a Redactor."""
    return tuple(_document()["secrets"])


def command_lines() -> Iterator[str]:
    """Yield two lines per command for people: as whom, what it reads, the command itself."""
    for one in host_commands():
        who = "sudo -n" if one.root else "user"
        yield f"{one.id} ({who}): {one.reads}"
        yield f"    {shlex.join(one.arguments)}"


def sudoers_fragment(user: str = "exitkit") -> str:
    """Return a file for /etc/sudoers.d: exactly the commands that need root, nothing else."""
    rules = [_sudoers_command(one) for one in host_commands() if one.root]
    listed = ", \\\n    ".join(rules)
    return (
        f"# Read-only inventory. Check it with: visudo -cf FILE\n"
        f"Cmnd_Alias EXITKIT_INVENTORY = \\\n    {listed}\n"
        f"{user} ALL=(root) NOPASSWD: EXITKIT_INVENTORY\n"
    )


def _sudoers_command(one: HostCommand) -> str:
    # In sudoers a wildcard would let more through than the one command, and a comma ends it.
    program, *arguments = one.arguments
    escaped = re.sub(r"([\\,:=*?\[\]#])", r"\\\1", " ".join(arguments))
    return f"/usr/bin/{program} {escaped}"


@cache
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "hosts.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = read_own_yaml(text)
    return document
