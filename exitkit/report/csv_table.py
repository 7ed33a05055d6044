"""Write a table as CSV that a spreadsheet opens as text, whatever stands in its cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of an RFC 4180 table, headings first.

    A text that a spreadsheet would run as a formula gets an apostrophe before it: names in a
    bundle are somebody else's words.
    """
    yield _line(headings)
    for row in rows:
        yield _line([_harmless(cell) for cell in row])


def _harmless(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA):
        return f"'{cell}"
    return cell


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()
