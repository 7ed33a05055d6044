"""Name what a native type is, and which of its aspects have to leave with it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.model.verdict import Aspect

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Kind:
    """A neutral kind of thing, with the aspects that apply to it."""

    name: str
    title: str
    aspects: tuple[Aspect, ...]


@cache
def kind_of(native_type: str) -> str:
    """Return the neutral kind of a native type; `other` where none is known."""
    exact, patterns = _types()
    lowered = native_type.lower()
    if lowered in exact:
        return exact[lowered]
    fits = (kind for pattern, kind in patterns if _fits(lowered, pattern))
    return next(fits, OTHER)


def _fits(native_type: str, pattern: str) -> bool:
    """Tell whether a type has the pattern's shape; most differ where they begin."""
    return native_type.startswith(pattern.partition("*")[0]) and fnmatchcase(native_type, pattern)


@cache
def aspects_of(kind: str) -> tuple[Aspect, ...]:
    """Return the aspects that apply to a kind, in the order of the file."""
    kinds = all_kinds()
    return kinds.get(kind, kinds[OTHER]).aspects


@lru_cache(maxsize=1)
def all_kinds() -> dict[str, Kind]:
    """Return every kind by name."""
    return {
        name: Kind(name, row["title"], tuple(Aspect(aspect) for aspect in row["aspects"]))
        for name, row in _document().items()
    }


@lru_cache(maxsize=1)
def _types() -> tuple[dict[str, str], list[tuple[str, str]]]:
    exact: dict[str, str] = {}
    patterns: list[tuple[str, str]] = []
    for kind, row in _document().items():
        for native_type in row["types"]:
            if "*" in native_type:
                patterns.append((native_type.lower(), kind))
            else:
                exact[native_type.lower()] = kind
    # The pattern that says most about a type decides, wherever it stands in the file.
    patterns.sort(key=lambda pair: (-len(pair[0].replace("*", "")), pair))
    return exact, patterns


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "kinds.yaml").read_text(encoding="utf-8")
    kinds: dict[str, Any] = read_own_yaml(text)["kinds"]
    return kinds
