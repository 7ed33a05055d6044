"""Draw up the two lists of the Data Act, and hold the contract's own lists against them.

Reg. (EU) 2023/2854 Art. 25(2)(e) asks the contract for an exhaustive specification of all that can
be ported, Art. 25(2)(f) for one of the data that is exempt, which must not impede or delay the
switching. What the inventory and the rehearsals observed is laid beside both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from exitkit.model.verdict import Level

Record = Mapping[str, Any]

_LEAVES = {Level.PROPRIETARY, Level.OPEN, Level.IMPORTABLE, Level.REHEARSED}
_STAYS = {Level.NONE, Level.DESCRIBED}


class Standing(StrEnum):
    """Where something stands between the contract's lists and what was observed."""

    DELIVERED = "promised-and-delivered"
    NOT_DELIVERED = "promised-and-not-delivered"
    NOT_PROMISED = "delivered-and-not-promised"
    EXEMPT = "exempt-and-withheld"
    EXEMPT_DELIVERED = "exempt-and-delivered"
    WITHHELD = "withheld-and-not-exempt"
    OPEN = "not-observed"


BREACHES = (Standing.NOT_DELIVERED, Standing.WITHHELD)
"""Standings in which the customer does not get what it was promised or may ask for."""


@dataclass(frozen=True, slots=True)
class Clause:
    """An entry of `data.exportable` or `data.non_exportable` of the contract.

    `covers` says which assets it speaks of; an entry without it cannot be compared.
    """

    id: str
    category: str
    covers: tuple[Mapping[str, Any], ...]

    def is_about(self, kind: str, native_type: str, aspect: str) -> bool:
        """Tell whether the entry speaks of this aspect of such an asset."""
        return any(
            fnmatchcase(kind, str(one.get("kind", "*")))
            and fnmatchcase(native_type, str(one.get("type", "*")))
            and (not one.get("aspects") or aspect in one["aspects"])
            for one in self.covers
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: one aspect of one kind of asset, leaving one way or staying for a reason.

    `levels` counts the assets by level; `clauses` are the ids of the entries of the contract.
    """

    standing: Standing
    kind: str
    native_type: str
    aspect: str
    format: str
    reason: str
    justification: str
    source: str
    responsible: str
    levels: tuple[tuple[str, int], ...]
    clauses: tuple[str, ...]

    @property
    def assets(self) -> int:
        """How many assets the line speaks of."""
        return sum(count for _, count in self.levels)

    @property
    def rehearsed(self) -> int:
        """How many of them a rehearsal restored and read back equal."""
        return dict(self.levels).get(Level.REHEARSED.value, 0)


@dataclass(frozen=True, slots=True)
class Lists:
    """The two lists, and what is in neither because nobody knows.

    `undelivered` are entries of the contract that promise what the inventory holds nothing of;
    `vague` are those that cannot be compared.
    """

    portable: tuple[Entry, ...]
    exempt: tuple[Entry, ...]
    unknown: tuple[Entry, ...]
    undelivered: tuple[Clause, ...]
    vague: tuple[Clause, ...]

    def standing(self, *standings: Standing) -> tuple[Entry, ...]:
        """Return the entries of all lists that stand so."""
        found = (*self.portable, *self.exempt, *self.unknown)
        return tuple(entry for entry in found if entry.standing in standings)


def clauses_of(contract: Mapping[str, Any], member: str) -> tuple[Clause, ...]:
    """Return the entries of `data.exportable` or `data.non_exportable`; unknown is none."""
    data = contract.get("data")
    rows = data.get(member) if isinstance(data, Mapping) else None
    found = []
    for number, row in enumerate(rows if isinstance(rows, list) else (), start=1):
        if isinstance(row, Mapping):
            covers = row.get("covers")
            found.append(
                Clause(
                    id=str(row.get("id", f"{member}[{number}]")),
                    category=str(row.get("category", "unknown")),
                    covers=tuple(covers) if isinstance(covers, list) else (),
                )
            )
    return tuple(found)


def draw_up(
    exportability: Iterable[Record], assets: Mapping[str, tuple[str, str]], contract: Record
) -> Lists:
    """Draw up both lists; `assets` gives (kind, native type) by asset id."""
    promised, exempt = clauses_of(contract, "exportable"), clauses_of(contract, "non_exportable")
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for row in exportability:
        level = Level(row["level"])
        if level is Level.NOT_APPLICABLE:
            continue
        kind, native_type = assets.get(str(row["asset"]), ("other", "?"))
        key = (_side(level), kind, native_type, str(row["aspect"]), *_texts(row, level))
        counts.setdefault(key, Counter())[level.value] += 1
    entries = [_entry(key, levels, promised, exempt) for key, levels in sorted(counts.items())]
    sides: dict[str, list[Entry]] = {"leaves": [], "stays": [], "open": []}
    for (side, *_), entry in zip(sorted(counts), entries, strict=True):
        sides[side].append(entry)
    seen = {name for entry in entries for name in entry.clauses}
    return Lists(
        portable=tuple(sides["leaves"]),
        exempt=tuple(sides["stays"]),
        unknown=tuple(sides["open"]),
        undelivered=tuple(one for one in promised if one.covers and one.id not in seen),
        vague=tuple(one for one in (*promised, *exempt) if not one.covers),
    )


def _side(level: Level) -> str:
    if level in _LEAVES:
        return "leaves"
    return "stays" if level in _STAYS else "open"


def _texts(row: Record, level: Level) -> tuple[str, str, str, str, str]:
    """Return (format, reason, justification, source, responsible): what tells lines apart."""
    if level in _LEAVES:
        return str(row.get("format", "")), "", "", "", ""
    names = ("reasonCode", "reasonText", "source", "responsibleParty")
    reason, text, source, responsible = (str(row.get(name, "")) for name in names)
    return "", reason, text, source, responsible


def _entry(
    key: tuple[str, ...],
    levels: Counter[str],
    promised: Sequence[Clause],
    exempt: Sequence[Clause],
) -> Entry:
    side, kind, native_type, aspect, form, reason, justification, source, responsible = key
    promises = [one.id for one in promised if one.is_about(kind, native_type, aspect)]
    exemptions = [one.id for one in exempt if one.is_about(kind, native_type, aspect)]
    return Entry(
        standing=_standing(side, promised=bool(promises), exempt=bool(exemptions)),
        kind=kind,
        native_type=native_type,
        aspect=aspect,
        format=form,
        reason=reason,
        justification=justification,
        source=source,
        responsible=responsible,
        levels=tuple(sorted(levels.items())),
        clauses=(*promises, *exemptions),
    )


def _standing(side: str, *, promised: bool, exempt: bool) -> Standing:
    if side == "open":
        return Standing.NOT_DELIVERED if promised else Standing.OPEN
    if side == "leaves":
        if promised:
            return Standing.DELIVERED
        return Standing.EXEMPT_DELIVERED if exempt else Standing.NOT_PROMISED
    if promised:
        return Standing.NOT_DELIVERED
    return Standing.EXEMPT if exempt else Standing.WITHHELD
