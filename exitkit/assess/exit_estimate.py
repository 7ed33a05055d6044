"""Estimate a whole exit: work, waiting and transfer, wave by wave, and what would shorten it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exitkit.assess.dates import is_within, parse_period
from exitkit.assess.extrapolation import Extrapolation
from exitkit.assess.waves import Group
from exitkit.knowledge.type_entries import Effort, Timing

MINUTES_OF_DAY = 1440
WORK_RANGE = (50, 200)
"""Per cent of the estimated work at the quick and the slow end: nobody has measured any of it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an exit can use; None is not known, and then it bounds nothing.

    `bandwidth_mbit_s` is in megabits a second; `egress_price` in hundredths of `currency` per GiB.
    """

    people: int = 1
    hours_per_day: int = 7
    bandwidth_mbit_s: int | None = None
    egress_price: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What an exit has to move: one asset, its category and what its type is known to need."""

    id: str
    category: str
    native_type: str
    effort: Effort | None
    timing: tuple[Timing, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """A quick, a likely and a slow end, all in minutes."""

    low: int
    likely: int
    high: int

    def scaled(self, numerator: int, denominator: int = 1) -> Range:
        """Return every end times a fraction, rounded up."""
        return Range(
            *(-(-one * numerator // denominator) for one in (self.low, self.likely, self.high))
        )


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one category, in minutes of one person; `unknown` assets are not in it."""

    category: str
    assets: int
    minutes: Range
    unknown: int


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave: the groups that move in it, and their work in minutes of one person."""

    groups: tuple[Group, ...]
    assets: int
    minutes: Range


@dataclass(frozen=True, slots=True)
class Saving:
    """One thing that would shorten the exit, by so many minutes of its likely time.

    `code` is `people`, `bandwidth`, `lead` or `category`; `subject` says which lead or category.
    """

    code: str
    subject: str
    minutes: int


@dataclass(frozen=True, slots=True)
class ExitEstimate:
    """The whole exit. Times are elapsed minutes, work is minutes of one person.

    The waves are worked through one after the other by all people; waiting for the longest lead
    runs beside the work; the transfer follows. `transfer` is None where a category was never
    measured, and then `total` is None too: never zero for unknown. `transfer_at_least` is what the
    measured categories and the line take even then, in minutes.
    """

    work: tuple[Work, ...]
    waves: tuple[Wave, ...]
    leads: tuple[Timing, ...]
    longest_lead: int
    elapsed_work: Range
    transfer: Range | None
    transfer_bound: str
    unmeasured: tuple[str, ...]
    egress_bytes: int
    egress_cost: int | None
    total: Range | None
    savings: tuple[Saving, ...] = field(default=())
    transfer_at_least: int | None = None


def estimate_exit(
    moved: Sequence[Moved],
    in_waves: Sequence[Sequence[Group]],
    transfer: Extrapolation,
    means: Means,
) -> ExitEstimate:
    """Estimate the exit of `moved` in the order of `in_waves`, with the rates of `transfer`."""
    made = _estimate(moved, in_waves, transfer, means)
    return replace(made, savings=tuple(_savings(made, moved, in_waves, transfer, means)))


def _estimate(
    moved: Sequence[Moved],
    in_waves: Sequence[Sequence[Group]],
    transfer: Extrapolation,
    means: Means,
    halved: str = "",
) -> ExitEstimate:
    minutes = _minutes_by_asset(moved, halved)
    waves = tuple(_wave(groups, minutes) for groups in in_waves)
    leads = _leads(moved)
    longest = max((one.minutes or 0 for one in leads), default=0)
    # A wave ends before the next begins: what is left of a day at its end is not made up for.
    elapsed = _sum(_elapsed(wave.minutes, means) for wave in waves)
    moving, bound = _transfer(transfer, means)
    total = None
    if moving is not None:
        total = Range(
            max(elapsed.low, longest) + moving.low,
            max(elapsed.likely, longest) + moving.likely,
            max(elapsed.high, longest) + moving.high,
        )
    return ExitEstimate(
        work=tuple(_work(moved, minutes)),
        waves=waves,
        leads=leads,
        longest_lead=longest,
        elapsed_work=elapsed,
        transfer=moving,
        transfer_bound=bound,
        unmeasured=transfer.unknown_categories,
        egress_bytes=transfer.egress_bytes,
        egress_cost=_cost(transfer.egress_bytes, means),
        total=total,
        transfer_at_least=_at_least(transfer, means),
    )


def _minutes_by_asset(moved: Sequence[Moved], halved: str) -> dict[str, int]:
    """Return the likely work of each asset; what is once for a type goes to its first one."""
    seen: set[str] = set()
    found = {}
    for one in moved:
        minutes = 0
        if one.effort:
            minutes = one.effort.asset_minutes
            minutes += 0 if one.native_type in seen else one.effort.fixed_minutes
            seen.add(one.native_type)
        found[one.id] = minutes // 2 if one.category == halved else minutes
    return found


def _range(minutes: int) -> Range:
    low, high = WORK_RANGE
    return Range(minutes * low // 100, minutes, minutes * high // 100)


def _wave(groups: Sequence[Group], minutes: Mapping[str, int]) -> Wave:
    members = [asset for group in groups for asset in group]
    work = _range(sum(minutes.get(asset, 0) for asset in members))
    return Wave(tuple(groups), len(members), work)


def _work(moved: Sequence[Moved], minutes: Mapping[str, int]) -> Iterator[Work]:
    by_category: dict[str, list[Moved]] = defaultdict(list)
    for one in moved:
        by_category[one.category].append(one)
    for category, members in sorted(by_category.items()):
        total = sum(minutes[one.id] for one in members)
        unknown = sum(1 for one in members if one.effort is None)
        yield Work(category, len(members), _range(total), unknown)


def _leads(moved: Sequence[Moved]) -> tuple[Timing, ...]:
    """Return what has to be waited for, longest first, each once."""
    found = {t.id: t for one in moved for t in one.timing if t.role == "lead" and t.minutes}
    return tuple(sorted(found.values(), key=lambda one: (-(one.minutes or 0), one.id)))


def working_days(work: Range, means: Means) -> int:
    """Return the working days in which all people likely do some work, none of it being none."""
    return -(-_elapsed(work, means).likely // MINUTES_OF_DAY)


def _elapsed(work: Range, means: Means) -> Range:
    """Return how long work takes all people, in calendar minutes without weekends."""
    per_day = means.people * means.hours_per_day * 60
    return work.scaled(MINUTES_OF_DAY, per_day)


def _transfer(transfer: Extrapolation, means: Means) -> tuple[Range | None, str]:
    """Return the transfer in minutes, and whether the `rate` or the `bandwidth` bounds it."""
    measured = [
        one for one in (transfer.low_ms, transfer.likely_ms, transfer.high_ms) if one is not None
    ]
    if len(measured) < 3:
        return None, "unknown"
    ends = [-(-one // 60_000) for one in measured]
    if means.bandwidth_mbit_s is None:
        return Range(*ends), "rate"
    line = _line_minutes(transfer, means.bandwidth_mbit_s)
    bound = "bandwidth" if line > ends[1] else "rate"
    return Range(*(max(one, line) for one in ends)), bound


def _at_least(transfer: Extrapolation, means: Means) -> int | None:
    """Return what no unmeasured category can shorten: measured ones at their best, and the line."""
    bounds = [] if transfer.low_ms is None else [-(-transfer.low_ms // 60_000)]
    if means.bandwidth_mbit_s is not None and transfer.egress_bytes:
        bounds.append(_line_minutes(transfer, means.bandwidth_mbit_s))
    return max(bounds, default=None)


def _line_minutes(transfer: Extrapolation, bandwidth_mbit_s: int) -> int:
    return -(-transfer.egress_bytes * 8 // (bandwidth_mbit_s * 1_000_000 * 60))


def _cost(size_bytes: int, means: Means) -> int | None:
    if means.egress_price is None:
        return None
    return -(-size_bytes * means.egress_price // 1024**3)


def _sum(ranges: Iterable[Range]) -> Range:
    found = list(ranges)
    return Range(
        sum(one.low for one in found),
        sum(one.likely for one in found),
        sum(one.high for one in found),
    )


def _savings(
    made: ExitEstimate,
    moved: Sequence[Moved],
    in_waves: Sequence[Sequence[Group]],
    transfer: Extrapolation,
    means: Means,
) -> Iterator[Saving]:
    """Yield the three things that would shorten the exit most, each tried by itself."""
    more = replace(means, people=means.people * 2)
    tried = [("people", "", _estimate(moved, in_waves, transfer, more))]
    if made.leads:
        first = made.leads[0].id
        without = [
            replace(one, timing=tuple(t for t in one.timing if t.id != first)) for one in moved
        ]
        tried.append(("lead", first, _estimate(without, in_waves, transfer, means)))
    if means.bandwidth_mbit_s:
        wider = replace(means, bandwidth_mbit_s=means.bandwidth_mbit_s * 2)
        tried.append(("bandwidth", "", _estimate(moved, in_waves, transfer, wider)))
    largest = Counter({work.category: work.minutes.likely for work in made.work})
    for category, _ in largest.most_common(3):
        halved = _estimate(moved, in_waves, transfer, means, halved=category)
        tried.append(("category", category, halved))
    savings = [Saving(code, name, _likely(made) - _likely(other)) for code, name, other in tried]
    savings.sort(key=lambda one: (-one.minutes, one.code, one.subject))
    yield from (one for one in savings[:3] if one.minutes > 0)


def _likely(made: ExitEstimate) -> int:
    """Return the likely time, without what of the transfer nobody knows."""
    return (made.total or at_least(made)).likely


def held_against(found: ExitEstimate, allowed: str) -> str:
    """Say whether the exit fits: `within`, `longer`, `may-exceed`, `unknown` or `no-period`.

    Work, waiting and the known part of the transfer can already be too long by themselves.
    """
    if not allowed or allowed == "unknown":
        return "no-period"
    limit = parse_period(allowed)
    known = found.total or at_least(found)
    fits = [is_within(parse_period(f"PT{one}M"), limit) for one in (known.likely, known.high)]
    if fits[0] is False:
        return "longer"
    if found.total is None:
        return "unknown"
    return "within" if fits == [True, True] else "may-exceed"


def at_least(found: ExitEstimate) -> Range:
    """Return the time of work and waiting, and of as much transfer as is known to be needed."""
    work, lead, more = found.elapsed_work, found.longest_lead, found.transfer_at_least or 0
    return Range(
        max(work.low, lead) + more, max(work.likely, lead) + more, max(work.high, lead) + more
    )
