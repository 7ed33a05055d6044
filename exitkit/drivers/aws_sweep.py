"""Ask an account everything the plan says, in parallel, and keep a ledger line for every call."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import (
    Item,
    argument_for,
    carried_by,
    items_of,
    merge_detail,
    without_secrets,
)
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of, pages
from exitkit.drivers.aws_kept import Kept, call_line, call_of, key_of
from exitkit.drivers.aws_once import once_each
from exitkit.drivers.aws_plan import Ask, Plan
from exitkit.drivers.deadlines import Beat, Job, run_all
from exitkit.knowledge.aws_catalog import Detail, ListedType
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

STRIKES = 2
"""After so many calls without any answer an endpoint is not asked again."""

Found = Item | Call
Arguments = Mapping[str, Any]


class NotAskedError(ConnectionAbortedError):
    """A call that was not made, because its endpoint is dead."""


@dataclass(slots=True)
class _Clients:
    """The clients of one level of calls: made when first needed, closed after their last call."""

    account: Account
    limits: Limits
    left: Counter[tuple[str, str]]
    open: dict[tuple[str, str], Any] = field(default_factory=dict)
    strikes: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, service: str, region: str) -> Any:
        with self.lock:
            unit = service, region
            if unit not in self.open:
                self.open[unit] = self.account.client(service, region, self.limits)
            return self.open[unit]

    def done(self, unit: tuple[str, str]) -> None:
        with self.lock:
            self.left[unit] -= 1
            if self.left[unit] <= 0 and unit in self.open:
                self.open.pop(unit).close()

    def strike(self, unit: tuple[str, str], failure: Failure) -> None:
        """Count a call without an answer; where nobody took the call, one is enough."""
        with self.lock:
            self.strikes[unit] += STRIKES if failure.unreachable else 1

    def close(self) -> None:
        """Close what is left: clients of regions that an item turned out to be in."""
        with self.lock:
            while self.open:
                self.open.popitem()[1].close()


@dataclass(slots=True)
class Sweep:
    """One walk over one account, level by level: what has no parent first."""

    plan: Plan
    limits: Limits
    progress: Callable[[str], None]
    strikes: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    nowhere: set[tuple[str, str]] = field(default_factory=set)
    mask_key: bytes | None = None
    kept: Kept | None = None

    def run(self) -> Iterator[Found]:
        """Yield every item found and a ledger line for every call planned."""
        yield from self.plan.left_out
        asks = self.plan.roots
        while asks:
            self.progress(f"{len(asks)} list calls in account {self.plan.account.id}")
            deep: list[Item] = []
            kept: list[Item] = []
            for found in self._list(asks):
                if isinstance(found, Item) and self.details_of(found):
                    deep.append(found)
                    continue
                if isinstance(found, Item):
                    kept.append(found)
                yield found
            for found in self._describe(deep):
                if isinstance(found, Item):
                    kept.append(found)
                yield found
            asks = list(self.plan.asks_below(kept))
        yield from self._never_asked()

    def _list(self, all_asks: Sequence[Ask]) -> Iterator[Found]:
        asks = []
        for ask in all_asks:
            if (earlier := self._answered_before(ask)) is None:
                asks.append(ask)
            else:
                self.asked.add((ask.service, ask.operation, ask.region))
                yield from earlier
        clients = _Clients(self.plan.account, self.limits, Counter(ask.unit for ask in asks))
        clients.strikes = self.strikes
        jobs: list[Job[tuple[list[Item], Call]]] = [_list_job(self, ask, clients) for ask in asks]
        for index, answer in run_all(jobs, self.limits.workers, self.limits.call_deadline_s):
            ask = asks[index]
            self.asked.add((ask.service, ask.operation, ask.region))
            if answer is None:
                self.strikes[ask.unit] += 1
                yield self._overdue(f"{ask.service}:{ask.operation}", ask.region, ask.binding)
                continue
            items, call = answer
            self._keep_answer(ask, items, call)
            yield call
            yield from items

    def _answered_before(self, ask: Ask) -> list[Found] | None:
        """Return what an earlier run was answered, if it was."""
        line = self.kept.get(_key(ask)) if self.kept else None
        if line is None:
            return None
        rows = {row.native_type: row for row in ask.rows}
        found: list[Found] = [call_of(line["call"], self.plan.selection.source, self.scope)]
        for native_type, config in line["items"]:
            item = _item(self, ask, rows[native_type], config)
            item.observed_at = dt.datetime.fromisoformat(line["at"])
            found.append(item)
        return found

    def _keep_answer(self, ask: Ask, items: Sequence[Item], call: Call) -> None:
        is_open = call.outcome.needs_acknowledgement
        if self.kept and (self.kept.is_part or not is_open):
            given = [[item.row.native_type, item.config] for item in items]
            line = {"open": True} if is_open else {}
            self.kept.keep(_key(ask), {**line, "call": call_line(call), "items": given})

    @property
    def scope(self) -> str:
        """The id of the account."""
        return self.plan.account.id

    def _describe(self, deep: Sequence[Item]) -> Iterator[Found]:
        """Make the detail calls of items, and drop what turns out not to be wanted."""
        keys = [_item_key(item) for item in deep]
        units = Counter(_unit_of(self, item) for item in deep)
        clients = _Clients(self.plan.account, self.limits, units)
        clients.strikes = self.strikes
        jobs: list[Job[list[Call]]] = [_detail_job(self, item, clients) for item in deep]
        outside: Counter[tuple[str, str, str]] = Counter()
        for index, calls in run_all(jobs, self.limits.workers, self.limits.call_deadline_s):
            item = deep[index]
            if calls is None:
                first = f"{item.row.service}:{self.details_of(item)[0].operation}"
                yield self._overdue(first, item.region, item.native_id)
                calls = []
            elif self.kept:
                self._keep_details(keys[index], item, calls)
            yield from calls
            if item.row.region and item.region not in self.plan.selection.regions:
                outside[item.row.service, item.row.operation, item.region] += 1
            elif item.is_wanted:
                yield item
        clients.close()
        for (service, operation, region), count in sorted(outside.items()):
            line = self.plan.call(
                f"{service}:{operation}", CallOutcome.EXCLUDED, "left out by regions:", region
            )
            yield replace(line, count=count)

    def _keep_details(self, key: str, item: Item, calls: Sequence[Call]) -> None:
        if not self.kept:
            return
        line = {"config": item.config, "region": item.region}
        reached = [call_line(one) for one in calls if not one.outcome.needs_acknowledgement]
        if reached:
            self.kept.keep(key, {**line, "calls": reached})
        if self.kept.is_part and len(reached) < len(calls):
            self.kept.keep(key, {**line, "calls": [*map(call_line, calls)], "open": True})

    def details_of(self, item: Item) -> list[Detail]:
        """Return the detail calls of an item that the settings select."""
        chosen = self.plan.selection
        return [
            one
            for one in item.row.details
            if one.is_made_at(chosen.depth) and chosen.wants(item.row.service, one.operation)
        ]

    def _overdue(self, operation: str, region: str, binding: str) -> Call:
        reason = f"no answer within {self.limits.call_deadline_s} s"
        line = self.plan.call(operation, CallOutcome.UNAVAILABLE, reason, region)
        return replace(line, binding=binding)

    def _never_asked(self) -> Iterator[Call]:
        """Account for the calls that only a parent makes possible, where there was no parent."""
        done: dict[tuple[str, str], set[str]] = defaultdict(set)
        for service, operation, region in self.asked:
            done[service, operation].add(region)
        for parent, rows in sorted(self.plan.children.items()):
            for row in rows:
                if not done[row.service, row.operation]:
                    done[row.service, row.operation].add("")
                    yield self.plan.call(
                        f"{row.service}:{row.operation}", CallOutcome.EMPTY, f"no {parent} found"
                    )


def _list_job(sweep: Sweep, ask: Ask, clients: _Clients) -> Job[tuple[list[Item], Call]]:
    def job(beat: Beat) -> tuple[list[Item], Call]:
        began = time.monotonic()
        items: list[Item] = []
        failure, foreign, pages_seen = None, 0, 0
        try:
            for page in _guarded_pages(clients, ask.unit, ask.operation, ask.arguments, beat):
                pages_seen += 1
                for item in _items(sweep, ask, page):
                    if item.is_wanted:
                        items.append(item)
                    else:
                        foreign += 1
        except FAULTS as fault:
            failure = failure_of(fault, f"{ask.service}:{ask.operation}")
        finally:
            clients.done(ask.unit)
        if pages_seen > 1:
            # What came or went meanwhile moves others to a page that they were on already.
            items = once_each(items)
        if failure and failure.nowhere:
            sweep.nowhere.add(ask.unit)
        if failure and failure.dead:
            clients.strike(ask.unit, failure)
        line = _line(sweep, f"{ask.service}:{ask.operation}", ask.region, ask.binding, failure)
        if not failure:
            outcome = CallOutcome.COLLECTED if items else CallOutcome.EMPTY
            reason = f"{foreign} of the provider's own or of another type" if foreign else ""
            line = replace(line, outcome=outcome, reason=reason)
        if ask.doubt:
            line = _in_doubt(line, ask, nowhere=bool(failure) and ask.unit in sweep.nowhere)
        milliseconds = round((time.monotonic() - began) * 1000)
        return items, replace(line, count=len(items), duration_ms=milliseconds)

    return job


def _in_doubt(line: Call, ask: Ask, *, nowhere: bool) -> Call:
    """Say that nobody knew whether the region has the service, and whether that is settled now."""
    if nowhere:
        reason = f"there is no such host; {ask.doubt}"
        return replace(line, outcome=CallOutcome.NOT_OFFERED, reason=reason)
    return replace(line, reason="; ".join(filter(None, (line.reason, ask.doubt))))


def _guarded_pages(
    clients: _Clients, unit: tuple[str, str], operation: str, arguments: Arguments, beat: Beat
) -> Iterator[Any]:
    if clients.strikes[unit] >= STRIKES:
        raise NotAskedError("not asked: the endpoint did not answer earlier calls")
    yield from pages(clients.get(*unit), operation, arguments, beat)


def _items(sweep: Sweep, ask: Ask, page: Any) -> Iterator[Item]:
    for row in ask.rows:
        carried = carried_by(row, ask.parent) if ask.parent else {}
        for own in items_of(row, page):
            config = {**carried, **own}
            item = _item(sweep, ask, row, config)
            if sweep.mask_key is not None and item.is_wanted:
                item.config = without_secrets(config, sweep.mask_key)
            yield item


def _item(sweep: Sweep, ask: Ask, row: ListedType, config: dict[str, Any]) -> Item:
    account = sweep.plan.account
    region = "" if sweep.plan.home_of(ask.service) else ask.region
    given = dict(ask.arguments)
    parent_id = ""
    if ask.parent:
        given = {**ask.parent.given, **ask.parent.parts, **given}
        parent_id = ask.parent.native_id
    return Item(
        row, account.id, account.partition, region, config, given, parent_id, sweep.mask_key
    )


def _key(ask: Ask) -> str:
    parent = ask.parent.native_id if ask.parent else ""
    types = [row.native_type for row in ask.rows]
    return key_of("list", ask.service, ask.operation, ask.region, ask.arguments, parent, types)


def _item_key(item: Item) -> str:
    row = item.row
    return key_of("details", row.native_type, item.region, item.native_id, item.parent_id)


def _detail_job(sweep: Sweep, item: Item, clients: _Clients) -> Job[list[Call]]:
    def job(beat: Beat) -> list[Call]:
        unit = _unit_of(sweep, item)
        calls = _detailed_before(sweep, item)
        done = {call.operation for call in calls}
        try:
            for detail in sweep.details_of(item):
                if f"{item.row.service}:{detail.operation}" in done:
                    continue
                calls.append(_ask_detail(sweep, item, detail, clients))
                if item.row.region:
                    item.region = str(item.config.get(item.row.region) or item.region)
                beat()
        finally:
            clients.done(unit)
        return calls

    return job


def _unit_of(sweep: Sweep, item: Item) -> tuple[str, str]:
    return item.row.service, item.region or sweep.plan.home_of(item.row.service)


def _detailed_before(sweep: Sweep, item: Item) -> list[Call]:
    """Give an item the details that an earlier run was answered, and return their lines."""
    line = sweep.kept.get(_item_key(item)) if sweep.kept else None
    if line is None:
        return []
    item.config, item.region = line["config"], line["region"]
    return [call_of(one, sweep.plan.selection.source, sweep.scope) for one in line["calls"]]


def _ask_detail(sweep: Sweep, item: Item, detail: Detail, clients: _Clients) -> Call:
    began = time.monotonic()
    operation = f"{item.row.service}:{detail.operation}"
    found = {name: argument_for(name, item, path) for name, path in detail.keys.items()}
    # An app is of a profile or of a space: what the item has not is not asked with.
    arguments = {name: value for name, value in found.items() if value not in (None, "")}
    failure, unit = None, _unit_of(sweep, item)
    given = {**detail.bind, **arguments}
    try:
        for page in _guarded_pages(clients, unit, detail.operation, given, lambda: None):
            merge_detail(item, detail, page)
    except FAULTS as fault:
        failure = failure_of(fault, operation)
        if failure.dead:
            clients.strike(unit, failure)
        if failure.code in detail.absent:
            failure = Failure(CallOutcome.EMPTY, "")
    line = _line(sweep, operation, item.region, item.native_id, failure)
    milliseconds = round((time.monotonic() - began) * 1000)
    return replace(line, count=0 if failure else 1, duration_ms=milliseconds)


def _line(sweep: Sweep, operation: str, region: str, binding: str, failure: Failure | None) -> Call:
    outcome = failure.outcome if failure else CallOutcome.COLLECTED
    line = sweep.plan.call(operation, outcome, failure.reason if failure else "", region)
    permission = failure.permission if failure else ""
    return replace(line, binding=binding, permission=permission)
