"""Decide what to ask of an account, and account for all that is deliberately not asked."""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import Item, argument_for
from exitkit.drivers.aws_regions import availability_of
from exitkit.knowledge.aws_availability import Availability
from exitkit.knowledge.aws_catalog import ACCOUNT, STANDARD, Catalog, ListedType
from exitkit.knowledge.aws_operations import load_discovery
from exitkit.model.ledger import Call, CallOutcome


@cache
def _any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)").match


@dataclass(frozen=True, slots=True)
class Selection:
    """What the source's settings let us look at."""

    source: str
    services: tuple[str, ...]
    regions: tuple[str, ...]
    depth: str = STANDARD

    def wants(self, service: str, operation: str) -> bool:
        """Tell whether a pattern of `services:` names the service or this operation of it."""
        wanted = _any_of(self.services)
        return bool(wanted(service) or wanted(f"{service}:{operation}"))


@dataclass(frozen=True, slots=True)
class Ask:
    """One list call to make: its answer may hold several types.

    `doubt` says why it is not certain that the region has the service at all.
    """

    service: str
    operation: str
    region: str
    arguments: Mapping[str, Any]
    rows: tuple[ListedType, ...]
    parent: Item | None = None
    doubt: str = ""

    @property
    def binding(self) -> str:
        """Tells repeated calls of one operation apart in the ledger."""
        if self.parent:
            each = [f"{name}={self.arguments[name]}" for name in _each(self.rows[0].bind)]
            return ",".join([self.parent.native_id, *each])
        varying = {name: _in_words(value) for name, value in self.arguments.items()}
        return ",".join(f"{name}={value}" for name, value in sorted(varying.items()) if value)

    @property
    def unit(self) -> tuple[str, str]:
        """The client that makes the call; units of one service are spread over the run."""
        return self.service, self.region


@dataclass(slots=True)
class Plan:
    """All of one account: what to ask first, what to ask of each thing found, what is left out."""

    account: Account
    catalog: Catalog
    selection: Selection
    availability: Availability
    roots: list[Ask] = field(default_factory=list)
    children: dict[str, list[ListedType]] = field(default_factory=lambda: defaultdict(list))
    left_out: list[Call] = field(default_factory=list)
    inner: set[tuple[str, ...]] = field(default_factory=set)

    def call(self, operation: str, outcome: CallOutcome, reason: str, region: str = "") -> Call:
        """Return a ledger line for something that is not asked."""
        return Call(
            self.selection.source, self.account.id, region, operation, outcome, reason=reason
        )

    def asks_below(self, items: Iterable[Item]) -> Iterator[Ask]:
        """Yield the list calls that the items found make possible, each once for all its types."""
        for item in items:
            if self._was_walked(item):
                continue
            calls: dict[tuple[str, str, str], tuple[Mapping[str, Any], list[ListedType]]] = {}
            for row in self.children.get(item.row.native_type, ()):
                for arguments in self._arguments(row, item):
                    key = row.service, row.operation, json.dumps(arguments, sort_keys=True)
                    if row.native_type == item.row.native_type:
                        # Units within units: a circle of them is walked once.
                        if (item.region, *key) in self.inner:
                            continue
                        self.inner.add((item.region, *key))
                    calls.setdefault(key, (arguments, []))[1].append(row)
            for (service, operation, _), (arguments, rows) in calls.items():
                region = item.region or self.home_of(service) or self.account.region
                yield Ask(service, operation, region, arguments, tuple(rows), item)

    def _was_walked(self, item: Item) -> bool:
        """Tell whether an item that is listed below its own kind too was here before."""
        kind = item.row.native_type
        if all(row.native_type != kind for row in self.children.get(kind, ())):
            return False
        identity = item.region, kind, item.native_id
        was_walked = identity in self.inner
        self.inner.add(identity)
        return was_walked

    def _arguments(self, row: ListedType, item: Item) -> Iterator[Mapping[str, Any]]:
        """Yield the arguments of a child's call: nothing where the item lacks one of them."""
        found = {name: argument_for(name, item, row.keys.get(name, "")) for name in row.parent}
        # A grandparent's own argument is handed down rather than guessed.
        found |= {
            name: str(item.given[name])
            for name, parent in row.parent.items()
            if parent != item.row.native_type and name in item.given and name not in row.keys
        }
        if all(found.values()):
            for bound in _combinations(row.bind, self.account.id):
                yield {**bound, **found}

    def home_of(self, service: str, row: ListedType | None = None) -> str:
        """Return the region that answers for a global service, or for a row that has only one.

        Nothing where each region has its own.
        """
        homes = {**self.catalog.services[service].home, **(row.home if row else {})}
        return homes.get(self.account.partition, "")


def plan_for(account: Account, catalog: Catalog, selection: Selection) -> Plan:
    """Plan the whole catalog for one account."""
    plan = Plan(account, catalog, selection, availability_of(account, catalog))
    groups: dict[tuple[str, str, str], list[ListedType]] = defaultdict(list)
    for row in catalog.rows():
        if not selection.wants(row.service, row.operation):
            continue
        if not row.parent:
            bind = json.dumps(row.bind, sort_keys=True)
            groups[row.service, row.operation, bind].append(row)
        elif not _attach(plan, row):
            reason = f"{', '.join(sorted(set(row.parent.values())))} is not listed"
            operation = f"{row.service}:{row.operation}"
            plan.left_out.append(plan.call(operation, CallOutcome.EXCLUDED, reason))
    for (service, operation, bind), rows in sorted(groups.items()):
        _add_roots(plan, service, operation, json.loads(bind), tuple(rows))
    plan.roots.sort(key=_spread)
    plan.left_out.extend(_excluded(plan))
    return plan


