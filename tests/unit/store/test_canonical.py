"""Hold canonical bytes against the RFC's own reference implementation and against rubbish."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from exitkit.errors import InvalidBundle, PluginError
from exitkit.store.canonical import canonical_bytes, instant, parse_line, storable, timestamp

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=30
)
ANYTHING = st.recursive(
    SCALARS | st.floats() | st.integers() | st.binary() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_the_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(VALUES)
def test_what_was_written_is_read_again(value: Any) -> None:
    assert parse_line(canonical_bytes(value)) == value


@given(ANYTHING)
def test_anything_can_be_made_storable_and_stays_so(value: Any) -> None:
    kept = storable(value)
    canonical_bytes(kept)
    assert storable(kept) == kept


@pytest.mark.parametrize("value", [1.0, 2**53, -(2**53), {"a": 1.5}, {1: 2}, "\ud800", b"x"])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(PluginError):
        canonical_bytes(value)


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"1.0", b"1e3", b"NaN", b"-0",
     b"9007199254740992", b'"\\u0041"', b'"\xff"', b"[" * 100_000, b"[" * 65 + b"]" * 65,
     b'"\\ud800"', b" 1", b"9" * 5000],
)  # fmt: skip
def test_a_line_that_is_not_canonical_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidBundle):
        parse_line(line)


def test_a_line_longer_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(InvalidBundle, match="16777217 bytes"):
        parse_line(b"x" * (16 * 1024 * 1024 + 1))


def test_instants_are_utc_to_the_millisecond() -> None:
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    moment = dt.datetime(2026, 11, 22, 15, 0, 0, 123999, tzinfo=zone)
    assert timestamp(moment) == "2026-11-22T09:30:00.123Z"
    assert instant(timestamp(moment)) == moment.replace(microsecond=123000)


def test_an_instant_without_a_zone_is_a_bug() -> None:
    with pytest.raises(PluginError, match="without a zone"):
        timestamp(dt.datetime(2026, 1, 1))  # noqa: DTZ001
