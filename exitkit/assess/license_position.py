"""Say of every license whether it may come along, what is due before the exit, and what lapses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.dates import Period, shift
from exitkit.assess.license_metrics import THINGS, Measured, Use, measure

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Position:
    """One license before a planned exit.

    `measured` is its use in the unit of its metric. `schedule` are the fields of its agreement that
    the record has no member for. `due` are the things to do or to know, in words; `findings` those
    of them that leave the customer without a license before the exit: it lapses, or more is in use
    than was bought.
    """

    record: Record
    measured: Measured
    notice_on: dt.date | None
    expires_on: dt.date | None
    due: tuple[str, ...]
    findings: tuple[str, ...] = ()
    schedule: Mapping[str, str] = field(default_factory=dict)

    @property
    def used(self) -> int | None:
        """How much is in use; None where nobody measured."""
        return self.measured.used

    @property
    def page(self) -> str:
        """Where the agreement says so."""
        return self.schedule.get("page", "")


def positions(
    licenses: Iterable[Record],
    relations: Iterable[Record],
    exit_on: dt.date | None,
    today: dt.date,
    use: Use | None = None,
) -> list[Position]:
    """Return every license, those with something due first; `exit_on` is the planned exit."""
    use = use or Use()
    tied: dict[str, set[str]] = {}
    for row in relations:
        if row["relation"] == "licensedBy":
            tied.setdefault(str(row["to"]), set()).add(str(row["from"]))
    found = [_position(row, tied.get(str(row["asset"])), use, exit_on, today) for row in licenses]
    return sorted(found, key=lambda one: (not one.due, str(one.record["product"]).lower()))


def _position(
    row: Record, tied: set[str] | None, use: Use, exit_on: dt.date | None, today: dt.date
) -> Position:
    measured = measure(row, tied, use)
    schedule = use.schedule.get(str(row["asset"]), {})
    expires_on, notice_on = _day(row, "expirationDate"), _day(row, "noticeDate")
    days = row.get("noticeDays")
    if isinstance(days, int) and exit_on:
        # The record may count back from the expiry; notice is due before the earlier of the two.
        counted = shift(exit_on, Period(days=-days))
        notice_on = min(notice_on, counted) if notice_on else counted
    renews = schedule.get("auto_renewal", "").casefold() == "yes"
    lapse = tuple(_lapse(expires_on, exit_on, today, renews=renews))
    shortage = tuple(_shortage(row, measured))
    due = (
        *lapse, *_notice(notice_on, today), *_transfer(row, schedule, exit_on), *shortage,
        *_unmeasured(measured),
    )  # fmt: skip
    findings = (*(() if renews else lapse), *shortage)
    return Position(row, measured, notice_on, expires_on, due, findings, schedule)


def _lapse(
    expires_on: dt.date | None, exit_on: dt.date | None, today: dt.date, *, renews: bool
) -> Iterator[str]:
    if not expires_on:
        return
    if expires_on < today:
        word = "renewed by itself on" if renews else "lapsed on"
        yield f"{word} {expires_on}{': write down its new end' if renews else ''}"
    elif exit_on and expires_on < exit_on:
        word = "renews by itself on" if renews else "lapses on"
        yield f"{word} {expires_on}, before the exit on {exit_on}"


def _notice(notice_on: dt.date | None, today: dt.date) -> Iterator[str]:
    if notice_on and notice_on < today:
        yield f"notice was due on {notice_on}"
    elif notice_on:
        yield f"notice by {notice_on}"


def _transfer(row: Record, schedule: Mapping[str, str], exit_on: dt.date | None) -> Iterator[str]:
    transferable = str(row["transferable"])
    if transferable == "no":
        yield "may not come along: buy one for the target"
        return
    if transferable == "with-consent":
        yield f"needs the consent of {row.get('publisher') or 'the publisher'}"
    elif transferable == "unknown":
        yield "nobody knows whether it may come along"
    lead_days = schedule.get("lead_time_days", "")
    if lead_days.isdecimal() and exit_on:
        begin = shift(exit_on, Period(days=-int(lead_days)))
        yield f"a transfer takes {lead_days} days: begin by {begin}"
    if schedule.get("transfer_fee"):
        money = f"{schedule['transfer_fee']} {schedule.get('currency', '')}".strip()
        yield f"a transfer costs {money}"


def _shortage(row: Record, measured: Measured) -> Iterator[str]:
    quantity = row.get("quantity")
    if measured.used is not None and isinstance(quantity, int) and 0 < quantity < measured.used:
        least = "at least " if measured.unmeasured else ""
        unit = "" if measured.unit == THINGS else f"{measured.unit} "
        yield f"{least}{measured.used} {unit}in use where {quantity} are bought"


def _unmeasured(measured: Measured) -> Iterator[str]:
    if measured.unmeasured:
        yield f"{measured.unmeasured} machines carry it whose cores nobody measured"


def _day(row: Record, member: str) -> dt.date | None:
    text = row.get(member)
    return dt.date.fromisoformat(str(text)) if text else None