def discovery_plan(account: Account, catalog: Catalog, selection: Selection) -> Plan:
    """Plan the list calls whose items no type of the catalog describes."""
    plan = Plan(account, catalog, selection, availability_of(account, catalog))
    for one in load_discovery():
        if selection.wants(one.service, one.operation):
            row = ListedType(one.called, one.service, one.operation, one.items, (), tags="")
            _add_roots(plan, one.service, one.operation, one.bind, (row,))
        else:
            reason = _outside(selection)
            plan.left_out.append(plan.call(one.called, CallOutcome.EXCLUDED, reason))
    plan.roots.sort(key=_spread)
    return plan


def _attach(plan: Plan, row: ListedType) -> bool:
    """Hang a child below the most specific parent that will be listed."""
    types = plan.catalog.types

    def depth(parent: str) -> tuple[int, str]:
        return -len(_ancestors(parent, types)), parent

    for parent in sorted(set(row.parent.values()), key=depth):
        lead = types.get(parent)
        if lead and plan.selection.wants(lead.service, lead.operation):
            plan.children[parent].append(row)
            return True
    return False


def _ancestors(name: str, types: Mapping[str, ListedType]) -> set[str]:
    """Return every type above a type: what is below another has all of the other's and more."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        row = types.get(waiting.pop())
        fresh = set(row.parent.values()) - found if row else set()
        found |= fresh
        waiting.extend(fresh)
    return found


def _add_roots(
    plan: Plan, service: str, operation: str, bind: Mapping[str, Any], rows: Sequence[ListedType]
) -> None:
    home = plan.home_of(service, rows[0])
    if home:
        regions: Sequence[str] = [home]
    elif rows[0].home:
        reason = f"no region of {plan.account.partition} answers for it"
        plan.left_out.append(plan.call(f"{service}:{operation}", CallOutcome.NOT_OFFERED, reason))
        return
    elif any(row.region for row in rows):
        # One call answers for every region; each item says which is its own.
        regions = plan.selection.regions[:1]
    else:
        regions = plan.selection.regions
    for region in regions:
        offer = plan.availability.offer(plan.catalog.services[service], region)
        if not offer.offered:
            outcome = CallOutcome.NOT_OFFERED
            line = plan.call(f"{service}:{operation}", outcome, offer.reason, region)
            plan.left_out.append(line)
            continue
        for arguments in _combinations(bind, plan.account.id):
            ask = Ask(service, operation, region, arguments, tuple(rows), doubt=offer.reason)
            plan.roots.append(ask)


def _combinations(bind: Mapping[str, Any], account: str) -> Iterator[dict[str, Any]]:
    """Yield the arguments once for every value of an enum that has to be asked one by one."""
    each = _each(bind)
    fixed = _resolved({name: bind[name] for name in bind if name not in each}, account)
    for values in itertools.product(*each.values()):
        yield {**fixed, **dict(zip(each, values, strict=True))}


def _in_words(value: Any) -> str:
    """Return an argument as the ledger shows it: a text, or texts in a row; else nothing."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "+".join(value)
    return value if isinstance(value, str) else ""


def _each(bind: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the arguments that are asked one value at a time, with their values."""
    return {
        name: value["each"]
        for name, value in bind.items()
        if isinstance(value, dict) and set(value) == {"each"}
    }


def _resolved(bind: Mapping[str, Any], account: str) -> dict[str, Any]:
    return {name: account if value == ACCOUNT else value for name, value in bind.items()}


def _excluded(plan: Plan) -> Iterator[Call]:
    """Yield one line for each operation the settings leave out, and each type no call lists."""
    reason = _outside(plan.selection)
    operations = {
        (row.service, operation) for row in plan.catalog.rows() for operation in row.operations
    }
    for service, operation in sorted(operations):
        if not plan.selection.wants(service, operation):
            yield plan.call(f"{service}:{operation}", CallOutcome.EXCLUDED, reason)
    yield from _too_deep(plan)
    for name, why in sorted(plan.catalog.unlisted.items()):
        if not why.startswith(("part of", "shares")):
            yield plan.call(f"catalog:{name}", CallOutcome.EXCLUDED, why)


def _outside(selection: Selection) -> str:
    """Say which setting leaves a call out."""
    named = ", ".join(selection.services[:4])
    return f"left out by services: [{named}{', ...' if len(selection.services) > 4 else ''}]"


def _too_deep(plan: Plan) -> Iterator[Call]:
    """Yield one line for each detail call that the depth does not go as far as."""
    wants, depth = plan.selection.wants, plan.selection.depth
    calls = {
        (f"{row.service}:{detail.operation}", detail.depth)
        for row in plan.catalog.rows()
        for detail in row.details
        if not detail.is_made_at(depth) and wants(row.service, detail.operation)
        if wants(row.service, row.operation)
    }
    for operation, least in sorted(calls):
        reason = f"left out by depth: {depth}; made from depth: {least}"
        yield replace(plan.call(operation, CallOutcome.EXCLUDED, reason), binding="detail")


def _spread(ask: Ask) -> tuple[int, str, str, str]:
    """Keep calls of one client together, but never walk one service region by region."""
    unit = "/".join(ask.unit)
    return zlib.crc32(unit.encode()), unit, ask.operation, ask.binding
