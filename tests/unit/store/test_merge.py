"""Check that two sorted tables give up exactly what differs, and that a lie about order shows."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exitkit.errors import InvalidBundle
from exitkit.store.merge import differing, key_of

NUMBERS = st.dictionaries(st.integers(0, 40), st.integers(0, 1), max_size=40)


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-8000-8000-{number:012d}"


class Slow(io.BytesIO):
    """A file that hands out few bytes at a time, as if every block ended in the midst of a line."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 1, 71))


def stream(lines: list[bytes], *, slow: bool = False) -> io.BytesIO:
    body = b"".join(line + b"\n" for line in lines)
    return Slow(body) if slow else io.BytesIO(body)


def table(rows: dict[int, int]) -> list[bytes]:
    return [b'{"@id":"%s","n":%d}' % (urn(key).encode(), rows[key]) for key in sorted(rows)]


@settings(max_examples=300)
@given(NUMBERS, NUMBERS, st.sets(st.integers(0, 45)), st.booleans())
def test_what_differs_and_what_is_wanted_is_handed_out_once_and_in_order(
    old: dict[int, int], new: dict[int, int], wanted: set[int], slow: bool
) -> None:
    keys = (key_of(urn(key)) for key in sorted(wanted))
    found = list(differing(stream(table(old), slow=slow), stream(table(new)), "t", keys))
    expected = []
    for key in sorted(old.keys() | new.keys()):
        a = table({key: old[key]})[0] if key in old else b""
        b = table({key: new[key]})[0] if key in new else b""
        if a != b or key in wanted:
            expected.append((a, b))
    assert found == expected


@given(NUMBERS)
def test_a_table_differs_from_itself_in_nothing(rows: dict[int, int]) -> None:
    assert list(differing(stream(table(rows)), stream(table(rows), slow=True), "t")) == []


@pytest.mark.parametrize("rows", [[2, 1], [1, 1]])
def test_lines_out_of_order_or_twice_are_refused(rows: list[int]) -> None:
    lines = [table({number: 0})[0] for number in rows]
    other = table({3: 0})
    for old, new in ((lines, other), (other, lines), (lines, lines)):
        with pytest.raises(InvalidBundle, match="out of order"):
            list(differing(stream(old), stream(new), "t"))


def test_a_line_without_an_id_is_refused() -> None:
    with pytest.raises(InvalidBundle, match="does not begin with an id"):
        list(differing(stream([b'{"a":1}']), stream([]), "t"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 5_000, 40_000, 300_000]), st.booleans()), max_size=9))
def test_lines_longer_than_a_step_of_the_walk_are_compared_too(
    rows: list[tuple[int, bool]],
) -> None:
    pairs = []
    for number, (size, changed) in enumerate(rows):
        line = b'{"@id":"%s","v":"%s"}' % (urn(number).encode(), b"x" * size)
        pairs.append((line, line.replace(b'"}', b'y"}') if changed else line))
    found = differing(stream([a for a, _ in pairs]), stream([b for _, b in pairs]), "t")
    assert list(found) == [(a, b) for a, b in pairs if a != b]
