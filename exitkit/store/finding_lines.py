"""Write a finding as one line and read it back the same, for what does not fit in memory."""

from __future__ import annotations

import datetime as dt
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from exitkit.assess.references import Named
from exitkit.errors import PluginError
from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Call
from exitkit.model.verdict import Draft, Gap
from exitkit.store.canonical import storable

Reader = Callable[[Any], Any]
KINDS = (Asset, Relation, Call, Draft, Gap, Access, License, Automation, Dataset, Named)
_APART = "config"
"""The member of an asset that stands behind the others, for it is not of our making."""
_DECODE = json.JSONDecoder().decode
_BY_NAME = {kind.__name__: kind for kind in KINDS}


class FindingLines:
    """Turns findings into lines without an LF, and back; `folder` takes the bytes of contents.

    Such a body stands in a file from then on, as one that an extractor left in the spool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies = 0
        self._encode = json.JSONEncoder(default=self._plain, separators=(",", ":")).encode

    def line(self, finding: Any) -> bytes:
        """Return the line of a finding."""
        name = type(finding).__name__
        if name not in _BY_NAME:
            raise PluginError(f"a plugin yielded {name}")
        try:
            line = self._encode([name, finding])
            if isinstance(finding, Asset):
                # What no provider answers in JSON becomes what the bundle will hold of it.
                line += "\t" + json.dumps(dict(finding.config), default=storable)
        except (TypeError, ValueError, RecursionError) as error:
            raise PluginError(f"{name}: {error}; a plugin must yield what JSON can hold") from error
        return line.encode()

    def _plain(self, value: Any) -> Any:
        """Return what JSON can hold of a value that it cannot."""
        if is_dataclass(value) and not isinstance(value, type):
            kind: type = type(value)
            return [getattr(value, name) for name in _names(kind) if name != _APART]
        if isinstance(value, bytes):
            return self._body(value)
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, frozenset):
            return sorted(value)
        if isinstance(value, Mapping):
            return dict(value)
        return str(value)

    def _body(self, body: bytes) -> str:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._bodies += 1
        path = self._folder / f"{self._bodies:08}"
        path.write_bytes(body)
        return str(path)


def finding_of(line: bytes) -> Any:
    """Return the finding of a line that `FindingLines` wrote."""
    head, _, config = line.partition(b"\t")
    name, values = _DECODE(head.decode())
    if config:
        values.insert(_names(Asset).index(_APART), _DECODE(config.decode()))
    return _dataclass_reader(_BY_NAME[name])(values)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _reader(hint: Any) -> Reader:
    """Return what makes a value of a type from what JSON held of it."""
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_reader(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return _union_reader(get_args(hint))
    if get_origin(hint) is tuple:
        return _tuple_reader(get_args(hint))
    if get_origin(hint) is frozenset:
        return frozenset
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if hint is dt.date or hint is dt.datetime:
        return dt.date.fromisoformat if hint is dt.date else dt.datetime.fromisoformat
    return _same


def _same(value: Any) -> Any:
    return value


@cache
def _dataclass_reader(kind: type) -> Reader:
    hints = get_type_hints(kind)
    readers = enumerate(_reader(hints[name]) for name in _names(kind))
    changing = [(place, read) for place, read in readers if read is not _same]

    def read_all(values: list[Any]) -> Any:
        for place, read in changing:
            values[place] = read(values[place])
        return kind(*values)

    return read_all


def _union_reader(hints: tuple[Any, ...]) -> Reader:
    if set(hints) == {bytes, Path}:
        return Path
    (some,) = (hint for hint in hints if hint is not types.NoneType)
    read = _reader(some)
    return lambda value: None if value is None else read(value)


def _tuple_reader(hints: tuple[Any, ...]) -> Reader:
    if hints[-1] is not ...:
        readers = [_reader(hint) for hint in hints]
        return lambda values: tuple(read(one) for read, one in zip(readers, values, strict=True))
    read = _reader(hints[0])
    if read is _same:
        return tuple
    return lambda values: tuple(map(read, values))
