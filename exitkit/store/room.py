"""Bound what is held in memory of an estate, however many sources tell of it at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from exitkit.model.asset import Ref

MOST_BYTES = 64 * 1024 * 1024
WEIGHED = 16
"""One finding of so many is weighed, and stands for all of them."""


@dataclass(slots=True)
class Room:
    """So many bytes of findings may be in memory, of all that share this room."""

    most_bytes: int = MOST_BYTES
    _taken_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size_bytes: int) -> bool:
        """Take so many bytes, or nothing where fewer are left."""
        with self._lock:
            fits = self._taken_bytes + size_bytes <= self.most_bytes
            self._taken_bytes += size_bytes if fits else 0
            return fits

    def give_back(self, size_bytes: int) -> None:
        """Leave so many bytes to others."""
        with self._lock:
            self._taken_bytes -= size_bytes


@dataclass(slots=True)
class Share:
    """What one collection of findings takes of a room."""

    room: Room
    _taken_bytes: int = 0
    _seen: int = 0

    def holds(self, finding: Any) -> bool:
        """Tell whether there is room for one more."""
        self._seen += 1
        if self._seen % WEIGHED != 1:
            return True
        size_bytes = WEIGHED * _size_bytes(finding)
        fits = self.room.take(size_bytes)
        self._taken_bytes += size_bytes if fits else 0
        return fits

    def leave(self) -> None:
        """Give all of it back."""
        self.room.give_back(self._taken_bytes)
        self._taken_bytes = 0


def _size_bytes(value: Any) -> int:
    """Return about what a value takes of memory, with all that is in it but names of members."""
    if isinstance(value, str | bytes):
        return 56 + len(value)
    if isinstance(value, Mapping):
        return 64 + sum(50 + _size_bytes(one) for one in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return 64 + sum(8 + _size_bytes(one) for one in value)
    if isinstance(value, Ref):
        # Mostly that of an asset, which is there anyway.
        return 100
    if is_dataclass(value):
        return 64 + sum(8 + _size_bytes(getattr(value, one.name)) for one in fields(value))
    return 0
