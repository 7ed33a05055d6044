"""Check that a table opens in a spreadsheet as the text it is."""

from __future__ import annotations

import csv

import pytest

from exitkit.report.csv_table import csv_lines


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_name_is_run_as_a_formula(start: str) -> None:
    *_, line = csv_lines(["name"], [[f'{start}HYPERLINK("http://127.0.0.1","x")']])
    assert next(csv.reader([line]))[0] == f'\'{start}HYPERLINK("http://127.0.0.1","x")'


def test_commas_quotes_and_line_ends_stay_within_their_cell() -> None:
    cells = ['a,b "c"\nd', "7"]
    text = "".join(csv_lines(["what", "number"], [cells]))
    assert list(csv.reader(text.splitlines(keepends=True))) == [["what", "number"], cells]
