"""Gather what rules may ask of a plan, of the latest bundle and of its last rehearsal."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from exitkit.assess.dates import is_within, parse_period
from exitkit.model.contract import Contract
from exitkit.model.plan import Milestone, Plan

Records = Iterable[Mapping[str, Any]]

# Which neutral kinds, or tables, show that a family of things was looked at.
_FAMILY_OF_KIND = {
    "network": "network", "dns": "network", "iam": "access", "automation": "scripts",
    "document": "documentation", "software": "licenses", "db": "data", "storage": "data",
}  # fmt: skip
_TRANSITION_ANCHOR = "TS"


def rule_facts(
    contract: Contract,
    plan: Plan | None = None,
    inventory: Mapping[str, Any] | None = None,
    rehearsal: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document that rules read: the contract, with what else is at hand beside it."""
    facts = dict(contract.document)
    if plan is not None:
        facts["plan"] = plan_facts(plan)
    if inventory is not None:
        facts["inventory"] = inventory
    if rehearsal is not None:
        facts["rehearsal"] = rehearsal
    return facts


def plan_facts(plan: Plan) -> dict[str, Any]:
    """Return the plan's document with what follows from it under `derived`."""
    derived: dict[str, Any] = {"out_of_order": out_of_order(plan.milestones)}
    longest = _longest_transition(plan.milestones)
    if longest:
        derived["longest_transition"] = longest
    return {**plan.document, "derived": derived}


def out_of_order(milestones: Iterable[Milestone]) -> list[str]:
    """Name the milestones that surely fall due before one they depend on, and the circles."""
    by_id = {milestone.id: milestone for milestone in milestones}
    faults = []
    for milestone in by_id.values():
        for name in milestone.depends_on:
            before = by_id.get(name)
            if before is not None and _is_due_before(milestone, before):
                faults.append(f"{milestone.id} before {name}")
        if milestone.id in _reachable(milestone.id, by_id):
            faults.append(f"{milestone.id} in a circle")
    return faults


def inventory_facts(
    descriptor: Mapping[str, Any],
    assets: Records,
    licenses: Records,
    documents: Records,
    exportability: Records,
    applicable: Mapping[str, int],
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """Return what the latest bundle shows.

    `applicable` gives the number of applicable aspects by kind. An inventory that is not whole has
    no date: it is not the one that was due.
    """
    held = list(assets)
    kinds = Counter(str(asset["kind"]) for asset in held)
    families = {_FAMILY_OF_KIND.get(kind.split(".")[0], "") for kind in kinds}
    if any(True for _ in documents):
        families.add("documentation")
    expected = sum(applicable.get(kind, 0) * count for kind, count in kinds.items())
    judged = {(row["asset"], row["aspect"]) for row in exportability}
    return {
        **({"generated_on": _day(descriptor["observationWindow"]["endAt"])} if is_whole else {}),
        "chained": int(descriptor["sequence"]) == 1 or bool(descriptor.get("previous")),
        "kinds": sorted(kinds),
        "families": sorted(families - {""}),
        "assets": len(held),
        "duplicate_ids": len(held) - len({asset["@id"] for asset in held}),
        "licenses": [_license(row) for row in licenses],
        "aspects_without_verdict": max(0, expected - len(judged)),
    }


def rehearsal_facts(
    runs: Records, measurements: Records, events: Records, extrapolated: str = ""
) -> dict[str, Any] | None:
    """Return what the last rehearsal in the bundle left behind; None where there was none.

    `extrapolated` is the period a whole exit would take, from assess/extrapolation.py.
    """
    ended = [run for run in runs if run["mode"] == "rehearsal" and run.get("endedAt")]
    if not ended:
        return None
    last = max(ended, key=lambda run: str(run["endedAt"]))
    facts = {
        "run": last["run"],
        "last_on": _day(last["endedAt"]),
        "state": last["state"],
        "transfers": [
            {"category": row["category"]}
            for row in measurements
            if row["measure"] == "transfer" and row["subject"] == last["@id"]
        ],
        "items_compared": _items_compared(events, str(last["run"])),
    }
    return facts | ({"extrapolated": extrapolated} if extrapolated else {})


def _items_compared(events: Records, run: str) -> int:
    compared: dict[str, int] = {}
    for event in events:
        if event["run"] == run and event["type"] == "step.succeeded":
            metrics = event["data"].get("outcome", {}).get("metrics", {})
            compared[event["step"]] = int(metrics.get("items_compared", 0))
    return sum(compared.values())


def _license(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what rules ask of a license; that nobody could tell is a finding, not ignorance."""
    transferable = row["transferable"]
    return {
        "product": row["product"],
        "transferable": "undetermined" if transferable == "unknown" else transferable,
    }


def _is_due_before(one: Milestone, other: Milestone) -> bool:
    if one.deadline.anchor != other.deadline.anchor:
        return False
    earlier, later = parse_period(one.deadline.offset), parse_period(other.deadline.offset)
    return one.deadline.calendar == other.deadline.calendar and is_within(later, earlier) is False


def _reachable(start: str, milestones: Mapping[str, Milestone]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        milestone = milestones.get(waiting.pop())
        fresh = set(milestone.depends_on) - seen if milestone else set()
        seen |= fresh
        waiting.extend(fresh)
    return seen


def _longest_transition(milestones: Iterable[Milestone]) -> str:
    offsets = [m.deadline.offset for m in milestones if m.deadline.anchor == _TRANSITION_ANCHOR]
    return max(offsets, key=lambda offset: parse_period(offset).bounds_s()[1], default="")


def _day(timestamp: str) -> dt.date:
    return dt.date.fromisoformat(timestamp[:10])
