"""Tell in minutes what the run's bundle holds and lacks, by figures that anybody can recount."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exitkit.report.language import load_words
from exitkit.report.minutes import BundleFigures, Cell, Section
from exitkit.report.quoted import plain

MOST_GAPS = 40


def bundle_sections(
    figures: BundleFigures, words: Mapping[str, Any], language: str, *, with_gaps: bool
) -> Iterator[Section]:
    """Yield what the bundle is and holds and, on demand, what cannot leave, gravest first."""
    labels, levels = words["labels"], load_words("report")[language]["LEVELS"]
    facts = [
        ("snapshot", Cell(figures.name)),
        ("sealed_on", Cell(_minute(figures.sealed_at))),
        ("observed", Cell(" - ".join(map(_minute, figures.observed)))),
        ("files", Cell(str(figures.files))),
        ("bytes", Cell(str(figures.size_bytes))),
        *((name, Cell(str(count))) for name, count in figures.records.items()),
    ]
    rows = [(Cell(labels[name]), cell) for name, cell in facts]
    rows += [
        (Cell(words["of_these"].format(level=levels[level][0])), Cell(str(count)))
        for level, count in figures.levels
    ]
    lead = (words["bundle_lead"],)
    yield Section(words["headings"]["bundle_content"], lead, (), tuple(rows))
    if with_gaps:
        yield _gaps(figures, words, language)


def gaps_in_one(figures: BundleFigures | None, words: Mapping[str, Any]) -> Cell | None:
    """Return how much cannot leave, as one field; None where no bundle says so."""
    if figures is None:
        return None
    count = sum(group.count for group in figures.gaps)
    return Cell(words["gaps_in_one"].format(n=count, obstacles=len(figures.gaps)))


def _gaps(figures: BundleFigures, words: Mapping[str, Any], language: str) -> Section:
    codes = load_words("report")[language]
    rows = [
        (
            Cell(codes["LEVELS"][group.level][0]),
            Cell(plain(group.text, language) or group.reason),
            Cell(str(group.count)), Cell(str(group.dependents)),
            Cell(codes["PARTIES"][group.responsible][0]),
            Cell(plain(group.workaround, language) or "-"),
        )
        for group in figures.gaps[:MOST_GAPS]
    ]  # fmt: skip
    columns = ("level", "obstacle", "count", "dependents", "responsible_party", "workaround")
    return Section(
        words["headings"]["bundle_gaps"], _sentences(figures.gaps, words),
        tuple(words["labels"][name] for name in columns), tuple(rows),
    )  # fmt: skip


def _sentences(gaps: Sequence[object], words: Mapping[str, Any]) -> tuple[str, ...]:
    if not gaps:
        return (words["none"],)
    more = len(gaps) - MOST_GAPS
    shortened = (words["gaps_shortened"].format(n=more),) if more > 0 else ()
    return (words["gaps_lead"], *shortened)


def _minute(instant: str) -> str:
    return f"{instant[:16].replace('T', ' ')} UTC"
