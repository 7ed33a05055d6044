"""Fit what AWS answered into the shape that a schema asks for, and name what does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

DEEPEST = 32
MISSING = object()
EMPTY: tuple[Any, ...] = (None, "", [], {})


@lru_cache(maxsize=65536)
def plain(name: str) -> str:
    """Return only the letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Fitting:
    """One fitting of an answer; `extra` collects the paths of members that no property takes."""

    def __init__(self, schema: Mapping[str, Any], unwanted: frozenset[str] = frozenset()) -> None:
        self._root = schema
        self._unwanted = unwanted
        self.extra: list[str] = []

    def fit(self, node: Mapping[str, Any], value: Any, path: str, depth: int = 0) -> Any:
        """Return the value in the form `node` asks for, or MISSING."""
        if depth > DEEPEST:
            return MISSING
        alternatives = list(self._alternatives(node))
        kinds = {kind for one in alternatives for kind in _kinds(one)}
        if not kinds:
            return value
        if isinstance(value, str) and kinds & {"object", "array"} and "string" not in kinds:
            value = _read(value)
        if isinstance(value, Mapping) and "array" in kinds and isinstance(value.get("Items"), list):
            value = value["Items"]
        if isinstance(value, Mapping):
            return self._object(alternatives, value, path, depth) if "object" in kinds else MISSING
        if isinstance(value, list):
            return self._array(alternatives, value, path, depth) if "array" in kinds else MISSING
        return _scalar(kinds, value)

    def _object(
        self, nodes: list[Mapping[str, Any]], value: Mapping[str, Any], path: str, depth: int
    ) -> Any:
        properties: dict[str, Mapping[str, Any]] = {}
        for node in nodes:
            properties.update(node.get("properties", {}))
        if not properties:
            return dict(value)
        members = {plain(name): name for name in value}
        fitted = {}
        for name, inner in properties.items():
            where = f"{path}/{name}" if path else name
            member = members.pop(plain(name), None)
            if member is None or value[member] in EMPTY or self._is_unwanted(where):
                continue
            found = self.fit(inner, value[member], where, depth + 1)
            if found is MISSING:
                self.extra.append(where)
            elif found not in EMPTY:
                fitted[name] = found
        self.extra += [f"{path}/{name}" for name in members.values() if value[name] not in EMPTY]
        return fitted

    def _array(
        self, nodes: list[Mapping[str, Any]], value: list[Any], path: str, depth: int
    ) -> Any:
        inner = next((node["items"] for node in nodes if isinstance(node.get("items"), dict)), None)
        if inner is None:
            return list(value)
        fitted = [self.fit(inner, part, f"{path}/*", depth + 1) for part in value]
        if any(part is MISSING for part in fitted):
            self.extra.append(f"{path}/*")
        return [part for part in fitted if part is not MISSING]

    def _is_unwanted(self, path: str) -> bool:
        return path in self._unwanted

    def _alternatives(self, node: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
        """Yield the node and every form it may take, with references followed."""
        if depth > DEEPEST:
            return
        if (ref := node.get("$ref")) and (target := self._target(str(ref))) is not None:
            yield from self._alternatives(target, depth + 1)
        yield node
        for word in ("oneOf", "anyOf", "allOf"):
            for other in node.get(word, ()):
                yield from self._alternatives(other, depth + 1)

    def _target(self, ref: str) -> Mapping[str, Any] | None:
        found: Any = self._root
        for step in ref.removeprefix("#/").split("/"):
            found = found.get(step.replace("~1", "/")) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else None


def _kinds(node: Mapping[str, Any]) -> set[str]:
    told = node.get("type")
    if told is None:
        return {"object"} if node.get("properties") or node.get("patternProperties") else set()
    return set(told) if isinstance(told, list) else {told}


def _read(text: str) -> Any:
    """Return what a JSON text holds, or the text."""
    if text[:1] not in "{[":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _scalar(kinds: set[str], value: Any) -> Any:
    if isinstance(value, bool):
        if "boolean" in kinds:
            return value
        return str(value).lower() if "string" in kinds else MISSING
    if isinstance(value, int):
        if kinds & {"integer", "number"}:
            return value
        return str(value) if "string" in kinds else MISSING
    if not isinstance(value, str):
        return MISSING
    if "string" in kinds:
        return value
    if "boolean" in kinds and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return _number(kinds, value)


def _number(kinds: set[str], text: str) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return MISSING
    if not number.is_finite():
        return MISSING
    if number == number.to_integral_value() and kinds & {"integer", "number"}:
        return int(number)
    return float(number) if "number" in kinds else MISSING
