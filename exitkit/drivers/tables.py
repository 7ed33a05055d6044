"""Read the tables that people export: CSV, JSON, Excel and OpenDocument, within limits."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exitkit.errors import CannotRun, InputError

LARGEST_FILE_BYTES = 64 * 1024 * 1024
LARGEST_UNPACKED_BYTES = 512 * 1024 * 1024
MOST_ROWS = 500_000
LONGEST_CELL = 10_000
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")

Row = tuple[int, dict[str, str]]
"""The row's number as the file's own program shows it, and its cells by heading."""


def read_table(path: Path, sheet: str = "") -> Iterator[Row]:
    """Yield the rows below the headings; an InputError says in one line what is wrong.

    `sheet` names one of a workbook's sheets; the first is read where it is empty.
    """
    if not path.is_file():
        raise InputError(f"{path.name}: no such file; correct the path in exitkit.yaml")
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise InputError(f"{path.name}: larger than {LARGEST_FILE_BYTES} bytes; split it")
    suffix = path.suffix.lower()
    if suffix == ".json":
        rows = _json_rows(path)
    elif suffix in WORKBOOKS:
        rows = _below_headings(path, _workbook(path, sheet))
    else:
        rows = _below_headings(path, _csv(path))
    for count, row in enumerate(rows):
        if count >= MOST_ROWS:
            raise InputError(f"{path.name}: more than {MOST_ROWS} rows; split it")
        yield row


def _below_headings(path: Path, lines: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    _, headings = next(lines, (0, list[str]()))
    headings = [heading.strip() for heading in headings]
    named = [heading for heading in headings if heading]
    if not named:
        raise InputError(f"{path.name}: no headings in its first row; add them")
    twice = next((heading for heading in named if named.count(heading) > 1), "")
    if twice:
        raise InputError(f"{path.name}: two columns are called {twice!r}; rename one")
    for number, cells in lines:
        filled = zip(headings, cells, strict=False)
        row = {heading: cell.strip()[:LONGEST_CELL] for heading, cell in filled if heading}
        if any(row.values()):
            yield number, row


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from None
    first = text.partition("\n")[0]
    delimiter = max((";", ",", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{path.name}:{reader.line_num}: {error}; export it again") from None


def _json_rows(path: Path) -> Iterator[Row]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise InputError(f"{path.name}: not JSON; export it again") from None
    rows = document
    if isinstance(document, dict):
        # ServiceNow says `result`, others `items`, `records`, `data`.
        rows = next((part for part in document.values() if isinstance(part, list)), None)
    if not isinstance(rows, list):
        raise InputError(f"{path.name}: no list of objects in it; export the records")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield number, {str(key): _text(value) for key, value in row.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        # ServiceNow writes references as {"value": ..., "display_value": ...}.
        value = value.get("display_value") or value.get("value") or json.dumps(value)
    return str(value)[:LONGEST_CELL]


def _workbook(path: Path, sheet: str) -> Iterator[tuple[int, list[str]]]:
    try:
        import python_calamine
    except ModuleNotFoundError:
        raise CannotRun(
            f"{path.name}: python-calamine is not installed;"
            " pip install 'exitkit-reversibility[tables]'"
        ) from None
    _refuse_bombs(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if sheet and sheet not in names:
            raise InputError(f"{path.name}: no sheet {sheet!r}; there are {', '.join(names)}")
        cells = book.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise InputError(f"{path.name}: not a workbook that can be read ({error})") from None
    for number, row in enumerate(cells, start=1):
        yield number, [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _refuse_bombs(path: Path) -> None:
    """Refuse a workbook that unpacks to more than anybody's register is."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        size = sum(part.file_size for part in packed.infolist())
    if size > LARGEST_UNPACKED_BYTES:
        raise InputError(f"{path.name}: unpacks to more than {LARGEST_UNPACKED_BYTES} bytes")
