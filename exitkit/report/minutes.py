"""Write the minutes of a run: each figure with its journal line, each open field a named blank."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.exit_clock import ClockLine
from exitkit.assess.summary import GapGroup
from exitkit.model.plan import Plan
from exitkit.model.run import Event, RunSummary, Verdict
from exitkit.report.language import colon
from exitkit.report.letter import document_environment, unmarked
from exitkit.report.visible import visible

KINDS = ("rehearsal", "acceptance", "deletion", "notice")
NOTICES = ("exit", "deletion", "default")


@dataclass(frozen=True, slots=True)
class Attested:
    """A deletion attestation the run took in, and the journal line that holds its digest."""

    line: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BundleFigures:
    """What the run's bundle says of itself; `records` counts by table, `gaps` hurt most first."""

    name: str
    sealed_at: str
    observed: tuple[str, str]
    files: int
    size_bytes: int
    records: Mapping[str, int]
    levels: Sequence[tuple[str, int]]
    gaps: Sequence[GapGroup]


@dataclass(frozen=True, slots=True)
class MinutesInputs:
    """Everything minutes are filled from; what is not there becomes a visible blank.

    `milestone` narrows acceptance minutes to one; `notifies` is what a notice gives notice of;
    `bundle` is None where the bundle of the run is not at hand.
    """

    today: dt.date
    summary: RunSummary
    plan: Plan
    events: Sequence[Event]
    verdicts: Sequence[Verdict]
    contract: Mapping[str, Any]
    anchors: Mapping[str, dt.date]
    clock: Sequence[ClockLine] = ()
    attested: Sequence[Attested] = ()
    milestone: str = ""
    notifies: str = "exit"
    bundle: BundleFigures | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: its text, and the journal line that says so (0: none); a blank is to be filled."""

    text: str
    line: int = 0
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, then facts (two cells a row) or a table with its column names."""

    heading: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A line of the journal that the minutes rest on."""

    sequence: int
    at: str
    type: str
    subject: str
    digest: str


@dataclass(frozen=True, slots=True)
class Minutes:
    """A whole document in one language, for both templates."""

    language: str
    title: str
    draft: str
    sections: tuple[Section, ...]
    journal: tuple[JournalLine, ...]
    words: Mapping[str, Any]


def html(minutes: Minutes) -> bytes:
    """Return the minutes as one HTML page that prints and needs no network."""
    page = document_environment(visible).get_template("minutes.html")
    return page.render(minutes=minutes).encode()


def markdown(minutes: Minutes) -> bytes:
    """Return the minutes as Markdown; names from outside cannot form any of its marks."""
    page = document_environment(unmarked).get_template("minutes.md.j2")
    return page.render(minutes=minutes, colon=colon(minutes.language)).encode()
