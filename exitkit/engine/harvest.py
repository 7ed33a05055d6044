"""Hold everything one snapshot found, each thing once, in memory as far as there is room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from exitkit.errors import PluginError
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Acknowledgement, Call
from exitkit.model.verdict import Aspect, Draft, Gap
from exitkit.ports import Finding
from exitkit.store.finding_shelf import BY_LEDGER_LINE, Parts, Shelf
from exitkit.store.room import Room


class Harvest:
    """Tables are sorted when they are written; `spool` takes what has no room in memory."""

    def __init__(self, spool: Path, room: Room) -> None:
        self.calls: Shelf[Parts, Call] = Shelf(spool / ".calls", room, BY_LEDGER_LINE)
        self._failed: Shelf[Parts, Call] = Shelf(spool / ".failed-calls", room, BY_LEDGER_LINE)
        self.assets: dict[Ref, Asset] = {}
        self.relations: dict[str, Relation] = {}
        self.aspects: dict[tuple[Ref, Aspect], Draft | Gap] = {}
        self.access: dict[str, Access] = {}
        self.licenses: dict[Ref, License] = {}
        self.automation: dict[Ref, Automation] = {}
        self.datasets: dict[Ref, Dataset] = {}

    def add(self, source: str, finding: Finding) -> None:
        """Put one finding where it belongs; the same thing found twice counts once."""
        match finding:
            case Asset():
                self.assets.setdefault(finding.ref, finding)
            case Call():
                self._put_call(_merged(self.calls.held_for(finding), finding))
            case Draft() | Gap():
                self.aspects.setdefault((finding.ref, finding.aspect), finding)
            case Relation():
                self.relations.setdefault(finding.urn, finding)
            case Access():
                self.access.setdefault(finding.urn, finding)
            case License():
                self.licenses.setdefault(finding.ref, finding)
            case Automation():
                self.automation.setdefault(finding.ref, finding)
            case Dataset():
                self.datasets.setdefault(finding.ref, finding)
            case _:
                raise PluginError(f"source {source}: a plugin yielded {type(finding).__name__}")

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
        refs = [ref for ref, _ in self.aspects]
        refs += [*self.licenses, *self.automation, *self.datasets]
        for ref in refs:
            if ref not in self.assets:
                raise PluginError(f"{ref.native_type} {ref.native_id}: reported without its asset")
        for relation in list(self.relations.values()):
            if relation.subject not in self.assets or relation.object not in self.assets:
                del self.relations[relation.urn]

    def close(self) -> None:
        """Let go of what lies in the spool."""
        self.calls.close()
        self._failed.close()

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
