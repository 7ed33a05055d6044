"""Know what to ask a host, and how the programs that hold its data are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One command of hosts.yaml, which says what each member means."""

    name: str
    run: str
    reads: str
    needs: str = ""
    sudo: bool = False


@cache
def host_commands() -> tuple[HostCommand, ...]:
    """Return every command, in the order of the file."""
    return tuple(HostCommand(name, **row) for name, row in _document()["commands"].items())


@cache
def _databases() -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    rows = _document()["databases"].items()
    return tuple((name, tuple(map(re.compile, patterns))) for name, patterns in rows)


def database_named(program: str) -> str:
    """Return the database product that a program or service belongs to, or nothing."""
    for product, patterns in _databases():
        if any(pattern.match(program) for pattern in patterns):
            return product
    return ""


@cache
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "hosts.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document
