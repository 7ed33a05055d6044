"""Count what the bundle holds: gaps, coverage, access, licenses, scripts, inventory."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.report.calls import Calls
from exitkit.report.figure import Tally, text_at
from exitkit.report.holdings import Holdings
from exitkit.report.parts import (
    AutomationRow,
    Count,
    Coverage,
    DatasetRow,
    Holder,
    Inventory,
    LicenseRow,
    Link,
    PartyGaps,
    Place,
    RecordTable,
)
from exitkit.report.printed import Names, Printed, Record, Records, numbered
from exitkit.report.verdicts import EXAMPLES, Verdicts


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
    exportability = Verdicts(records, names)
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


class _Access:
    def __init__(self, records: Records, names: Names) -> None:
        self.printed = Printed("access")
        self._tally = Tally("access", "principal", "principalType")
        self._permissions: dict[tuple[str, ...], set[str]] = {}
        self._used: dict[tuple[str, ...], set[str]] = {}
        self._ends: dict[tuple[str, ...], set[str]] = {}
        for line, record in numbered(records, "access"):
            self.printed.offer(line, record, needed=True)
            self._tally.add(line, record)
            key = (text_at(record, "principal"), text_at(record, "principalType"))
            names.want(key[0])
            names.call(key[0], text_at(record, "principalPlace.nativeId"))
            self._permissions.setdefault(key, set()).add(text_at(record, "permission"))
            self._used.setdefault(key, set()).add(text_at(record, "lastUsedOn"))
            self._ends.setdefault(key, set()).add(text_at(record, "expiresOn"))

    def holders(self, names: Names) -> tuple[Holder, ...]:
        holders = [self._holder(key, names) for key in self._tally.combinations()]
        return tuple(sorted(holders, key=lambda h: (-int(h.grants.value), h.principal.text)))

    def _holder(self, key: tuple[str, ...], names: Names) -> Holder:
        grants = self._tally.figure({"principal": (key[0],), "principalType": (key[1],)})
        permissions = sorted(self._permissions[key])[:EXAMPLES]
        # One right without an end is enough to stay.
        ends = self._ends[key]
        return Holder(
            names.link(key[0]), key[1], grants, tuple(permissions),
            last_used_on=max(self._used[key]), expires_on="" if "" in ends else max(ends),
        )  # fmt: skip


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
