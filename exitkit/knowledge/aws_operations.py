"""Know what becomes of every list operation of AWS that no row of the catalog uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

FOLDER = files("exitkit.knowledge") / "aws"


@dataclass(frozen=True, slots=True)
class Discovery:
    """A list call whose items no type describes; members as in a row of the catalog."""

    service: str
    operation: str
    items: str
    bind: Mapping[str, Any] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """The call as the ledger names it: `service:Operation`."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class Uncalled:
    """The list operations that are never called, as `service:Operation`.

    `reasons` says what each reason means, `ignored` gives the reason of each operation, `seen` the
    native type that shows the same.
    """

    reasons: Mapping[str, str]
    ignored: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, str], ...]


@cache
def load_discovery() -> tuple[Discovery, ...]:
    """Return the calls that only `thorough: true` makes."""
    document = _document("discovery.yaml")
    return tuple(
        Discovery(service, operation, **row)
        for service, rows in document.items()
        for operation, row in rows.items()
    )


def load_uncalled() -> Uncalled:
    """Return what is deliberately not called, each with its reason."""
    document = _document("operations.yaml")
    return Uncalled(
        reasons=document["reasons"],
        ignored=tuple(_ignored(document["ignored"])),
        seen=tuple(
            (f"{service}:{operation}", native_type)
            for service, rows in document["seen"].items()
            for operation, native_type in rows.items()
        ),
    )


def _ignored(by_reason: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for reason, by_service in by_reason.items():
        for service, operations in by_service.items():
            for operation in operations:
                yield f"{service}:{operation}", reason


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = read_own_yaml((FOLDER / name).read_text(encoding="utf-8"))
    return document
