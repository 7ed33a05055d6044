"""Take CSV apart record by record, byte for byte, so that one changed row can be named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

csv.field_size_limit(2**31 - 1)  # a value of a database may be longer than the default of 128 KiB


def records(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the records of a CSV stream as they are, header first, line ends included."""
    pending = b""
    for chunk in chunks:
        whole, pending = pending + chunk, b""
        for line in _split(whole):
            pending += line
            # A record is whole where its line ends outside quotes.
            if pending.endswith(b"\n") and pending.count(b'"') % 2 == 0:
                yield pending
                pending = b""
    if pending:
        yield pending


def keyed(
    stream: Iterable[bytes], columns: Sequence[str], key: Sequence[str]
) -> dict[tuple[str, ...], tuple[bytes, ...]]:
    """Map the key of each record after the header to it; equal keys are kept side by side."""
    places = [columns.index(name) for name in key]
    found: dict[tuple[str, ...], tuple[bytes, ...]] = {}
    for number, record in enumerate(stream):
        if number:
            values = _values(record)
            place = tuple(values[index] for index in places)
            found[place] = (*found.get(place, ()), record)
    return found


def changed_columns(
    columns: Sequence[str], expected: Sequence[bytes], actual: Sequence[bytes]
) -> str:
    """Name the columns whose values differ; the values themselves may be secret."""
    if len(expected) != len(actual):
        return f"{len(expected)} times before, {len(actual)} times now"
    names = [
        name
        for before, now in zip(expected, actual, strict=True)
        for name, old, new in zip(columns, _values(before), _values(now), strict=False)
        if old != new
    ]
    return f"column {', '.join(dict.fromkeys(names))}" if names else "empty against missing"


def _split(text: bytes) -> Iterator[bytes]:
    # Not splitlines(): a carriage return within a value ends no record.
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    if start < len(text):
        yield text[start:]


def _values(record: bytes) -> list[str]:
    text = record.decode("utf-8", "replace")
    return next(csv.reader(io.StringIO(text, newline="")), [])
