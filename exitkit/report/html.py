"""Write the report as one HTML file that opens anywhere, with the cable pulled, and prints."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from exitkit.assess.impact import IMPACT_ORDER
from exitkit.assess.scores import FORMULA
from exitkit.knowledge.portability import Cost, load_knowledge
from exitkit.knowledge.script_rules import script_rules
from exitkit.report.amounts import DAY_MS, grouped, size, span
from exitkit.report.cost_words import cost_words
from exitkit.report.figure import Figure
from exitkit.report.language import Speech, colon, semicolon
from exitkit.report.parts import Count, Duration, GapGroup, View
from exitkit.report.provenance import command, source_json
from exitkit.report.quoted import quote
from exitkit.report.visible import visible

FORMAT = "html"
SUFFIX = ".html"
JOURNALED = ("events", "items", "criteria", "extrapolation")
"""Tables whose figures name lines of the journal."""


def render(view: View) -> bytes:
    """Return the report as UTF-8 HTML: no script, no style or image from elsewhere."""
    environment = Environment(
        loader=PackageLoader("exitkit.report", "templates"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    speech = Speech(view.language)
    environment.filters.update(
        raw=raw, grouped=grouped, span=span, size=size, day=day, minute=minute,
        command=command, judged=judged, source=source_json, segments=segments, chart=chart,
        cost=partial(cost, view.language), decimal=speech.decimal, many=speech.is_many,
        category=speech.category, kind=speech.kind, principal=speech.principal,
        metric=speech.metric, rule=partial(script_rule, view.language),
        quoted=partial(quote, language=view.language),
    )  # fmt: skip
    environment.globals.update(
        _=speech.say, _n=speech.count, words=speech.words,
        colon=colon(view.language), semicolon=semicolon(view.language), gap=speech.gap,
    )  # fmt: skip
    style = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = environment.get_template("report.html").render(
        view=view, style=style, style_digest=digest, href=_Links(view).href, row=_row,
        printed=_printed(view), impact_order=IMPACT_ORDER, score_formula=FORMULA,
    )  # fmt: skip
    return page.encode()


class _Links:
    """Where each figure's link leads: its record or journal line where printed, else its count."""

    def __init__(self, view: View) -> None:
        self._printed = _printed(view)

    def href(self, figure: Figure) -> str:
        by_key = any(
            path in ("@id", "sequence", "event", "criterion") for path, _ in figure.origin.where
        )
        if by_key and figure.lines:
            row = _row(figure, figure.lines[0])
            if row in self._printed:
                return f"#{row}"
        return f"#{figure.origin.anchor}"


def _row(figure: Figure, line: int) -> str:
    table = figure.origin.table
    return f"event-{line}" if table in JOURNALED else f"record-{table}-{line}"


def _printed(view: View) -> frozenset[str]:
    records = {row.anchor for table in view.appendix.tables for row in table.rows}
    return frozenset(records | {f"event-{event.sequence}" for event in view.appendix.events})


def cost(language: str, group: GapGroup) -> str:
    """Return what the workaround of a gap is estimated to cost."""
    return cost_words(Cost(group.effort, group.lead_days), load_knowledge(), language)


def script_rule(language: str, rule_id: str) -> str:
    """Return what ties a script here; a rule that nobody knows any more keeps its id."""
    rule = script_rules().get(rule_id)
    return quote(rule.title, language) if rule else rule_id


def raw(figure: Figure) -> str:
    """Return a figure's value as it stands in its source."""
    return str(figure.value).lower() if isinstance(figure.value, bool) else str(figure.value)


def judged(text: str) -> tuple[str, int] | None:
    """Return (operator, milliseconds) of a time that the judge wrote, `<= 86400 s`."""
    found = re.fullmatch(r"(?:(<=|>=|==) )?(\d+) s", text)
    return (found[1] or "", int(found[2]) * 1000) if found else None


def day(text: str) -> str:
    """Return the date of an ISO 8601 instant."""
    return text[:10]


def minute(text: str) -> str:
    """Return an ISO 8601 instant to the minute."""
    return text[:16].replace("T", " ")


def segments(counts: tuple[Count, ...]) -> list[tuple[str, str, str]]:
    """Return (code, start, width) of each share of a bar 100 units wide."""
    total = sum(int(count.figure.value) for count in counts) or 1
    found, start = [], 0.0
    for count in counts:
        width = 100 * int(count.figure.value) / total
        found.append((count.code, f"{start:.3f}", f"{width:.3f}"))
        start += width
    return found


def chart(duration: Duration) -> tuple[str, str, str] | None:
    """Return (start, width, limit) of the range and the contract's limit, on 100 units."""
    if not duration.low_ms or not duration.high_ms or not duration.allowed_days:
        return None
    low, high = int(duration.low_ms.value), int(duration.high_ms.value)
    limit = duration.allowed_days * DAY_MS
    scale = 100 / (1.1 * max(high, limit))
    # A sliver is wider than it should be rather than invisible.
    return f"{low * scale:.3f}", f"{max((high - low) * scale, 0.6):.3f}", f"{limit * scale:.3f}"
