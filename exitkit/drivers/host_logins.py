"""Read when each user of a host logged in last, and from where, out of the host's own logs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Files = Mapping[str, str]
Row = dict[str, Any]
COMMANDS = ("last-login", "last-login-2", "sessions")
"""Commands of hosts.yaml that tell it; not every system has each of them."""
NOBODY = ("0.0.0.0", "::", "")  # noqa: S104  an address that utmp holds for none
_LAST = re.compile(
    r"^(?P<name>\S+)\s+(?:(?P<port>\S+)\s+)?(?:(?P<origin>\S+)\s+)??"
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) "
    r"[\d:]{8} [+-]\d{4} (?P<year>\d{4})\s*$",
    re.MULTILINE,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SESSION = re.compile(
    r"^\[7\] \[\d+\] \[[^\]]*\] \[(?P<name>[^\]\s]+) *\] \[[^\]]*\] "
    r"\[(?P<origin>[^\]\s]*) *\] \[(?P<address>[^\]\s]*) *\] \[(?P<day>\d{4}-\d\d-\d\d)T",
    re.MULTILINE,
)


def last_logins(files: Files) -> Iterator[Row]:
    """The lines of `lastlog`; a user who never logged in has none."""
    for text in files.values():
        for found in _LAST.finditer(text):
            if found["month"] in _MONTHS:
                month = _MONTHS.index(found["month"]) + 1
                on = f"{found['year']}-{month:02d}-{int(found['day']):02d}"
                yield _row(found["name"], on, found["origin"] or "")


def sessions(files: Files) -> Iterator[Row]:
    """The last session of each user in the log of sessions, as `utmpdump` prints it."""
    last: dict[str, Row] = {}
    for text in files.values():
        for found in _SESSION.finditer(text):
            row = _row(found["name"], found["day"], found["origin"] or found["address"])
            if row["last_login_on"] >= last.get(row["name"], row)["last_login_on"]:
                last[row["name"]] = row
    yield from last.values()


def last_login_of(rows: Iterable[Row]) -> dict[str, Row]:
    """Return the latest row of each user, whichever log it comes from."""
    last: dict[str, Row] = {}
    for row in rows:
        if _day(row) and row["last_login_on"] >= last.get(row["name"], row)["last_login_on"]:
            last[row["name"]] = row
    return last


def last_login_days(rows: Iterable[Row]) -> dict[str, dt.date]:
    """Return the day on which each user logged in last."""
    days = {name: _day(row) for name, row in last_login_of(rows).items()}
    return {name: day for name, day in days.items() if day}


def _row(name: str, day: str, origin: str) -> Row:
    return {
        "name": name, "last_login_on": day,
        **({"last_login_from": origin} if origin not in NOBODY else {}),
    }  # fmt: skip


def _day(row: Row) -> dt.date | None:
    try:
        return dt.date.fromisoformat(row["last_login_on"])
    except ValueError:
        return None
