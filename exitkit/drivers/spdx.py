"""Say in SPDX's words what package managers call a license, and whether it is open source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

OPEN_CATEGORIES = frozenset(("Copyleft", "Copyleft Limited", "Permissive", "Public Domain"))
LONGEST_NAME = 200
MOST_WORDS = 6
_OPERATORS = re.compile(r"(\(|\)|,?\s+and\s+|,?\s+or\s+|\s+/\s+|\s*[|]\s*|\s*&\s*)", re.IGNORECASE)


def expression_of(declared: Iterable[str]) -> str:
    """Return one SPDX expression for licenses that hold together; empty where none is named.

    What SPDX has no identifier for becomes a `LicenseRef-`, so that nothing named is dropped.
    """
    parts: set[str] = set()
    for name in declared:
        one = _expression(name)
        # Simplifying is exponential in what a copyright file may name; sorting is enough.
        parts.update([one] if " OR " in one else one.split(" AND "))
    listed = sorted(part.strip("()") if " " not in part else part for part in parts - {""})
    if len(listed) == 1:
        return listed[0]
    return " AND ".join(f"({part})" if " OR " in part else part for part in listed)


@cache
def is_open_source(expression: str) -> bool:
    """Tell whether every license of an expression is known to be open source."""
    keys = _licensing().license_keys(expression, unique=True)
    return bool(keys) and all(_is_open(str(key)) for key in keys)


def _is_open(key: str) -> bool:
    return key in _document()["references"] or _categories().get(key.lower()) in OPEN_CATEGORIES


@lru_cache(maxsize=65536)
def _expression(name: str) -> str:
    """Return the expression for one name as written, which may itself be several."""
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name or name.lower() in ("none", "unknown", "other", "custom", "dual license"):
        return ""
    whole = _names().get(name.lower())
    if whole:
        return whole
    pieces: list[str] = []
    # A sentence where a name belongs is quoted as one, not taken apart at its commas.
    if any(len(piece.split()) > MOST_WORDS for piece in _OPERATORS.split(name)):
        return _reference(name)
    for piece in _OPERATORS.split(name):
        word = piece.strip(" ,").lower()
        if word in ("", "(", ")"):
            pieces.append(word)
        elif word in ("and", "&"):
            pieces.append("AND")
        elif word in ("or", "/", "|"):
            pieces.append("OR")
        else:
            pieces.append(_atom(piece.strip(" ,")))
    return _valid(" ".join(piece for piece in pieces if piece)) or _reference(name)


def _atom(name: str) -> str:
    """Return the identifier of one license, with its exception where it has one."""
    base, separator, exception = re.split(r"(?i)\s+(with)\s+", name, maxsplit=1) if (
        re.search(r"(?i)\s+with\s+", name)
    ) else (name, "", "")  # fmt: skip
    known = _names().get(base.lower()) or _canonical(base)
    if not separator:
        return known or _reference(name)
    spelled = exception.lower()
    identifier = _exceptions().get(spelled) or _canonical(exception)
    return f"{known} WITH {identifier}" if known and identifier else _reference(name)


def _canonical(name: str) -> str:
    """Return an identifier of SPDX in its own spelling, or nothing."""
    return _spellings().get(name.lower(), "")


def _reference(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:60].strip("-.")
    return f"LicenseRef-{slug}" if slug else ""


def _valid(expression: str) -> str:
    """Return the expression as SPDX writes it; empty where it is none."""
    from license_expression import ExpressionError

    try:
        parsed = _licensing().parse(expression)
    except ExpressionError:
        return ""
    return str(parsed.render("{symbol.key}")) if parsed is not None else ""


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _names() -> dict[str, str]:
    document = _document()
    rows: Mapping[str, list[str]] = {**document["names"], **document["references"]}
    return {spelling: key for key, spellings in rows.items() for spelling in spellings}


@cache
def _exceptions() -> dict[str, str]:
    return {s: key for key, spellings in _document()["exceptions"].items() for s in spellings}


@cache
def _categories() -> dict[str, str]:
    return {key: row["category"] for key, row in _index().items()}


@cache
def _spellings() -> dict[str, str]:
    return {key: row["spelling"] for key, row in _index().items()}


@cache
def _index() -> dict[str, dict[str, str]]:
    """Every identifier of SPDX with its category, by its lower-case spellings."""
    from license_expression import get_license_index

    found: dict[str, dict[str, str]] = {}
    for row in get_license_index():
        key = row.get("spdx_license_key") or ""
        if not key or key.startswith("LicenseRef-"):
            continue
        for spelling in (key, *row.get("other_spdx_license_keys", ())):
            found.setdefault(
                spelling.lower(), {"spelling": key, "category": row.get("category") or ""}
            )
    return found


@cache
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "license_names.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = read_own_yaml(text)
    return document
