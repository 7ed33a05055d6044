"""Hold the milestones of an exit against the contract's clock, and say what can still be won."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.dates import derived_anchors, due_on, parse_period, shift
from exitkit.assess.predicates import look_up
from exitkit.model.plan import Milestone, Plan
from exitkit.model.run import Event

ACCEPTANCE_MINUTES = "pv_recette"
"""A milestone whose `acceptance.document` is this one dates the acceptance, anchor TA."""
PERIODS = {
    "notice": ("termination.notice.switch", "termination.notice.customer_days"),
    "transition": ("reversibility.transition.duration", "reversibility.period.max"),
    "retrieval": ("retrieval.period_days",),
    "deletion": ("deletion.deadline_days",),
}
"""Where the contract says how long each period is, the first that is known counts."""


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One milestone against the clock.

    `state` is `reached`, `reached-late`, `late`, `open` or `undated`; `days` counts how late it
    is, or below zero how many days are left. `penalty` is the clause that punishes it, `remedies`
    what would bring it back, most direct first.
    """

    milestone: str
    title: Mapping[str, str]
    due: dt.date | None
    reached: dt.date | None
    state: str
    days: int
    clause: str
    penalty: str
    remedies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a milestone still needs: `steps` are not done, `rehearsed_s` what they took rehearsed.

    `waits` are the commands or decisions that it waits for, one line each.
    """

    steps: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    rehearsed_s: int | None = None


def contract_periods(contract: Mapping[str, Any]) -> dict[str, str]:
    """Return the periods that bound an exit, as far as the contract is known."""
    found: dict[str, str] = {}
    for name, places in PERIODS.items():
        known = (look_up(place, contract) for place in places)
        value = next((one for one in known if one is not None), None)
        if value is not None:
            found[name] = f"P{value}D" if isinstance(value, int) else str(value)
    return found


def anchors_of(events: Sequence[Event]) -> dict[str, dt.date]:
    """Return the dates of an exit as its own journal has them; a rehearsal has none."""
    start = next((event.data for event in events if event.type == "run.started"), {})
    basis = start.get("exit")
    if not basis:
        return {}
    anchors = {name: dt.date.fromisoformat(day) for name, day in basis["anchors"].items()}
    accepted = set(_accepting(start.get("plan", {})))
    for event in events:
        if event.type == "milestone.reached" and event.milestone in accepted:
            anchors.setdefault("TA", event.at.date())
    return derived_anchors(anchors, basis["periods"])


def reached_on(events: Iterable[Event]) -> dict[str, dt.date]:
    """Return the day each milestone was reached."""
    days: dict[str, dt.date] = {}
    for event in events:
        if event.type == "milestone.reached":
            days.setdefault(event.milestone, event.at.date())
    return days


def clock(
    plan: Plan,
    contract: Mapping[str, Any],
    anchors: Mapping[str, dt.date],
    reached: Mapping[str, dt.date],
    work: Mapping[str, Work],
    today: dt.date,
) -> tuple[ClockLine, ...]:
    """Return one line per milestone, in plan order."""
    penalties = {str(one["id"]): one for one in _entries(contract, "penalties") if "id" in one}
    documents = {str(entry["id"]): entry for entry in plan.document["milestones"]}
    extended = dict(_extensions(contract, anchors))
    lines: dict[str, ClockLine] = {}
    for milestone in plan.milestones:
        due = due_on(milestone.deadline, anchors)
        on = reached.get(milestone.id)
        state, days = _state(due, on, today)
        remedies: tuple[str, ...] = ()
        if state == "late":
            late = [name for name in milestone.depends_on if _is_late(lines.get(name))]
            remedies = tuple(
                _remedies(milestone, work.get(milestone.id, Work()), late, extended, today)
            )
        lines[milestone.id] = ClockLine(
            milestone.id, milestone.title, due, on, state, days, milestone.contract_clause,
            _penalty(documents[milestone.id], penalties), remedies,
        )  # fmt: skip
    return tuple(lines.values())


def _accepting(plan: Mapping[str, Any]) -> Iterator[str]:
    for entry in plan.get("milestones", ()):
        if entry.get("acceptance", {}).get("document") == ACCEPTANCE_MINUTES:
            yield entry["id"]


def _entries(contract: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = look_up(name, contract)
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _state(due: dt.date | None, on: dt.date | None, today: dt.date) -> tuple[str, int]:
    if due is None:
        return ("reached" if on else "undated"), 0
    days = ((on or today) - due).days
    if on is not None:
        return ("reached-late" if days > 0 else "reached"), days
    return ("late" if days > 0 else "open"), days


def _is_late(line: ClockLine | None) -> bool:
    return line is not None and line.state == "late"


def _penalty(
    milestone: Mapping[str, Any], penalties: Mapping[str, Mapping[str, Any]]
) -> str:  # fmt: skip
    name = str(milestone.get("penalty_ref", ""))
    if not name:
        return ""
    entry = penalties.get(name)
    if entry is None:
        return f"{name} (not in contract.yaml)"
    parts = [str(entry[member]) for member in ("clause", "formula") if member in entry]
    if isinstance(entry.get("cap_pct"), int | float):
        parts.append(f"cap {entry['cap_pct']} %")
    return ": ".join([name, ", ".join(parts)]) if parts else name


def _extensions(
    contract: Mapping[str, Any], anchors: Mapping[str, dt.date]
) -> Iterator[tuple[str, Mapping[str, dt.date]]]:
    """Yield what the contract lets either party add to the transition, and the dates then."""
    transition = "reversibility.transition"
    end = anchors.get("TX")
    may = look_up(f"{transition}.customer_extension.allowed", contract) is True
    for party, allowed in (("customer", may), ("provider", True)):
        longest = look_up(f"{transition}.{party}_extension.max", contract)
        if not allowed or not isinstance(longest, str) or end is None:
            continue
        moved = {"TX": shift(end, parse_period(longest))}
        kept = {name: day for name, day in anchors.items() if name not in ("TX", "TE", "TR", "TD")}
        clause = look_up(f"{transition}.{party}_extension.clause", contract)
        where = f" ({clause})" if isinstance(clause, str) else ""
        text = f"the {party} may extend the transition by up to {longest}{where}"
        yield text, derived_anchors({**kept, **moved}, contract_periods(contract))


def _remedies(
    milestone: Milestone,
    work: Work,
    late: Sequence[str],
    extended: Mapping[str, Mapping[str, dt.date]],
    today: dt.date,
) -> Iterator[str]:
    if late:
        yield f"bring back {', '.join(late)} first: it waits for that"
    yield from work.waits
    if work.steps:
        taken = "" if work.rehearsed_s is None else f"; rehearsed they took {work.rehearsed_s} s"
        yield f"finish {', '.join(work.steps)}{taken}"
    for text, anchors in extended.items():
        due = due_on(milestone.deadline, anchors)
        if due is not None and due >= today:
            yield f"{text}: it would be due on {due.isoformat()}"
