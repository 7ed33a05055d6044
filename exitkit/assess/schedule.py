"""Lay the milestones of a plan on a calendar: what is critical, and how much slack the rest has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from exitkit.assess.dates import Holidays, due_on, parse_period, shift
from exitkit.model.plan import Milestone, Plan


@dataclass(frozen=True, slots=True)
class Slot:
    """A milestone on the calendar.

    `start` to `end` is when the work can be done at the earliest, `due` what was promised,
    `slack_days` by how many days it may slip before a promise is broken (below zero: it is).
    `is_critical` marks the longest chain: where one of it takes longer, the exit takes longer.
    """

    milestone: Milestone
    start: dt.date
    end: dt.date
    due: dt.date | None
    slack_days: int
    is_critical: bool = False


def schedule(
    plan: Plan, anchors: Mapping[str, dt.date], start: dt.date, holidays: Holidays = ()
) -> tuple[Slot, ...]:
    """Return the milestones in plan order, each as early as what it depends on lets it be.

    A milestone without a `duration` is an event: it is over on the day it can begin.
    """
    order = _in_order(plan.milestones)
    dues = {one.id: due_on(one.deadline, anchors, holidays) for one in order}
    starts: dict[str, dt.date] = {}
    ends: dict[str, dt.date] = {}
    for one in order:
        before = [ends[name] for name in one.depends_on if name in ends]
        if one.not_before in anchors:
            before.append(anchors[one.not_before])
        starts[one.id] = max([start, *before])
        ends[one.id] = shift(starts[one.id], parse_period(one.duration or "P0D"), holidays)
    slack = _slack(order, ends, starts, dues)
    slots = {
        one.id: Slot(one, starts[one.id], ends[one.id], dues[one.id], slack[one.id])
        for one in order
    }
    critical = _critical(order, slots)
    return tuple(
        replace(slots[one.id], is_critical=one.id in critical) for one in plan.milestones
    )  # fmt: skip


def late(slots: Sequence[Slot]) -> Iterator[Slot]:
    """Yield the milestones that cannot be reached by their day, even if nothing slips."""
    yield from (slot for slot in slots if slot.due is not None and slot.end > slot.due)


def out_of_order(
    plan: Plan, anchors: Mapping[str, dt.date], holidays: Holidays = ()
) -> Iterator[tuple[Milestone, Milestone]]:
    """Yield (milestone, the one it depends on) where it is due before that one."""
    by_id = {one.id: one for one in plan.milestones}
    for one in plan.milestones:
        due = due_on(one.deadline, anchors, holidays)
        for name in one.depends_on:
            before = due_on(by_id[name].deadline, anchors, holidays)
            if due is not None and before is not None and due < before:
                yield one, by_id[name]


def _slack(
    order: Sequence[Milestone],
    ends: Mapping[str, dt.date],
    starts: Mapping[str, dt.date],
    dues: Mapping[str, dt.date | None],
) -> dict[str, int]:
    last = max(ends.values(), default=dt.date.max)
    found: dict[str, int] = {}
    for one in reversed(order):
        followers = [other for other in order if one.id in other.depends_on]
        # A follower may wait for another one: the days between are slack of this one's.
        after = [
            found[other.id] + (starts[other.id] - ends[one.id]).days for other in followers
        ]  # fmt: skip
        due = dues[one.id]
        own = ((due or last) - ends[one.id]).days if due or not followers else None
        found[one.id] = min([*after, *([] if own is None else [own])])
    return found


def _critical(order: Sequence[Milestone], slots: Mapping[str, Slot]) -> set[str]:
    """Walk back from the work that ends last through whatever holds each milestone up."""
    work = [slots[one.id] for one in order if one.duration] or list(slots.values())
    chain: set[str] = set()
    current = max(work, key=lambda slot: slot.end, default=None)
    while current is not None:
        chain.add(current.milestone.id)
        before = [slots[name] for name in current.milestone.depends_on if name in slots]
        current = max(before, key=lambda slot: slot.end, default=None)
    return chain


def _in_order(milestones: Sequence[Milestone]) -> list[Milestone]:
    """Return milestones after those they depend on; the plan file lets none wait for itself."""
    placed: dict[str, Milestone] = {}
    waiting = list(milestones)
    known = {one.id for one in milestones}
    while waiting:
        ready = [one for one in waiting if set(one.depends_on) & known <= placed.keys()]
        placed.update((one.id, one) for one in ready)
        waiting = [one for one in waiting if one.id not in placed] if ready else []
    return list(placed.values())
