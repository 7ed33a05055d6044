"""Count what can leave and what cannot, and put first what hurts most and can be changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.impact import IMPACT_LEVELS
from exitkit.model.verdict import Level

Record = Mapping[str, Any]

# Weakest first, and what nobody knows before all.
_ORDER = [
    Level.UNKNOWN, Level.NOT_ATTEMPTED, Level.NONE, Level.DESCRIBED, Level.PROPRIETARY,
    Level.OPEN, Level.IMPORTABLE, Level.REHEARSED, Level.NOT_APPLICABLE,
]  # fmt: skip
_RANK = {level.value: index for index, level in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many verdicts stand at each level, weakest first."""

    counts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """The number of verdicts."""
        return sum(count for _, count in self.counts)

    def count(self, *levels: Level) -> int:
        """The number of verdicts at any of these levels."""
        wanted = {level.value for level in levels}
        return sum(count for level, count in self.counts if level in wanted)

    def permille(self, *levels: Level) -> int:
        """The share of these levels in all verdicts, in thousandths, rounded up."""
        return -(-self.count(*levels) * 1000 // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Gaps with one obstacle and one way around it.

    `records` are ids of their records, `assets` of what they speak of; `dependents` is how many
    other assets rely directly on those; `source` is what the first record cites.
    """

    responsible: str
    reason: str
    level: str
    aspect: str
    text: str
    workaround: str
    native_types: tuple[str, ...]
    records: tuple[str, ...]
    assets: tuple[str, ...] = ()
    dependents: int = 0
    source: str = ""

    @property
    def count(self) -> int:
        """How many verdicts the group holds."""
        return len(self.records)


def tally(exportability: Iterable[Record]) -> Tally:
    """Count verdicts by level."""
    counts = Counter(str(row["level"]) for row in exportability)
    return Tally(tuple(sorted(counts.items(), key=lambda pair: _RANK[pair[0]])))


def tally_by(exportability: Iterable[Record], key: Mapping[str, str] | str) -> dict[str, Tally]:
    """Count verdicts by level within each aspect (`key` "aspect") or by what `key` says of assets.

    With `key` as a mapping from asset id to a word (its kind, its provider), count by that word.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for row in exportability:
        word = str(row[key]) if isinstance(key, str) else key.get(str(row["asset"]), "?")
        groups[word].append(row)
    return {word: tally(groups[word]) for word in sorted(groups)}


def is_gap(row: Record) -> bool:
    """Tell whether a verdict needs a reason: below importable, and applicable."""
    return Level(row["level"]).needs_reason


def gap_groups(
    exportability: Iterable[Record],
    types: Mapping[str, str],
    relying: Mapping[str, frozenset[str]] | None = None,
) -> list[GapGroup]:
    """Group gaps by their obstacle, in the order of `impact.IMPACT_ORDER`.

    `types` gives the native type by asset id, `relying` what `impact.dependents` found.
    """
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for row in exportability:
        if is_gap(row):
            groups[_obstacle(row)].append(row)
    made = [_group(key, rows, types, relying or {}) for key, rows in groups.items()]
    return sorted(made, key=_by_impact)


def _by_impact(group: GapGroup) -> tuple[object, ...]:
    level = IMPACT_LEVELS.index(Level(group.level))
    texts = group.responsible, group.reason, group.aspect, group.text, group.workaround
    return level, -group.dependents, -group.count, *texts


def split_by(groups: Sequence[GapGroup], way: str) -> dict[str, list[GapGroup]]:
    """Split groups by `responsible`, `reason`, `aspect` or `level`, those with most first."""
    split: dict[str, list[GapGroup]] = defaultdict(list)
    for group in groups:
        split[str(getattr(group, way))].append(group)
    return dict(sorted(split.items(), key=lambda item: (-sum(g.count for g in item[1]), item[0])))


def _obstacle(row: Record) -> tuple[str, ...]:
    names = ("responsibleParty", "reasonCode", "level", "aspect", "reasonText", "workaround")
    return tuple(str(row.get(name, "")) for name in names)


def _group(
    key: tuple[str, ...],
    rows: Sequence[Record],
    types: Mapping[str, str],
    relying: Mapping[str, frozenset[str]],
) -> GapGroup:
    responsible, reason, level, aspect, text, workaround = key
    assets = {str(row["asset"]) for row in rows}
    others: set[str] = set().union(*(relying.get(asset, ()) for asset in assets))
    return GapGroup(
        responsible=responsible,
        reason=reason,
        level=level,
        aspect=aspect,
        text=text,
        workaround=workaround,
        native_types=tuple(sorted({types.get(asset, "?") for asset in assets})),
        records=tuple(sorted(str(row["@id"]) for row in rows)),
        assets=tuple(sorted(assets)),
        dependents=len(others - assets),
        source=str(rows[0].get("source", "")),
    )
