"""Hold the parts of a report that tell of documents and of the joint inventory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many there are in one state: its code, its words, the number."""

    code: str
    label: str
    total: int


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A document that has to be there, or one that is; `age` and `owner` are texts."""

    title: str
    state: StateCount
    owner: str
    age: str
    where: str
    because: str


@dataclass(frozen=True, slots=True)
class PapersPart:
    """Required documents by state, then those that are there; `words` label the columns."""

    title: str
    lead: str
    columns: tuple[str, ...]
    counts: tuple[StateCount, ...]
    required: tuple[PaperRow, ...]
    found_title: str
    found: tuple[PaperRow, ...]
    further: str


@dataclass(frozen=True, slots=True)
class JointRow:
    """One open line of the joint inventory."""

    declared: str
    observed: str
    finding: str
    answers: str


@dataclass(frozen=True, slots=True)
class JointPart:
    """Declared against observed: who declared what, the counts, and the open lines."""

    title: str
    lead: str
    columns: tuple[str, ...]
    declarations: tuple[str, ...]
    counts: tuple[StateCount, ...]
    rows: tuple[JointRow, ...]
    further: str
