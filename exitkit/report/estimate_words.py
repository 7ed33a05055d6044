"""Tell an estimate of the exit in lines: work, waves, waiting, transfer, and what would help."""

from __future__ import annotations

from collections.abc import Iterator

from exitkit.assess.exit_estimate import (
    MINUTES_OF_DAY,
    WORK_RANGE,
    ExitEstimate,
    Means,
    Range,
    Saving,
    at_least,
)

ASSUMPTIONS = (
    f"work is estimated by type, never measured; its range is {WORK_RANGE[0]} to {WORK_RANGE[1]} %",
    "all people work on one wave until it is done; waiting runs beside the work; then the transfer",
    "weekends and holidays are not in it; nor is work on what no entry knows",
    "transfer is scaled from the last rehearsal; the slower of its rate and the line counts",
)
SHOWN_WAVES = 12


def estimate_lines(found: ExitEstimate, means: Means, allowed: str, verdict: str) -> Iterator[str]:
    """Yield the lines below the table of work; `verdict` is of `held_against`."""
    yield f"{len(found.waves)} waves:"
    for number, wave in enumerate(found.waves[:SHOWN_WAVES], start=1):
        together = sum(1 for group in wave.groups if len(group) > 1)
        said = f", {together} groups that move together" if together else ""
        days = person_days(wave.minutes, means)
        yield f"  {number}: {wave.assets} assets, {days} person days{said}"
    if len(found.waves) > SHOWN_WAVES:
        yield f"  ... and {len(found.waves) - SHOWN_WAVES} more; all are in --json"
    for lead in found.leads:
        yield f"wait: {_days(lead.minutes or 0)} days: {lead.text} ({lead.confidence})"
    yield f"work: {_days_range(found.elapsed_work)} days for {means.people} people"
    if found.transfer:
        yield f"transfer: {_days_range(found.transfer)} days, by {found.transfer_bound}"
    else:
        unmeasured = ", ".join(found.unmeasured) or "everything"
        known = "not known"
        if found.transfer_at_least is not None:
            known = f"at least {_days(found.transfer_at_least)} days"
        yield f"transfer: {known}; nobody measured {unmeasured}"
    yield f"egress: {found.egress_bytes} bytes{_cost(found, means)}"
    if found.total:
        yield f"exit: {_days_range(found.total)} days against {allowed}: {verdict}"
    else:
        least = _days_range(at_least(found))
        yield f"exit: {least} days and the rest of the transfer, against {allowed}: {verdict}"
    for saving in found.savings:
        yield f"shorter by {_days(saving.minutes)} days: {_saving(saving)}"
    for line in ASSUMPTIONS:
        yield f"assumed: {line}"


def _saving(saving: Saving) -> str:
    return {
        "people": "twice as many people",
        "bandwidth": "twice the bandwidth",
        "lead": f"begin {saving.subject} before the notice",
        "category": f"half the work on {saving.subject}, by automating or rehearsing it",
    }[saving.code]


def _cost(found: ExitEstimate, means: Means) -> str:
    if found.egress_cost is None:
        return "; no price is entered"
    return f", {found.egress_cost // 100}.{found.egress_cost % 100:02} {means.currency}"


def person_days(minutes: Range, means: Means) -> str:
    a_day = means.hours_per_day * 60
    return f"{_tenths(minutes.low, a_day)} to {_tenths(minutes.high, a_day)}"


def _days_range(minutes: Range) -> str:
    ends = (_days(one) for one in (minutes.low, minutes.likely, minutes.high))
    low, likely, high = ends
    return f"{low} to {high} (likely {likely})"


def _days(minutes: int) -> str:
    return _tenths(minutes, MINUTES_OF_DAY)


def _tenths(value: int, unit: int) -> str:
    tenths = -(-10 * value // unit)
    return f"{tenths // 10}.{tenths % 10}"
