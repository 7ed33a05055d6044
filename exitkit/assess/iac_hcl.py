"""Write Terraform's language: blocks, attributes and expressions, with every text kept a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_NO_ESCAPE = {"\\b": "\\u0008", "\\f": "\\u000c"}
"""Escapes that JSON has and Terraform has not."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that is code: an address, a variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Json:
    """A value that the provider wants as JSON in a text."""

    value: Any


@dataclass(frozen=True, slots=True)
class Blocks:
    """Nested blocks of one name, in place of an attribute."""

    bodies: tuple[Mapping[str, Any], ...]


def block(kind: str, labels: Sequence[str], body: Mapping[str, Any]) -> str:
    """Return a block as text, attributes before nested blocks."""
    head = " ".join([kind, *(quoted(label) for label in labels)])
    return "\n".join(_block(head, body, ""))


def _block(head: str, body: Mapping[str, Any], indent: str) -> Iterator[str]:
    plain = {name: value for name, value in body.items() if not isinstance(value, Blocks)}
    yield f"{indent}{head} {{"
    for name, value in plain.items():
        yield f"{indent}  {name} = {_expression(value, indent + '  ')}"
    for name, value in body.items():
        if isinstance(value, Blocks):
            for inner in value.bodies:
                yield from _block(name, inner, f"{indent}  ")
    yield f"{indent}}}"


def _expression(value: Any, indent: str) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Json):
        return f"jsonencode({_expression(value.value, indent)})"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        deeper = indent + "  "
        rows = [
            f"{deeper}{_key(name)} = {_expression(part, deeper)}" for name, part in value.items()
        ]
        return "\n".join(["{", *rows, f"{indent}}}"]) if rows else "{}"
    if isinstance(value, list | tuple):
        deeper = indent + "  "
        rows = [f"{deeper}{_expression(part, deeper)}," for part in value]
        return "\n".join(["[", *rows, f"{indent}]"]) if rows else "[]"
    return json.dumps(value)


def _key(name: Any) -> str:
    return str(name) if _IDENTIFIER.match(str(name)) else quoted(str(name))


def quoted(text: str) -> str:
    """Return a text in quotes, in which nothing is taken for code."""
    found = json.dumps(text, ensure_ascii=False)
    found = re.sub(r"\\.", lambda match: _NO_ESCAPE.get(match.group(), match.group()), found)
    return found.replace("${", "$${").replace("%{", "%%{")
