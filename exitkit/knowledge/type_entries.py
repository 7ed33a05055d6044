"""Hold how each type leaves as a whole: by which way, to what, with how much work, in what time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WAYS = {
    "portable": "a standard format or protocol; data moves without loss of meaning",
    "convertible": "an export exists; it needs conversion or a restore step",
    "rebuild": "no content of its own; describe and build again",
    "locked-in": "no equivalent semantics elsewhere; redesign",
    "not-exportable": "the essential part cannot leave",
}
_MINUTES = {"minutes": 1, "hours": 60, "days": 1440}


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Something elsewhere that does the same, and the interface that a move can use."""

    id: str
    name: str
    kind: str
    interface: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something takes or stays, as its source says; nothing here was measured.

    `role` is `lead` (to wait for before the move), `window` (how long something stays), `limit`
    (how long a call may take), `end` (a day on which something ends) or `note`. `minutes` is None
    where the source gives no number; `date` is the day of an `end`.
    """

    id: str
    role: str
    text: str
    source: str
    confidence: str
    minutes: int | None = None
    date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """An estimate of work in minutes: once for a type, and again for each asset of it."""

    id: str
    fixed_minutes: int
    asset_minutes: int
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class TypeEntry:
    """What is known of a type as a whole; `way` is one of WAYS, `effort` an Effort id.

    It speaks of one native type, or of every type of a neutral kind that has no entry of its own.
    `configuration` and `data` say how each is taken out, `format` which neutral format the data
    has then; each is empty where nobody wrote it down.
    """

    name: str
    way: str
    effort: str
    source: str
    confidence: str
    is_by_kind: bool = False
    configuration: str = ""
    data: str = ""
    format: str = ""
    equivalents: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeEntries:
    """All entries, by lower-case native type and by kind, and what they name by id."""

    types: Mapping[str, TypeEntry] = field(default_factory=dict)
    kinds: Mapping[str, TypeEntry] = field(default_factory=dict)
    equivalents: Mapping[str, Equivalent] = field(default_factory=dict)
    timing: Mapping[str, Timing] = field(default_factory=dict)
    efforts: Mapping[str, Effort] = field(default_factory=dict)

    def sourced(self) -> Iterator[tuple[str, str, str]]:
        """Yield (what, source, confidence) of everything that has a source."""
        for entry in (*self.types.values(), *self.kinds.values()):
            yield entry.name, entry.source, entry.confidence
        for timing in self.timing.values():
            yield f"timing {timing.id}", timing.source, timing.confidence
        for effort in self.efforts.values():
            yield f"effort {effort.id}", effort.source, effort.confidence

    def faults(self) -> Iterator[str]:
        """Name every id that an entry uses and nobody defines."""
        for entry in (*self.types.values(), *self.kinds.values()):
            for name, known in (("equivalents", self.equivalents), ("timing", self.timing)):
                for one in getattr(entry, name):
                    if one not in known:
                        yield f"{entry.name}: no {name} {one!r}; define it or correct it"
            if entry.effort not in self.efforts:
                yield f"{entry.name}: no effort {entry.effort!r}; use one of timing.yaml"


def entries_from(documents: Mapping[str, Any], beside: TypeEntries | None = None) -> TypeEntries:
    """Build the entries from all files of a folder; they may name what `beside` defines."""
    known = beside or TypeEntries()
    rows: dict[str, list[Mapping[str, Any]]] = {
        member: [row for name in sorted(documents) for row in documents[name].get(member, ())]
        for member in ("types", "equivalents", "timing", "efforts")
    }
    return TypeEntries(
        types={row["type"].lower(): _entry(row) for row in rows["types"] if "type" in row},
        kinds={row["kind"]: _entry(row) for row in rows["types"] if "kind" in row},
        equivalents={
            **known.equivalents,
            **{row["id"]: Equivalent(**row) for row in rows["equivalents"]},
        },
        timing={**known.timing, **{row["id"]: _timing(row) for row in rows["timing"]}},
        efforts={**known.efforts, **{row["id"]: Effort(**row) for row in rows["efforts"]}},
    )


def _entry(row: Mapping[str, Any]) -> TypeEntry:
    return TypeEntry(
        name=row.get("type") or row["kind"],
        way=row["way"],
        effort=row["effort"],
        source=row["source"],
        confidence=row["confidence"],
        is_by_kind="kind" in row,
        configuration=row.get("configuration", ""),
        data=row.get("data", ""),
        format=row.get("format", ""),
        equivalents=tuple(row.get("equivalents", ())),
        timing=tuple(row.get("timing", ())),
    )


def _timing(row: Mapping[str, Any]) -> Timing:
    unit = row.get("unit")
    return Timing(
        id=row["id"],
        role=row["role"],
        text=row["text"],
        source=row["source"],
        confidence=row["confidence"],
        minutes=row["value"] * _MINUTES[unit] if unit else None,
        date=dt.date.fromisoformat(row["date"]) if "date" in row else None,
    )
