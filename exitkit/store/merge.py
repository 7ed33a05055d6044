"""Walk two sorted tables side by side and hand out only the lines that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from exitkit.errors import InvalidBundle
from exitkit.store.canonical import LONGEST_LINE

_PREFIX = b'{"@id":"urn:uuid:'
_KEY_BYTES = len(_PREFIX) + 37
_END = b"\xff"
_BLOCK_BYTES = 1 << 20
_LONGEST_RUN = 1 << 18
_USUAL_RUN = 1 << 15
_SHORTEST_RUN = 1 << 12

Pair = tuple[bytes, bytes]


def differing(
    old: BinaryIO, new: BinaryIO, table: str, wanted: Iterable[bytes] = ()
) -> Iterator[Pair]:
    """Yield (old line, new line) wherever two tables differ, one empty where there is no such id.

    Both are in the order of their ids, each id once, as every table of a bundle is: an
    InvalidBundle says where lines that differ are not. Lines with the keys of `wanted` (of
    `key_of`, in order) are handed out although they are equal. No line has its LF.
    """
    left, right = _Side(old, table), _Side(new, table)
    wants = iter(wanted)
    want = next(wants, _END)
    length, narrowing = _USUAL_RUN, False
    while left.fill() and right.fill():
        # Equal runs are compared at the speed of memory, longer and longer; the line that differs
        # is found by halving, so that a change costs a few steps.
        run = left.equal_run(right, length)
        if run > 0:
            first = left.at
            left.skip(run)
            right.skip(run)
            while want <= left.last:
                line = left.line_of(want, first)
                if line:
                    yield line, line
                want = next(wants, _END)
            length = max(length // 2, _SHORTEST_RUN) if narrowing else 2 * length
            length = min(length, _LONGEST_RUN)
        elif run == 0 and not narrowing and length < _LONGEST_RUN:
            # Never while narrowing: one long line before the change would be halved and doubled
            # for ever.
            length *= 2
        elif run < 0 and length > _SHORTEST_RUN:
            length, narrowing = length // 2, True
        else:
            while want < min(left.key, right.key):
                want = next(wants, _END)
            yield from _step(left, right, want)
            length, narrowing = _USUAL_RUN, False
    while left.fill():
        yield left.take(), b""
    while right.fill():
        yield b"", right.take()


def key_of(asset_id: str) -> bytes:
    """Return what the line of this `@id` begins with."""
    return b'{"@id":"' + asset_id.encode() + b'"'


def _step(left: _Side, right: _Side, want: bytes) -> Iterator[Pair]:
    """Take the line that comes first, or both where they are of one id."""
    key = left.key
    if key < right.key:
        yield left.take(), b""
    elif key > right.key:
        yield b"", right.take()
    else:
        pair = left.take(), right.take()
        if pair[0] != pair[1] or key == want:
            yield pair


@dataclass(slots=True)
class _Side:
    """What is left of one table: `held` from `at` on, then the stream; `last` key was taken last.

    After `fill` there is at least one whole line from `at` on.
    """

    stream: BinaryIO
    table: str
    last: bytes = b""
    held: bytes = b""
    at: int = 0
    _end: int = 0

    def fill(self) -> bool:
        """Tell whether there is a line left, after reading on where need be."""
        while self._end <= self.at:
            rest = self.held[self.at :]
            if len(rest) > LONGEST_LINE:
                raise InvalidBundle(f"{self.table}: a line longer than {LONGEST_LINE} bytes")
            block = self.stream.read(_BLOCK_BYTES)
            if not block:
                if not rest:
                    return False
                block = b"\n"
            self.held, self.at = rest + block, 0
            self._end = self.held.rfind(b"\n") + 1
        return True

    def equal_run(self, other: _Side, length: int) -> int:
        """Return how many bytes of whole lines are equal within the next `length`; -1 if none is.

        0 says that all bytes are equal and that no line ends within them.
        """
        length = min(length, self._end - self.at, other._end - other.at)
        here = self.held[self.at : self.at + length]
        if here != other.held[other.at : other.at + length]:
            return -1
        return here.rfind(b"\n") + 1

    def skip(self, length: int) -> None:
        self._follow(self.key)
        self.at += length
        start = self.held.rfind(b"\n", 0, self.at - 1) + 1
        if start > self.at - length:
            self._follow(self.held[start : start + _KEY_BYTES])

    def line_of(self, key: bytes, first: int) -> bytes:
        """Return the line that begins with `key`, between `first` and here."""
        start = first
        if not self.held.startswith(key, first):
            found = self.held.find(b"\n" + key, first, self.at)
            if found < 0:
                return b""
            start = found + 1
        return self.held[start : self.held.index(b"\n", start)]

    @property
    def key(self) -> bytes:
        return self.held[self.at : self.at + _KEY_BYTES]

    def take(self) -> bytes:
        self._follow(self.key)
        end = self.held.index(b"\n", self.at)
        line = self.held[self.at : end]
        self.at = end + 1
        return line

    def _follow(self, key: bytes) -> None:
        if not key.startswith(_PREFIX) or not key.endswith(b'"'):
            raise InvalidBundle(
                f"{self.table}: a line that does not begin with an id; run 'exitkit verify'"
            )
        if key <= self.last:
            raise InvalidBundle(f"{self.table}: lines out of order or twice; run 'exitkit verify'")
        self.last = key
