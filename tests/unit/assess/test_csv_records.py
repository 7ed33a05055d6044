"""Take CSV apart without losing a byte."""

from __future__ import annotations

import pytest

from exitkit.assess.csv_records import changed_columns, keyed, records

TEXT = b'id,note\n1,"line one\nline ""two"""\n2,\n3,""\n4,"a\rb"\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_records_are_the_same_whatever_the_chunks(size: int) -> None:
    chunks = [TEXT[start : start + size] for start in range(0, len(TEXT), size)]
    found = list(records(chunks))
    assert b"".join(found) == TEXT
    assert len(found) == 5
    assert found[1] == b'1,"line one\nline ""two"""\n'


def test_a_stream_cut_short_keeps_its_last_record() -> None:
    assert list(records([b"id\n1\n2"])) == [b"id\n", b"1\n", b"2"]


def test_rows_without_a_key_are_counted() -> None:
    stream = [b"a,b\n", b"1,2\n", b"1,2\n"]
    found = keyed(stream, ("a", "b"), ("a", "b"))
    assert found == {("1", "2"): (b"1,2\n", b"1,2\n")}
    assert changed_columns(("a", "b"), found["1", "2"], [b"1,2\n"]) == "2 times before, 1 times now"


def test_a_difference_names_columns_and_no_values() -> None:
    assert changed_columns(("id", "pin"), [b"1,1234\n"], [b"1,9999\n"]) == "column pin"


def test_empty_against_missing_is_a_difference() -> None:
    assert changed_columns(("id", "note"), [b'1,""\n'], [b"1,\n"]) == "empty against missing"
