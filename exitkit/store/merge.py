"""Walk two sorted tables side by side and hand out only the lines that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exitkit.errors import InvalidBundle

_PREFIX = b'{"@id":"urn:uuid:'
KEY_BYTES = len(_PREFIX) + 37
"""A canonical record line begins with its `@id`, which ends here, quote included."""
_END = b"\xff"

Pair = tuple[bytes, bytes]


def differing(
    old: Iterator[bytes],
    new: Iterator[bytes],
    table: str,
    wanted: Iterable[bytes] = (),
) -> Iterator[Pair]:
    """Yield (old line, new line) wherever two tables differ, one empty where there is no such id.

    Both must be in the order of their ids, each id once, as every table of a bundle is: an
    InvalidBundle says where one is not. Lines with the keys of `wanted`, in order, are handed out
    although they are equal.
    """
    a, b = next(old, b""), next(new, b"")
    key_a, key_b = _key(a, table), _key(b, table)
    wants = iter(wanted)
    want = next(wants, _END)
    while a or b:
        if key_a == key_b:
            while want < key_a:
                want = next(wants, _END)
            if a != b or want == key_a:
                yield a, b
            a, b = next(old, b""), next(new, b"")
            key_a, key_b = _after(key_a, a, table), _after(key_b, b, table)
        elif key_a < key_b:
            yield a, b""
            a = next(old, b"")
            key_a = _after(key_a, a, table)
        else:
            yield b"", b
            b = next(new, b"")
            key_b = _after(key_b, b, table)


def key_of(asset_id: str) -> bytes:
    """Return the key that the line of this `@id` begins with."""
    return b'{"@id":"' + asset_id.encode() + b'"'


def _key(line: bytes, table: str) -> bytes:
    if not line:
        return _END
    key = line[:KEY_BYTES]
    if not key.startswith(_PREFIX) or not key.endswith(b'"'):
        raise InvalidBundle(f"{table}: a line that does not begin with an id; run 'exitkit verify'")
    return key


def _after(before: bytes, line: bytes, table: str) -> bytes:
    key = line[:KEY_BYTES] or _END
    if key <= before:
        raise InvalidBundle(f"{table}: lines out of order or twice; run 'exitkit verify'")
    return key
