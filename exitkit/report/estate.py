"""Count what the bundle holds: gaps, coverage, access, licenses, scripts, inventory."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.model.verdict import Aspect, Level, Responsible
from exitkit.report.calls import Calls
from exitkit.report.figure import Tally, text_at
from exitkit.report.holdings import Holdings
from exitkit.report.parts import (
    AutomationRow,
    Count,
    Coverage,
    DatasetRow,
    GapGroup,
    Holder,
    Inventory,
    LicenseRow,
    Link,
    PartyGaps,
    Place,
    RecordTable,
)
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


@dataclass(frozen=True, slots=True)
class Estate:
    """Every part of the view that the bundle alone tells."""

    levels: tuple[Count, ...]
    gaps: tuple[PartyGaps, ...]
    coverage: Coverage
    access: tuple[Holder, ...]
    licenses: tuple[LicenseRow, ...]
    automation: tuple[AutomationRow, ...]
    inventory: Inventory
    tables: tuple[RecordTable, ...]


def count_estate(records: Records) -> Estate:
    """Read each table once, assets last, when it is known which of them need a name."""
    names = Names()
    exportability = _Exportability(records, names)
    access = _Access(records, names)
    scripts = Holdings("automation", records, names)
    datasets = Holdings("datasets", records, names)
    licenses = Holdings("licenses", records, names)
    calls = Calls(records)
    assets = _Assets(records, names)
    printed = (assets, exportability, calls, access, licenses, scripts, datasets)
    return Estate(
        levels=exportability.levels(),
        gaps=exportability.gaps(names),
        coverage=calls.coverage(),
        access=access.holders(names),
        licenses=licenses.licenses(),
        automation=scripts.automation(names),
        inventory=assets.inventory(datasets.datasets(names)),
        tables=tuple(part.printed.result(names) for part in printed),
    )


class _Exportability:
    def __init__(self, records: Records, names: Names) -> None:
        self.printed = Printed("exportability")
        self._tally = Tally("exportability", *GAP_FIELDS, "aspect")
        self._examples: dict[tuple[str, ...], list[str]] = {}
        for line, record in numbered(records, "exportability"):
            is_gap = text_at(record, "level") in GAP_LEVELS
            if self.printed.offer(line, record, needed=is_gap):
                names.want(text_at(record, "asset"))
            self._tally.add(line, record)
            if is_gap:
                self._remember(record, names)

    def _remember(self, record: Record, names: Names) -> None:
        key = tuple(text_at(record, path) for path in GAP_FIELDS)
        examples = self._examples.setdefault(key, [])
        asset = text_at(record, "asset")
        if len(examples) < EXAMPLES and asset not in examples:
            examples.append(asset)
            names.want(asset)

    def levels(self) -> tuple[Count, ...]:
        return tuple(
            Count(level, self._tally.figure({"level": (level,)}))
            for level in LEVELS
            if level in self._tally.values("level")
        )

    def gaps(self, names: Names) -> tuple[PartyGaps, ...]:
        parties = tuple(self._party(party, names) for party in PARTIES)
        return tuple(party for party in parties if party.groups)

    def _party(self, party: str, names: Names) -> PartyGaps:
        groups = [self._group(key, names) for key in self._examples if key[0] == party]
        groups.sort(
            key=lambda group: (LEVELS.index(group.level), -int(group.figure.value), group.text)
        )
        where = {"responsibleParty": (party,), "level": GAP_LEVELS}
        levels = (
            Count(level, self._tally.figure({**where, "level": (level,)})) for level in GAP_LEVELS
        )
        return PartyGaps(party, self._tally.figure(where), tuple(levels), tuple(groups))

    def _group(self, key: tuple[str, ...], names: Names) -> GapGroup:
        found = dict(zip(GAP_FIELDS, key, strict=True))
        where = {path: (value,) for path, value in found.items()}
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
        )


class _Access:
    def __init__(self, records: Records, names: Names) -> None:
        self.printed = Printed("access")
        self._tally = Tally("access", "principal", "principalType")
        self._permissions: dict[tuple[str, ...], set[str]] = {}
        for line, record in numbered(records, "access"):
            self.printed.offer(line, record, needed=True)
            self._tally.add(line, record)
            key = (text_at(record, "principal"), text_at(record, "principalType"))
            names.want(key[0])
            names.call(key[0], text_at(record, "principalPlace.nativeId"))
            self._permissions.setdefault(key, set()).add(text_at(record, "permission"))

    def holders(self, names: Names) -> tuple[Holder, ...]:
        holders = [self._holder(key, names) for key in self._tally.combinations()]
        return tuple(sorted(holders, key=lambda h: (-int(h.grants.value), h.principal.text)))

    def _holder(self, key: tuple[str, ...], names: Names) -> Holder:
        grants = self._tally.figure({"principal": (key[0],), "principalType": (key[1],)})
        permissions = sorted(self._permissions[key])[:EXAMPLES]
        return Holder(names.link(key[0]), key[1], grants, tuple(permissions))


class _Assets:
    def __init__(self, records: Records, names: Names) -> None:
        self.printed = Printed("assets")
        self._tally = Tally("assets", "kind", "provider.name", "provider.scope", "provider.region")
        for line, record in numbered(records, "assets"):
            asset_id = text_at(record, "@id")
            wanted = names.wants(asset_id)
            anchor = self.printed.offer(line, record, needed=wanted)
            self._tally.add(line, record)
            if wanted:
                names.learn(asset_id, _asset_link(record, anchor))

    def inventory(self, datasets: tuple[DatasetRow, ...]) -> Inventory:
        kinds = [Count(k, self._tally.figure({"kind": (k,)})) for k in self._tally.values("kind")]
        places = sorted({key[1:] for key in self._tally.combinations()})
        return Inventory(
            self._tally.figure(), tuple(kinds), tuple(map(self._place, places)), datasets
        )

    def _place(self, place: tuple[str, ...]) -> Place:
        provider, scope, region = place
        where = {
            "provider.name": (provider,), "provider.scope": (scope,), "provider.region": (region,),
        }  # fmt: skip
        return Place(provider, scope, region, self._tally.figure(where))


def _asset_link(record: Record, anchor: str) -> Link:
    return Link(text_at(record, "name") or text_at(record, "provider.nativeId"), anchor)
