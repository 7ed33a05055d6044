"""Evaluate the paths of the hand-written mappings, with the functions they need beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError


class _Functions(functions.Functions):
    """What JMESPath cannot say: an inner list with what stands around it, JSON in a text."""

    @functions.signature({"types": ["array", "null"]}, {"types": ["string"]})
    def _func_spread(self, outer: Any, member: str) -> list[Any]:
        """Return each item of the inner list `member`, joined with the members around it."""
        found = []
        for row in outer or ():
            around = {name: value for name, value in row.items() if not isinstance(value, list)}
            found += [{**around, **inner} for inner in row.get(member) or ()]
        return found

    @functions.signature({"types": ["string", "null", "object", "array"]})
    def _func_parsed(self, text: Any) -> Any:
        """Return what a JSON text holds; nothing where it holds none."""
        if not isinstance(text, str):
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    @functions.signature({"types": ["array", "null"]}, {"types": ["string"]}, {"types": ["string"]})
    def _func_keyed(self, rows: Any, key: str, value: str) -> dict[str, Any] | None:
        """Return a map of rows that each hold a key and a value."""
        found = {str(row[key]): row[value] for row in rows or () if key in row and value in row}
        return found or None

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
    def _func_tail(self, text: Any, separator: str) -> str | None:
        """Return what stands behind the last separator."""
        return text.rsplit(separator, 1)[-1] if isinstance(text, str) else None


_OPTIONS = jmespath.Options(custom_functions=_Functions())


@cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)


def at(path: str, document: Mapping[str, Any]) -> Any:
    """Return what a path leads to; nothing where what it looks at is of another kind."""
    try:
        return _compiled(path).search(document, options=_OPTIONS)
    except (JMESPathError, AttributeError, TypeError):
        return None
