"""Draw the timetable of an exit: as text, as a picture, as a calendar that people subscribe to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from xml.sax.saxutils import escape

from exitkit.assess.schedule import Slot

WIDTH = 60
_ROW_PX, _LABEL_PX, _CHART_PX = 24, 360, 640
_CALENDAR_LINE_BYTES = 75


def as_text(plan: str, slots: Sequence[Slot]) -> str:
    """Return a Gantt chart in characters: `=` the work, `#` critical work, `!` the day due."""
    first, days = _span(slots)
    width = max((len(_title(slot)) for slot in slots), default=0)
    last = first + dt.timedelta(days=days)
    scale = max(1, round(days / WIDTH))
    lines = [f"{plan}: {first} to {last}, one sign is about {scale} days"]
    for slot in slots:
        row = [" "] * (WIDTH + 1)
        begin, end = _column(slot.start, first, days), _column(slot.end, first, days)
        row[begin : end + 1] = ("#" if slot.is_critical else "=") * (end - begin + 1)
        if slot.due is not None:
            row[_column(slot.due, first, days)] = "!"
        due = slot.due.isoformat() if slot.due else "no date   "
        lines.append(
            f"{_title(slot).ljust(width)}  {slot.start} {slot.end} {due} "
            f"{slot.slack_days:+4d}d |{''.join(row)}|"
        )
    return "\n".join(lines) + "\n"


def as_svg(plan: str, slots: Sequence[Slot]) -> str:
    """Return the same chart as an SVG picture; colors are doubled by shapes and by words."""
    first, days = _span(slots)
    height = _ROW_PX * (len(slots) + 2)
    width = _LABEL_PX + _CHART_PX + 120
    box = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
        f"<title>{escape(plan)}</title>",
    ]
    for index, slot in enumerate(slots):
        parts.extend(_svg_row(slot, (index + 1) * _ROW_PX, first, days))
    last = first + dt.timedelta(days=days)
    parts.append(f'<text x="{_LABEL_PX}" y="{height - 6}">{first}</text>')
    parts.append(
        f'<text x="{_LABEL_PX + _CHART_PX}" y="{height - 6}" text-anchor="end">{last}</text></svg>'
    )
    return "\n".join(parts) + "\n"


def as_ics(plan: str, slots: Sequence[Slot]) -> str:
    """Return the days due as an iCalendar (RFC 5545); the same milestone keeps its identity."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//exitkit//timeline//EN"]
    for slot in slots:
        if slot.due is None:
            continue
        tight = f"Slack {slot.slack_days} days." + (" On the critical path." * slot.is_critical)
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_calendar_text(plan)}-{_calendar_text(slot.milestone.id)}@exitkit",
            f"DTSTAMP:{slot.due:%Y%m%d}T000000Z",
            f"DTSTART;VALUE=DATE:{slot.due:%Y%m%d}",
            f"SUMMARY:{_calendar_text(_title(slot))}",
            f"DESCRIPTION:{_calendar_text(tight)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _svg_row(slot: Slot, top: int, first: dt.date, days: int) -> list[str]:
    def x(day: dt.date) -> int:
        return _LABEL_PX + round((day - first).days * _CHART_PX / days)

    middle = top + _ROW_PX // 2
    color = "#b3261e" if slot.is_critical else "#3b6ea5"
    length = max(3, x(slot.end) - x(slot.start))
    bar = f'x="{x(slot.start)}" y="{top + 5}" width="{length}" height="{_ROW_PX - 10}"'
    parts = [
        f'<text x="4" y="{middle + 4}">{escape(_title(slot))}</text>',
        f'<rect {bar} fill="{color}"/>',
    ]
    if slot.due is not None:
        at = x(slot.due)
        points = f"{at},{top + 4} {at + 6},{middle} {at},{top + _ROW_PX - 4} {at - 6},{middle}"
        parts.append(f'<polygon points="{points}" fill="none" stroke="#222"/>')
    word = " critical" if slot.is_critical else ""
    right = _LABEL_PX + _CHART_PX + 12
    parts.append(f'<text x="{right}" y="{middle + 4}">{slot.slack_days:+d} d{word}</text>')
    return parts


def _span(slots: Sequence[Slot]) -> tuple[dt.date, int]:
    days = [day for slot in slots for day in (slot.start, slot.end, slot.due) if day is not None]
    first = min(days)
    return first, max(1, (max(days) - first).days)


def _column(day: dt.date, first: dt.date, days: int) -> int:
    return round((day - first).days * WIDTH / days)


def _title(slot: Slot) -> str:
    title = slot.milestone.title
    return f"{slot.milestone.id} {title.get('en') or next(iter(title.values()), '')}".rstrip()


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


FORMATS: Mapping[str, Callable[[str, Sequence[Slot]], str]] = MappingProxyType(
    {"text": as_text, "svg": as_svg, "ics": as_ics}
)
