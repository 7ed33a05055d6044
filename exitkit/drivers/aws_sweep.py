"""Ask an account everything the plan says, in parallel, and keep a ledger line for every call."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import Item, argument_for, items_of, merge_detail
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of, pages
from exitkit.drivers.aws_plan import Ask, Plan
from exitkit.drivers.deadlines import Beat, Job, run_all
from exitkit.knowledge.aws_catalog import Detail
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

STRIKES = 2
"""After so many calls without any answer an endpoint is not asked again."""

Found = Item | Call


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


@dataclass(slots=True)
class Sweep:
    """One walk over one account, level by level: what has no parent first."""

    plan: Plan
    limits: Limits
    progress: Callable[[str], None]
    strikes: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    nowhere: set[tuple[str, str]] = field(default_factory=set)

    def run(self) -> Iterator[Found]:
        """Yield every item found and a ledger line for every call planned."""
        yield from self.plan.left_out
        asks = self.plan.roots
        while asks:
            self.progress(f"{len(asks)} list calls in account {self.plan.account.id}")
            items: list[Item] = []
            for found in self._list(asks):
                if isinstance(found, Item):
                    items.append(found)
                else:
                    yield found
            kept: list[Item] = []
            for found in self._describe(items):
                if isinstance(found, Item):
                    kept.append(found)
                yield found
            asks = list(self.plan.asks_below(kept))
        yield from self._never_asked()

    def _list(self, asks: Sequence[Ask]) -> Iterator[Found]:
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
            yield call
            yield from items

    def _describe(self, items: Sequence[Item]) -> Iterator[Found]:
        """Deepen the items that have detail calls, and drop what turns out not to be wanted."""
        deep = [item for item in items if self.details_of(item)]
        yield from (item for item in items if not self.details_of(item))
        units = Counter((item.row.service, item.region) for item in deep)
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
            yield from calls
            if item.row.region and item.region not in self.plan.selection.regions:
                outside[item.row.service, item.row.operation, item.region] += 1
            elif item.is_wanted:
                yield item
        for (service, operation, region), count in sorted(outside.items()):
            line = self.plan.call(
                f"{service}:{operation}", CallOutcome.EXCLUDED, "left out by regions:", region
            )
            yield replace(line, count=count)

    def details_of(self, item: Item) -> list[Detail]:
        """Return the detail calls of an item that the settings select."""
        wants = self.plan.selection.wants
        return [one for one in item.row.details if wants(item.row.service, one.operation)]

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
        failure, foreign = None, 0
        try:
            for page in _guarded_pages(clients, ask, beat):
                for item in _items(sweep, ask, page):
                    if item.is_wanted:
                        items.append(item)
                    else:
                        foreign += 1
        except FAULTS as fault:
            failure = failure_of(fault, f"{ask.service}:{ask.operation}")
        finally:
            clients.done(ask.unit)
        if failure and failure.nowhere:
            sweep.nowhere.add(ask.unit)
        if failure and failure.dead:
            clients.strikes[ask.unit] += 1
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


def _guarded_pages(clients: _Clients, ask: Ask, beat: Beat) -> Iterator[Any]:
    if clients.strikes[ask.unit] >= STRIKES:
        raise ConnectionAbortedError("not asked: the endpoint did not answer earlier calls")
    client = clients.get(*ask.unit)
    yield from pages(client, ask.operation, ask.arguments, beat)


def _items(sweep: Sweep, ask: Ask, page: Any) -> Iterator[Item]:
    account = sweep.plan.account
    region = "" if sweep.plan.home_of(ask.service) else ask.region
    given = dict(ask.arguments)
    if ask.parent:
        given = {**ask.parent.given, **ask.parent.parts, **given}
    for row in ask.rows:
        for config in items_of(row, page):
            parent_id = ask.parent.native_id if ask.parent else ""
            yield Item(row, account.id, account.partition, region, config, given, parent_id)


def _detail_job(sweep: Sweep, item: Item, clients: _Clients) -> Job[list[Call]]:
    def job(beat: Beat) -> list[Call]:
        home = sweep.plan.home_of(item.row.service)
        entry = (item.row.service, item.region)
        calls = []
        try:
            for detail in sweep.details_of(item):
                client = clients.get(item.row.service, item.region or home)
                calls.append(_ask_detail(sweep, item, detail, client))
                if item.row.region:
                    item.region = str(item.config.get(item.row.region) or item.region)
                beat()
        finally:
            clients.done(entry)
        return calls

    return job


def _ask_detail(sweep: Sweep, item: Item, detail: Detail, client: Any) -> Call:
    began = time.monotonic()
    operation = f"{item.row.service}:{detail.operation}"
    arguments = {name: argument_for(name, item, path) for name, path in detail.keys.items()}
    failure = None
    try:
        for page in pages(client, detail.operation, {**detail.bind, **arguments}, lambda: None):
            merge_detail(item, detail, page)
    except FAULTS as fault:
        failure = failure_of(fault, operation)
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


def unique(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items in the order of their ids, each once, however the calls were interleaved."""
    ordered = sorted(items, key=lambda item: (item.row.native_type, item.region, item.native_id))
    last = None
    for item in ordered:
        identity = item.row.native_type, item.region, item.native_id
        if identity != last:
            yield item
        last = identity
