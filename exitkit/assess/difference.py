"""Say member by member how two records of one thing differ, and what that means for leaving."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.verdict import Level

Record = Mapping[str, Any]

LONGEST_VALUE = 200
MASK_CHANGED = "secret changed"
_MASK = "<masked:"
_NAMES = ("key", "scheme", "path", "Key", "id", "Id", "name", "Name")
_ASSET_MEMBERS = ("kind", "name", "status", "tags", "identifiers", "ext")
_ID_MEMBERS = ("@id", "@type", "asset")
_ORDER = {
    Level.NONE: 0, Level.UNKNOWN: 1, Level.NOT_ATTEMPTED: 1, Level.DESCRIBED: 2,
    Level.PROPRIETARY: 3, Level.OPEN: 4, Level.IMPORTABLE: 5, Level.REHEARSED: 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One member that differs, by its dotted path; an empty text means that it was not there."""

    path: str
    old: str
    new: str


def field_changes(old: Any, new: Any, path: str = "") -> Iterator[FieldChange]:
    """Yield what differs between two JSON values.

    Lists of objects are compared by what names each object (its `key`, `Id`, `name` ...), other
    lists as sets where each value occurs once. Of a masked secret only the change is said.
    """
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _members(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, path)
    else:
        yield _leaf(old, new, path)


def asset_changes(old: Record, new: Record) -> Iterator[FieldChange]:
    """Yield what differs between two records of an asset, without its native configuration."""
    for name in _ASSET_MEMBERS:
        yield from field_changes(old.get(name), new.get(name), name)
    yield from field_changes(_files(old), _files(new), "files")


def record_changes(old: Record, new: Record) -> Iterator[FieldChange]:
    """Yield what differs between two records beside their ids."""
    names = sorted((old.keys() | new.keys()) - set(_ID_MEMBERS))
    for name in names:
        yield from field_changes(old.get(name), new.get(name), name)


def step(old: Record, new: Record) -> int:
    """Tell whether a verdict got better (1), worse (-1) or neither (0).

    What nobody knows stands between `none` and `described`: to learn that a thing stays behind is
    worse than not to have looked, and better to know than to hope is said by the reason.
    """
    before, after = Level(old["level"]), Level(new["level"])
    if before not in _ORDER or after not in _ORDER:
        return 0
    return (_ORDER[after] > _ORDER[before]) - (_ORDER[after] < _ORDER[before])


def _members(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[FieldChange]:
    for name in sorted(old.keys() | new.keys()):
        below = f"{path}.{name}" if path else name
        yield from field_changes(old.get(name), new.get(name), below)


def _lists(old: list[Any], new: list[Any], path: str) -> Iterator[FieldChange]:
    by_name = _named(old, new)
    if by_name:
        before, after = by_name
        for name in sorted(before.keys() | after.keys()):
            yield from field_changes(before.get(name), after.get(name), f"{path}[{name}]")
        return
    before_texts, after_texts = _texts(old), _texts(new)
    if len(set(before_texts)) < len(old) or len(set(after_texts)) < len(new):
        yield _leaf(old, new, path)
        return
    gone = [text for text in before_texts if text not in set(after_texts)]
    come = [text for text in after_texts if text not in set(before_texts)]
    if not gone and not come:
        yield _leaf(old, new, path)
    for text in gone:
        yield FieldChange(f"{path}[]", _short(text), "")
    for text in come:
        yield FieldChange(f"{path}[]", "", _short(text))


def _named(old: list[Any], new: list[Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return both lists by what names their objects, where one member names all of both."""
    both = [*old, *new]
    if not all(isinstance(item, Mapping) for item in both):
        return None
    for name in _NAMES:
        if all(isinstance(item.get(name), str) for item in both):
            before = {item[name]: item for item in old}
            after = {item[name]: item for item in new}
            if (len(before), len(after)) == (len(old), len(new)):
                return before, after
    return None


def _files(record: Record) -> dict[str, Any]:
    """Return the kept bytes by path; the native configuration is compared member by member."""
    return {
        str(artifact["path"]): {"sha256": artifact["sha256"], "sizeBytes": artifact["sizeBytes"]}
        for artifact in record.get("artifacts", ())
        if artifact["role"] != "native-config"
    }


def _texts(values: list[Any]) -> list[str]:
    return [_text(value) for value in values]


def _leaf(old: Any, new: Any, path: str) -> FieldChange:
    before, after = _text(old), _text(new)
    if _MASK in before or _MASK in after:
        return FieldChange(path, "", MASK_CHANGED)
    return FieldChange(path, _short(before), _short(after))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
