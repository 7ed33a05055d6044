"""Count the verdicts of a bundle by level, and group the gaps by who could remove them."""

from __future__ import annotations

from exitkit.assess.impact import IMPACT_LEVELS, dependents
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.verdict import Aspect, Level, Responsible
from exitkit.report.figure import Tally, text_at
from exitkit.report.parts import Count, GapGroup, PartyGaps
from exitkit.report.printed import Names, Printed, Record, Records, numbered

EXAMPLES = 8
ASPECTS = tuple(aspect.value for aspect in Aspect)
LEVELS = (
    "none", "not-attempted", "unknown", "described", "proprietary", "open", "importable",
    "rehearsed", "not-applicable",
)  # fmt: skip
"""Every level in the order of reading: what stays behind, what nobody knows, what comes along."""
GAP_LEVELS = tuple(level for level in LEVELS if Level(level).needs_reason)
PARTIES = (*(party.value for party in Responsible), "")
GAP_FIELDS = (
    "responsibleParty", "level", "reasonCode", "reasonText", "workaround", "source", "confidence",
)  # fmt: skip


class Verdicts:
    """The exportability table, read once: how much stands at which level, and why it does."""

    def __init__(self, records: Records, names: Names) -> None:
        """Read the table, and say which assets need a name."""
        self.printed = Printed("exportability")
        self._tally = Tally("exportability", *GAP_FIELDS, "aspect")
        self._examples: dict[tuple[str, ...], list[str]] = {}
        self._members: dict[tuple[str, ...], set[str]] = {}
        for line, record in numbered(records, "exportability"):
            is_gap = text_at(record, "level") in GAP_LEVELS
            if self.printed.offer(line, record, needed=is_gap):
                names.want(text_at(record, "asset"))
            self._tally.add(line, record)
            if is_gap:
                self._remember(record, names)
        wanted = set().union(*self._members.values())
        self._relying = dependents(records.get("relations", ()), wanted)

    def _remember(self, record: Record, names: Names) -> None:
        key = tuple(text_at(record, path) for path in GAP_FIELDS)
        examples = self._examples.setdefault(key, [])
        asset = text_at(record, "asset")
        self._members.setdefault(key, set()).add(asset)
        if len(examples) < EXAMPLES and asset not in examples:
            examples.append(asset)
            names.want(asset)

    def levels(self) -> tuple[Count, ...]:
        """Return how many verdicts stand at each level that there is."""
        return tuple(
            Count(level, self._tally.figure({"level": (level,)}))
            for level in LEVELS
            if level in self._tally.values("level")
        )

    def gaps(self, names: Names) -> tuple[PartyGaps, ...]:
        """Return the gaps by who could remove them, what hurts most first."""
        parties = tuple(self._party(party, names) for party in PARTIES)
        return tuple(party for party in parties if party.groups)

    def _party(self, party: str, names: Names) -> PartyGaps:
        groups = [self._group(key, names) for key in self._examples if key[0] == party]
        groups.sort(key=_by_impact)
        where = {"responsibleParty": (party,), "level": GAP_LEVELS}
        levels = (
            Count(level, self._tally.figure({**where, "level": (level,)})) for level in GAP_LEVELS
        )
        return PartyGaps(party, self._tally.figure(where), tuple(levels), tuple(groups))

    def _group(self, key: tuple[str, ...], names: Names) -> GapGroup:
        found = dict(zip(GAP_FIELDS, key, strict=True))
        where = {path: (value,) for path, value in found.items()}
        cost = load_knowledge().cost_of(found["reasonCode"], found["source"])
        counts = (Count(a, self._tally.figure({**where, "aspect": (a,)})) for a in ASPECTS)
        return GapGroup(
            level=found["level"],
            aspects=tuple(count for count in counts if count.figure.value),
            reason=found["reasonCode"],
            text=found["reasonText"],
            workaround=found["workaround"],
            source=found["source"],
            confidence=found["confidence"],
            figure=self._tally.figure(where),
            examples=tuple(names.link(asset) for asset in self._examples[key]),
            dependents=self._dependents(key),
            effort=cost.effort,
            lead_days=cost.lead_days,
        )

    def _dependents(self, key: tuple[str, ...]) -> int:
        members = self._members[key]
        others: set[str] = set().union(*(self._relying.get(asset, ()) for asset in members))
        return len(others - members)


def _by_impact(group: GapGroup) -> tuple[int, int, int, str]:
    level = IMPACT_LEVELS.index(Level(group.level))
    return level, -group.dependents, -int(group.figure.value), group.text
