"""Draw the timetable of an exit as a picture that stands alone, on paper and in black and white."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from xml.sax.saxutils import escape

from exitkit.assess.dates import add_months
from exitkit.assess.schedule import Slot
from exitkit.report.language import LANGUAGES, Speech
from exitkit.report.timeline import as_ics, as_text, span, title_of

_ROW, _HEAD, _FOOT = 24, 64, 40
_LABEL, _CHART, _WORDS = 360, 640, 150
_LONGEST_TITLE = 48
_SIGN = 7
"""How wide a letter is, about."""
_MOST_MONTHS = 14
"""Labels of months that fit beside each other."""
CRITICAL, WORK, INK, LINE = "#b3261e", "#3b6ea5", "#1c1c1c", "#d8d8d8"


@dataclass(frozen=True, slots=True)
class _Chart:
    """Where a day lies on the picture."""

    first: dt.date
    days: int
    height: int

    def x(self, day: dt.date) -> int:
        return _LABEL + round((day - self.first).days * _CHART / self.days)


def as_svg(plan: str, slots: Sequence[Slot], language: str = LANGUAGES[0]) -> str:
    """Return a Gantt chart as SVG; colors are doubled by shapes and by words."""
    speech = Speech(language)
    first, days = span(slots)
    chart = _Chart(first, days, _HEAD + _ROW * len(slots))
    width, height = _LABEL + _CHART + _WORDS, chart.height + _FOOT
    last = first + dt.timedelta(days=days)
    style = f'font-family="sans-serif" font-size="13" fill="{INK}" role="img"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>',
        f"<title>{escape(plan)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="24" font-size="16" font-weight="bold">{escape(plan)}</text>',
        f'<text x="8" y="46">{speech.tell("{first} to {last}", first=first, last=last)}</text>',
    ]
    parts.extend(_months(chart))
    for index, slot in enumerate(slots):
        parts.extend(_row(slot, _HEAD + index * _ROW, chart, speech))
    parts.extend(_legend(height - 14, speech))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _months(chart: _Chart) -> Iterator[str]:
    """Draw a line at the first of each month, with the names of as many as can be read."""
    last = chart.first + dt.timedelta(days=chart.days)
    month = chart.first.replace(day=1)
    firsts = []
    while month <= last and month.day == 1:
        firsts.append(month)
        month = add_months(month, 1)
    every = -(-len(firsts) // _MOST_MONTHS)
    for index, day in enumerate(firsts):
        if day < chart.first:
            continue
        at = chart.x(day)
        yield f'<path d="M{at} {_HEAD - 4}V{chart.height}" stroke="{LINE}"/>'
        if index % every == 0 and at <= _LABEL + _CHART - 44:
            yield f'<text x="{at + 3}" y="{_HEAD - 8}" font-size="11">{day:%Y-%m}</text>'


def _row(slot: Slot, top: int, chart: _Chart, speech: Speech) -> Iterator[str]:
    middle = top + _ROW // 2
    title = title_of(slot, speech.language)
    shown = f"{title[: _LONGEST_TITLE - 1]}\u2026" if len(title) > _LONGEST_TITLE else title
    yield f'<text x="8" y="{middle + 4}">{escape(shown)}<title>{escape(title)}</title></text>'
    start, end = chart.x(slot.start), chart.x(slot.end)
    color = CRITICAL if slot.is_critical else WORK
    bar = f'x="{start}" y="{top + 5}" width="{max(3, end - start)}" height="{_ROW - 10}"'
    yield f'<rect {bar} fill="{color}"/>'
    is_late = slot.due is not None and slot.end > slot.due
    if slot.due is not None:
        yield _diamond(chart.x(slot.due), middle, CRITICAL if is_late else "#fff")
    words = [speech.tell("{n} d", n=f"{slot.slack_days:+d}")]
    words += [speech.tell("critical")] * slot.is_critical + [speech.tell("late")] * is_late
    yield f'<text x="{_LABEL + _CHART + 14}" y="{middle + 4}">{" ".join(words)}</text>'


def _legend(y: int, speech: Speech) -> Iterator[str]:
    x = 8
    for mark, fill, said in (
        (_box, WORK, speech.tell("work")),
        (_box, CRITICAL, speech.tell("work on the critical path")),
        (_diamond, "#fff", speech.tell("day due")),
        (_diamond, CRITICAL, speech.tell("day due that cannot be kept")),
    ):
        yield mark(x + 12, y - 5, fill)
        yield f'<text x="{x + 30}" y="{y}">{escape(said)}</text>'
        x += 50 + len(said) * _SIGN
    yield f'<text x="{_LABEL + _CHART + 14}" y="{y}">{speech.tell("slack in days")}</text>'


def _box(x: int, y: int, fill: str) -> str:
    return f'<rect x="{x - 12}" y="{y - 6}" width="24" height="12" fill="{fill}"/>'


def _diamond(x: int, y: int, fill: str) -> str:
    points = f"{x},{y - 7} {x + 6},{y} {x},{y + 7} {x - 6},{y}"
    return f'<polygon points="{points}" fill="{fill}" stroke="{INK}"/>'


FORMATS: Mapping[str, Callable[[str, Sequence[Slot], str], str]] = MappingProxyType(
    {"text": as_text, "svg": as_svg, "ics": as_ics}
)
