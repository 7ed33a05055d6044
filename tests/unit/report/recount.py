"""Collect the linked numbers of a page, and make each again from raw records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any


class Numbers(HTMLParser):
    """Collect every linked number, every id, and every number that has no link."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[dict[str, str]] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            assert found["id"] not in self.ids, found["id"]
            self.ids.add(found["id"])
        if "data-number" in found:
            self.numbers.append(found)


def read(page: bytes) -> Numbers:
    numbers = Numbers()
    numbers.feed(page.decode())
    return numbers


def member(record: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(record, list):
            record = record[int(part)]
        else:
            record = record.get(part) if isinstance(record, dict) else None
    return record


def spoken(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def recount(origin: Mapping[str, Any], tables: Mapping[str, Sequence[Any]]) -> str:
    rows = [
        row
        for row in tables[origin["table"]]
        if all(spoken(member(row, path)) in accepted for path, accepted in origin["where"])
    ]
    found = [member(row, origin["field"]) for row in rows] if origin["field"] else []
    match origin["measure"]:
        case "count":
            return str(len(rows))
        case "length":
            return str(sum(len(value or ()) for value in found))
        case "value":
            assert len(rows) == 1, f"{len(rows)} rows hold the number"
            return spoken(found[0])
    raise AssertionError(origin["measure"])
