"""Read a service of a Compose file as who runs it has to: whole commands, plain values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VARIABLE = re.compile(
    r"\$(?:\$|\{(?P<braced>\w+)(?::?(?P<kind>[-?+])(?P<rest>[^}]*))?\}|(?P<bare>[A-Za-z_]\w*))"
)
_GIVEN = "placeholder"
"""What stands where a person has to give a value."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service says of the process it is: empty where it leaves it to its image."""

    image: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    working_dir: str
    read_only: bool
    folders: tuple[str, ...]
    health: tuple[str, ...]


def service_of(said: Any) -> Service:
    """Return what a service says; raise ValueError where that is no service."""
    if not isinstance(said, Mapping):
        raise ValueError("it says nothing")
    image = filled(str(said.get("image") or ""))
    if not image or image.startswith("-"):
        raise ValueError("it names no image")
    check = said.get("healthcheck")
    test = check.get("test") if isinstance(check, Mapping) and not check.get("disable") else None
    return Service(
        image, _words(said.get("entrypoint")), _words(said.get("command")),
        _environment(said.get("environment")), filled(str(said.get("user") or "")),
        filled(str(said.get("working_dir") or "")), bool(said.get("read_only")),
        tuple(sorted({place for one in _listed(said.get("volumes")) if (place := _place(one))})),
        _health(test),
    )  # fmt: skip


def filled(text: str) -> str:
    """Return a text of a Compose file with its variables filled in, by a placeholder if need be."""

    def value(found: re.Match[str]) -> str:
        if found["kind"] == "-":
            return found["rest"]
        return _GIVEN if found["braced"] or found["bare"] else "$"

    return _VARIABLE.sub(value, text)


def _words(said: Any) -> tuple[str, ...]:
    if isinstance(said, str):
        return tuple(shlex.split(filled(said)))
    return tuple(filled(str(one)) for one in _listed(said))


def _environment(said: Any) -> dict[str, str]:
    if isinstance(said, Mapping):
        pairs = [(str(name), value) for name, value in said.items()]
    else:
        pairs = [
            (name, value if is_given else None)
            for name, is_given, value in (str(one).partition("=") for one in _listed(said))
        ]
    return {name: _GIVEN if value is None else filled(_scalar(value)) for name, value in pairs}


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else []


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _place(volume: Any) -> str:
    if isinstance(volume, Mapping):
        return filled(str(volume.get("target") or ""))
    parts = filled(str(volume)).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _health(test: Any) -> tuple[str, ...]:
    if isinstance(test, str):
        return ("/bin/sh", "-c", filled(test))
    kind, *words = _words(test) or ("NONE",)
    if kind == "CMD-SHELL":
        return ("/bin/sh", "-c", *words[:1])
    return tuple(words) if kind == "CMD" else ()
