"""Hold everything one snapshot found, each thing once, in memory as far as there is room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from exitkit.assess.references import Named, names_of
from exitkit.errors import PluginError
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Acknowledgement, Call
from exitkit.model.verdict import Aspect, Draft, Gap
from exitkit.ports import Finding
from exitkit.store.finding_shelf import (
    BY_ASPECT,
    BY_LEDGER_LINE,
    BY_NAME,
    BY_REF,
    BY_URN,
    Key,
    Parts,
    Shelf,
)
from exitkit.store.room import Room

K = TypeVar("K")
V = TypeVar("V")


class Harvest:
    """Tables are sorted when they are written; `spool` takes what has no room in memory."""

    def __init__(self, spool: Path, room: Room) -> None:
        def shelf(name: str, key: Key[K, V]) -> Shelf[K, V]:
            return shelves.enter_context(closing(Shelf(spool / f".{name}", room, key)))

        self._shelves = shelves = ExitStack()
        self.assets: Shelf[Ref, Asset] = shelf("assets", BY_REF)
        self.names: Shelf[str, Named] = shelf("names", BY_NAME)
        self.calls: Shelf[Parts, Call] = shelf("calls", BY_LEDGER_LINE)
        self._failed: Shelf[Parts, Call] = shelf("failed-calls", BY_LEDGER_LINE)
        self.relations: Shelf[str, Relation] = shelf("relations", BY_URN)
        self.aspects: Shelf[tuple[Ref, Aspect], Draft | Gap] = shelf("aspects", BY_ASPECT)
        self.access: Shelf[str, Access] = shelf("access", BY_URN)
        self.licenses: Shelf[Ref, License] = shelf("licenses", BY_REF)
        self.automation: Shelf[Ref, Automation] = shelf("automation", BY_REF)
        self.datasets: Shelf[Ref, Dataset] = shelf("datasets", BY_REF)

    def add(self, source: str, finding: Finding) -> None:
        """Put one finding where it belongs; the same thing found twice counts once."""
        match finding:
            case Asset():
                if self.assets.add(finding):
                    for name in names_of(finding):
                        self.names.add(name)
            case Call():
                self._put_call(_merged(self.calls.held_for(finding), finding))
            case Draft() | Gap():
                self.aspects.add(finding)
            case Relation():
                self.relations.add(finding)
            case Access():
                self.access.add(finding)
            case License():
                self.licenses.add(finding)
            case Automation():
                self.automation.add(finding)
            case Dataset():
                self.datasets.add(finding)
            case _:
                raise PluginError(f"source {source}: a plugin yielded {type(finding).__name__}")

    def with_aspects(self) -> Iterator[tuple[Asset, list[Draft | Gap]]]:
        """Yield each asset with what was said of its aspects, in the order of the refs."""
        told = groupby(self.aspects.in_order(), key=attrgetter("ref"))
        ref, said = next(told, (None, iter(())))
        for asset in self.assets.in_order():
            if asset.ref == ref:
                yield asset, list(said)
                ref, said = next(told, (None, iter(())))
            else:
                yield asset, []

    def open_calls(self) -> list[Call]:
        """The ledger lines that nobody has answered for, in ledger order."""
        return sorted(
            (call for call in self._failed.values() if call.is_open),
            key=lambda call: (call.source, call.scope, call.region, call.operation, call.binding),
        )

    @property
    def is_all_reached(self) -> bool:
        """Tell whether no call is left that another attempt could answer."""
        return not self._failed

    def acknowledge(self, acknowledgements: Sequence[Acknowledgement], today: dt.date) -> None:
        """Put somebody's answer on each failed call that one in force is for."""
        in_force = [one for one in acknowledgements if one.holds_on(today)]
        for call in self._failed.values() if in_force else ():
            for one in in_force:
                if one.source == call.source and fnmatchcase(call.operation, one.operation):
                    self._put_call(call.acknowledged_by(one))
                    break

    def check(self) -> None:
        """Raise PluginError where something belongs to an asset that nobody found."""
        for ref in chain(
            (ref for ref, _ in self.aspects), self.licenses, self.automation, self.datasets
        ):
            if ref not in self.assets:
                raise PluginError(f"{ref.native_type} {ref.native_id}: reported without its asset")
        for relation in self.relations.values():
            if relation.subject not in self.assets or relation.object not in self.assets:
                self.relations.discard(relation.urn)

    def close(self) -> None:
        """Let go of what lies in the spool."""
        self._shelves.close()

    def _put_call(self, call: Call) -> None:
        self.calls.put(call)
        if call.outcome.needs_acknowledgement:
            self._failed.put(call)


def _merged(first: Call | None, second: Call) -> Call:
    """One line for a call reported twice: the worse outcome stands, counts add up."""
    if first is None:
        return second
    worse = first if first.outcome.needs_acknowledgement else second
    return replace(worse, count=first.count + second.count)
