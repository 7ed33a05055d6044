"""Write the timetable of an exit as text, and as a calendar that people subscribe to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from exitkit.assess.schedule import Slot
from exitkit.report.language import LANGUAGES, Speech, colon, title_in

WIDTH = 60
_CALENDAR_LINE_BYTES = 75


def as_text(plan: str, slots: Sequence[Slot], language: str = LANGUAGES[0]) -> str:
    """Return a Gantt chart in characters: `=` the work, `#` critical work, `!` the day due."""
    speech = Speech(language)
    first, days = span(slots)
    width = max((len(title_of(slot, language)) for slot in slots), default=0)
    last = first + dt.timedelta(days=days)
    scale = max(1, round(days / WIDTH))
    said = speech.tell("{first} to {last}", first=first, last=last)
    sign = speech.tell_many(scale, "one sign is about {n} day", "one sign is about {n} days")
    lines = [f"{plan}{colon(language)}{said}, {sign}"]
    for slot in slots:
        row = [" "] * (WIDTH + 1)
        begin, end = _column(slot.start, first, days), _column(slot.end, first, days)
        row[begin : end + 1] = ("#" if slot.is_critical else "=") * (end - begin + 1)
        if slot.due is not None:
            row[_column(slot.due, first, days)] = "!"
        due = slot.due.isoformat() if slot.due else speech.tell("no date").ljust(10)
        slack = speech.tell("{n}d", n=f"{slot.slack_days:+4d}")
        lines.append(
            f"{title_of(slot, language).ljust(width)}  {slot.start} {slot.end} {due} "
            f"{slack} |{''.join(row)}|"
        )
    return "\n".join(lines) + "\n"


def as_ics(plan: str, slots: Sequence[Slot], language: str = LANGUAGES[0]) -> str:
    """Return the days due as an iCalendar (RFC 5545); the same milestone keeps its identity."""
    speech = Speech(language)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//exitkit//timeline//{language.upper()}"]
    for slot in slots:
        if slot.due is None:
            continue
        tight = speech.tell_many(slot.slack_days, "Slack {n} day.", "Slack {n} days.")
        if slot.is_critical:
            tight += f" {speech.tell('On the critical path.')}"
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_calendar_text(plan)}-{_calendar_text(slot.milestone.id)}@exitkit",
            f"DTSTAMP:{slot.due:%Y%m%d}T000000Z",
            f"DTSTART;VALUE=DATE:{slot.due:%Y%m%d}",
            f"SUMMARY:{_calendar_text(title_of(slot, language))}",
            f"DESCRIPTION:{_calendar_text(tight)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def span(slots: Sequence[Slot]) -> tuple[dt.date, int]:
    """Return the first day of a timetable, and how many days it covers."""
    days = [day for slot in slots for day in (slot.start, slot.end, slot.due) if day is not None]
    # A day before the last of the calendar, so that there is one after it.
    first = min(*days, dt.date.max - dt.timedelta(days=1))
    return first, max(1, (max(days) - first).days)


def _column(day: dt.date, first: dt.date, days: int) -> int:
    return round((day - first).days * WIDTH / days)


def title_of(slot: Slot, language: str) -> str:
    """Return what a row of a timetable is called, in a language that the plan speaks."""
    return f"{slot.milestone.id} {title_in(slot.milestone.title, language)}".rstrip()


def _calendar_text(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Fold a line at 75 octets without cutting a character in two."""
    folded, length = "", 0
    for sign in line:
        size = len(sign.encode())
        if length + size > _CALENDAR_LINE_BYTES:
            folded, length = f"{folded}\r\n ", 1
        folded, length = folded + sign, length + size
    return folded
