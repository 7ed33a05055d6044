"""Know which services of AWS can testify to resources that no listing call shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml


@dataclass(frozen=True, slots=True)
class Witness:
    """One entry of aws/witnesses.yaml, which says what each member means."""

    name: str
    title: str
    service: str
    operation: str
    items: str
    sees: str
    bind: Mapping[str, Any] = field(default_factory=dict)
    json: str = ""
    gone: str = ""
    everywhere: bool = False

    @property
    def called(self) -> str:
        """The call as the ledger names it: `service:Operation`."""
        return f"{self.service}:{self.operation}"


@cache
def load_witnesses() -> dict[str, Witness]:
    """Return every witness by the name that `witnesses:` of a source uses."""
    path = files("exitkit.knowledge") / "aws" / "witnesses.yaml"
    rows = read_own_yaml(path.read_text(encoding="utf-8"))["witnesses"]
    return {name: Witness(name, **row) for name, row in rows.items()}


def witness_operations() -> tuple[str, ...]:
    """Return the call of every witness."""
    return tuple(one.called for one in load_witnesses().values())
