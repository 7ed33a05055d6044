"""Walk two sorted tables side by side and hand out only the lines that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase

from exitkit.errors import InvalidBundle
from exitkit.store.canonical import LONGEST_LINE

_PREFIX = b'{"@id":"urn:uuid:'
_KEY_BYTES = len(_PREFIX) + 37
_END = b"\xff"
_LF = 0x0A
_BLOCK_BYTES = 1 << 18
_STEP_BYTES = 1 << 15

Pair = tuple[bytes, bytes]


def differing(
    old: BufferedIOBase, new: BufferedIOBase, table: str, wanted: Iterable[bytes] = ()
) -> Iterator[Pair]:
    """Yield (old line, new line) wherever two tables differ, one empty where there is no such id.

    Both are in the order of their ids, each id once, as every table of a bundle is: an
    InvalidBundle says where lines that differ are not. Lines with the keys of `wanted` (of
    `key_of`, in order) are handed out although they are equal. No line has its LF.
    """
    left, right = _Side(old, table), _Side(new, table)
    wants = iter(wanted)
    want = next(wants, _END)
    while left.fill() and right.fill():
        first = left.at
        stopped = left.skip_equal(right)
        while want <= left.last:
            line = left.line_of(want, first)
            if line:
                yield line, line
            want = next(wants, _END)
        if stopped:
            while want < min(left.key, right.key):
                want = next(wants, _END)
            yield from _step(left, right, want)
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
    """What is left of one table: whole lines in `held` from `at` to `end`, then the stream.

    `last` is the key taken last. After `fill` there is at least one whole line. One buffer is
    filled again and again: for tables of gigabytes a new one each time costs as much as reading.
    """

    stream: BufferedIOBase
    table: str
    last: bytes = b""
    held: bytearray = field(default_factory=bytearray)
    at: int = 0
    end: int = 0
    _filled: int = 0

    def fill(self) -> bool:
        """Tell whether there is a line left, after reading on where need be."""
        while self.end <= self.at:
            rest = self._filled - self.at
            if rest > LONGEST_LINE:
                raise InvalidBundle(f"{self.table}: a line longer than {LONGEST_LINE} bytes")
            self.held[:rest] = self.held[self.at : self._filled]
            self.at, self.end, self._filled = 0, 0, rest
            if len(self.held) < rest + _BLOCK_BYTES:
                self.held.extend(bytes(rest + _BLOCK_BYTES))
            read = self._read_to(rest)
            if not read:
                if not rest:
                    return False
                self.held[rest] = _LF
                read = 1
            self._filled = rest + read
            self.end = self.held.rfind(b"\n", rest, self._filled) + 1
        return True

    def _read_to(self, start: int) -> int:
        with memoryview(self.held) as whole, whole[start : start + _BLOCK_BYTES] as free:
            return self.stream.readinto(free)

    def skip_equal(self, other: _Side) -> bool:
        """Skip the lines that are equal on both sides; tell whether lines that differ stopped it.

        Otherwise one of the sides has to read on.
        """
        within = min(self.end - self.at, other.end - other.at)
        equal = _equal_bytes(self.held, self.at, other.held, other.at, within)
        run = self.held.rfind(b"\n", self.at, self.at + equal) + 1 - self.at
        if run > 0:
            self.skip(run)
            other.skip(run)
        return equal < within

    def skip(self, length: int) -> None:
        self._follow(self.key)
        self.at += length
        start = self.held.rfind(b"\n", 0, self.at - 1) + 1
        if start > self.at - length:
            self._follow(bytes(self.held[start : start + _KEY_BYTES]))

    def line_of(self, key: bytes, first: int) -> bytes:
        """Return the line that begins with `key`, between `first` and here."""
        start = first
        if not self.held.startswith(key, first):
            found = self.held.find(b"\n" + key, first, self.at)
            if found < 0:
                return b""
            start = found + 1
        return bytes(self.held[start : self.held.index(b"\n", start)])

    @property
    def key(self) -> bytes:
        return bytes(self.held[self.at : min(self.at + _KEY_BYTES, self.end)])

    def take(self) -> bytes:
        self._follow(self.key)
        end = self.held.index(b"\n", self.at)
        line = bytes(self.held[self.at : end])
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


def _equal_bytes(a: bytearray, i: int, b: bytearray, j: int, within: int) -> int:
    """Return how many bytes from `a[i]` and `b[j]` on are equal, of `within` at most.

    Equal stretches are compared at the speed of memory; the first byte that differs is found by
    halving the stretch that has it.
    """
    equal, size = 0, _STEP_BYTES
    while equal < within:
        size = min(size, within - equal)
        if a[i + equal : i + equal + size] != b[j + equal : j + equal + size]:
            break
        equal += size
    else:
        return within
    while size > 1:
        half = size // 2
        if a[i + equal : i + equal + half] == b[j + equal : j + equal + half]:
            equal += half
            size -= half
        else:
            size = half
    return equal
