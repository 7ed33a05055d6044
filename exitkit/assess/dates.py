"""Count the days of a contract as the law counts them, from named anchors."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice

from exitkit.errors import InputError
from exitkit.model.plan import Deadline

Holidays = Collection[dt.date]
_PERIOD = re.compile(
    r"(?P<sign>[+-]?)P(?=[\dT])(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<weeks>\d{1,9})W(?!D))?"
    r"(?:(?P<days>\d{1,9})D)?(?:(?P<working>\d{1,9})WD)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?"
)
_SATURDAY = 5
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Period:
    """An ISO 8601 period, with `WD` for working days as our own extension (`P14WD`).

    Every part has the sign of the whole, so that `-P21D` lies before its anchor.
    """

    months: int = 0
    days: int = 0
    working_days: int = 0
    seconds: int = 0

    @property
    def is_backward(self) -> bool:
        """Whether the period runs into the past."""
        return min(self.months, self.days, self.working_days, self.seconds) < 0

    def bounds_s(self) -> tuple[int, int]:
        """Return the shortest and the longest the period can be, in seconds.

        A month has 28 to 31 days, and working days may have weekends and holidays between them.
        """
        shortest, longest = _month_bounds(self.months)
        exact = self.days * _DAY_S + self.seconds
        bounds = (
            exact + shortest * _DAY_S + self.working_days * _DAY_S,
            exact + longest * _DAY_S + _longest_working(self.working_days) * _DAY_S,
        )
        return min(bounds), max(bounds)


def parse_period(text: str) -> Period:
    """Read `P30D`, `P2M`, `P14WD`, `PT4H`, `-P21D`; refuse anything else."""
    match = _PERIOD.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text!r} is not a period; write for example P30D, P2M or P14WD")
    sign = -1 if match["sign"] == "-" else 1
    part = {
        name: int(value or 0) * sign for name, value in match.groupdict().items() if name != "sign"
    }
    return Period(
        months=part["years"] * 12 + part["months"],
        days=part["weeks"] * 7 + part["days"],
        working_days=part["working"],
        seconds=part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"],
    )


def is_within(period: Period, limit: Period) -> bool | None:
    """Tell whether a period fits into a limit; None where it depends on the calendar."""
    if period == limit:
        return True
    shortest, longest = period.bounds_s()
    limit_shortest, limit_longest = limit.bounds_s()
    if longest <= limit_shortest:
        return True
    return False if shortest > limit_longest else None


def is_working_day(day: dt.date, holidays: Holidays = ()) -> bool:
    """Tell whether a day is neither Saturday, Sunday nor a holiday (Reg. 1182/71 Art. 2)."""
    return day.weekday() < _SATURDAY and day not in holidays


def shift(start: dt.date, period: Period, holidays: Holidays = ()) -> dt.date:
    """Return the date a period after (or before) `start`; the start itself is not counted.

    Where the calendar ends first, its last (or first) day: 9999-12-31 is how people write "open".
    """
    try:
        return _shifted(start, period, holidays)
    except OverflowError:
        return dt.date.min if period.is_backward else dt.date.max


def _shifted(start: dt.date, period: Period, holidays: Holidays) -> dt.date:
    day = add_months(start, period.months) + dt.timedelta(days=period.days)
    step = dt.timedelta(days=-1 if period.working_days < 0 else 1)
    left = abs(period.working_days)
    while left:
        day += step
        left -= is_working_day(day, holidays)
    return day


def add_months(start: dt.date, months: int) -> dt.date:
    """Return the same day of another month, or that month's last day where it has no such day.

    Where the calendar ends first, its last (or first) day.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return dt.date.min if months < 0 else dt.date.max
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(start.day, last))


def legal_end(start: dt.date, period: Period, holidays: Holidays = ()) -> dt.date:
    """Return the last day of a period under Regulation (EEC, Euratom) No 1182/71.

    The day of the event is not counted (Art. 3(1)); a period that would end on a day off ends
    with the next working day (3(4)); two days or more hold at least two working days (3(5)).
    """
    end = shift(start, period, holidays)
    if period.is_backward:
        return end
    while not is_working_day(end, holidays):
        end += dt.timedelta(days=1)
    if end - start >= dt.timedelta(days=2):
        while not _has_two_working_days(start, end, holidays):
            end += dt.timedelta(days=1)
    return end


def due_on(
    deadline: Deadline, anchors: Mapping[str, dt.date], holidays: Holidays = ()
) -> dt.date | None:
    """Return the day a deadline falls on; None where its anchor has no date yet."""
    anchor = anchors.get(deadline.anchor)
    if anchor is None:
        return None
    period = parse_period(deadline.offset)
    if deadline.calendar == "working":
        period = Period(period.months, 0, period.days + period.working_days, period.seconds)
    return shift(anchor, period, holidays)


def derived_anchors(
    known: Mapping[str, dt.date], periods: Mapping[str, str], holidays: Holidays = ()
) -> dict[str, dt.date]:
    """Add the anchors that follow from others by the periods of the contract.

    `periods` has `notice` (T0 to TN), `transition` (TS to TX), `retrieval` (TX to TR) and
    `deletion` (the later of TA and TR to TD); one that is not known derives nothing.
    """
    anchors = dict(known)

    def derive(name: str, start: str, period: str) -> None:
        if name not in anchors and start in anchors and periods.get(period):
            anchors[name] = legal_end(anchors[start], parse_period(periods[period]), holidays)

    derive("TN", "T0", "notice")
    if "TN" in anchors:
        anchors.setdefault("TS", anchors["TN"])
    derive("TX", "TS", "transition")
    if "TX" in anchors:
        anchors.setdefault("TE", anchors["TX"])
    derive("TR", "TX", "retrieval")
    if "TD" not in anchors and {"TA", "TR"} <= anchors.keys() and periods.get("deletion"):
        last = max(anchors["TA"], anchors["TR"])
        anchors["TD"] = legal_end(last, parse_period(periods["deletion"]), holidays)
    return anchors


def _has_two_working_days(start: dt.date, end: dt.date, holidays: Holidays) -> bool:
    days = (start + dt.timedelta(days=n) for n in range(1, (end - start).days + 1))
    working = (day for day in days if is_working_day(day, holidays))
    return len(list(islice(working, 2))) == 2


@cache
def _month_bounds(months: int) -> tuple[int, int]:
    """Return the fewest and the most days that many months can have, over a leap cycle."""
    starts = [dt.date(2001, 1, 1) + dt.timedelta(days=n) for n in range(1461)]
    lengths = [(add_months(start, months) - start).days for start in starts]
    return min(lengths), max(lengths)


def _longest_working(days: int) -> int:
    # Every five working days bring a weekend, and a fortnight rarely more than one holiday.
    return days + (abs(days) // 5 + 1) * 2 + abs(days) // 10 + 1 if days else 0
