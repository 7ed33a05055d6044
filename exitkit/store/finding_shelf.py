"""Keep each finding once under its key, on disk where all of them have no room in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from exitkit.assess.references import Named
from exitkit.model.asset import Ref
from exitkit.model.identity import encodable
from exitkit.model.ledger import Call
from exitkit.model.verdict import Aspect, Draft, Gap
from exitkit.store.finding_lines import FindingLines, finding_of
from exitkit.store.line_base import LineBase
from exitkit.store.room import Room, Share
from exitkit.store.sieve import Sieve

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key(Generic[K, V]):
    """How findings are told apart: the key of one, its parts, and the key of such parts."""

    of: Callable[[V], K]
    parts: Callable[[K], Parts]
    whole: Callable[[Parts], K]


def _ref_parts(ref: Ref) -> Parts:
    return ref.provider, ref.scope, ref.region, ref.native_type, ref.native_id


def _aspect_of(finding: Draft | Gap) -> tuple[Ref, Aspect]:
    return finding.ref, finding.aspect


def _ledger_line(call: Call) -> Parts:
    line = call.source, call.scope, call.region, call.operation, call.binding
    return tuple(map(encodable, line))


BY_REF: Key[Ref, Any] = Key(attrgetter("ref"), _ref_parts, lambda parts: Ref(*parts))
BY_ASPECT: Key[tuple[Ref, Aspect], Draft | Gap] = Key(
    _aspect_of,
    lambda key: (*_ref_parts(key[0]), key[1].value),
    lambda parts: (Ref(*parts[:5]), Aspect(parts[5])),
)
BY_NAME: Key[str, Named] = Key(attrgetter("name"), lambda name: (name,), lambda parts: parts[0])
BY_URN: Key[str, Any] = Key(attrgetter("urn"), lambda urn: (urn,), lambda parts: parts[0])
BY_LEDGER_LINE: Key[Parts, Call] = Key(_ledger_line, lambda line: line, lambda parts: parts)


class Shelf(Mapping[K, V]):
    """A mapping in the order of first addition, as a dict is; `file` is made for want of room.

    Findings may be added, and replaced, while it is read.
    """

    def __init__(self, file: Path, room: Room, key: Key[K, V]) -> None:
        self._file, self._key = file, key
        self._share = Share(room)
        self._held: dict[K, V] = {}
        self._lines = FindingLines(file.with_suffix(".bodies"))
        self._base: LineBase | None = None
        self._sieve: Sieve | None = None

    def add(self, value: V) -> bool:
        """Keep a finding unless its key has one; tell whether it was kept."""
        key = self._key.of(value)
        if base := self._base_for(key, value):
            return base.add(self._bytes(key), self._lines.line(value))
        return self._held.setdefault(key, value) is value

    def put(self, value: V) -> None:
        """Keep a finding in place of what its key had."""
        key = self._key.of(value)
        if base := self._base_for(key, value):
            base.put(self._bytes(key), self._lines.line(value))
        else:
            self._held[key] = value

    def held_for(self, value: V) -> V | None:
        """Return what is kept under the key of a finding, None where nothing is."""
        return self.get(self._key.of(value))

    def discard(self, key: K) -> None:
        """Forget what a key has."""
        if self._base is None:
            self._held.pop(key, None)
        else:
            self._base.discard(self._bytes(key))

    def __getitem__(self, key: K) -> V:
        if self._base is None:
            return self._held[key]
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...
    @overload
    def get(self, key: K, default: T) -> V | T: ...
    def get(self, key: K, default: V | T | None = None) -> V | T | None:
        """Return what is kept under a key."""
        if self._base is None:
            return self._held.get(key, default)
        line = self._base.get(self._bytes(key)) if self._may_have(key) else None
        return default if line is None else finding_of(line)

    def __contains__(self, key: Any) -> bool:
        if self._base is None:
            return key in self._held
        return self._may_have(key) and self._base.has(self._bytes(key))

    def __len__(self) -> int:
        return len(self._held) if self._base is None else self._base.count()

    def __iter__(self) -> Iterator[K]:
        if self._base is None:
            return iter(list(self._held))
        return (self._key.whole(_parts_of(key)) for key in self._base.every_key())

    def values(self) -> ValuesView[V]:
        """Return all findings, to be gone through any number of times."""
        return _Values(self, self._all)

    def in_order(self) -> Iterator[V]:
        """Yield all findings in the order of their keys."""
        if self._base is None:
            return iter([self._held[key] for key in sorted(self._held, key=self._key.parts)])
        return map(finding_of, self._base.sorted_lines())

    def close(self) -> None:
        """Let go of the file."""
        if self._base is not None:
            self._base.close()

    def _all(self) -> Iterator[V]:
        if self._base is None:
            return iter(list(self._held.values()))
        return map(finding_of, self._base.every_line())

    def _base_for(self, key: K, value: V) -> LineBase | None:
        """Return where a finding has to go; None where there is room in memory."""
        if self._base is None and key not in self._held and not self._share.holds(value):
            self._base, self._sieve = LineBase(self._file), Sieve()
            for key_held, held in self._held.items():
                self._sieve.add(key_held)
                self._base.add(self._bytes(key_held), self._lines.line(held))
            self._held = {}
            self._share.leave()
        if self._sieve is not None:
            self._sieve.add(key)
        return self._base

    def _may_have(self, key: K) -> bool:
        return self._sieve is not None and self._sieve.may_have(key)

    def _bytes(self, key: K) -> bytes:
        return _bytes_of(self._key.parts(key))


class _Values(ValuesView[V]):
    def __init__(self, shelf: Shelf[Any, V], values: Callable[[], Iterator[V]]) -> None:
        super().__init__(shelf)
        self._each = values

    def __iter__(self) -> Iterator[V]:
        return self._each()


def _bytes_of(parts: Iterable[str]) -> bytes:
    """Return bytes that sort as the parts do, and that no other parts have."""
    # No UTF-8 holds FF: it marks a zero that a hostile name brought along.
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return b"".join(part.replace(b"\0", b"\0\xff") + b"\0" for part in encoded)


def _parts_of(key: bytes) -> Parts:
    parts = re.split(rb"\0(?!\xff)", key)[:-1]
    return tuple(part.replace(b"\0\xff", b"\0").decode("utf-8", "surrogatepass") for part in parts)
