"""Find the dates an exit counts from: those the plan knows, and those the contract derives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from exitkit.assess.dates import Holidays, derived_anchors, parse_period, shift
from exitkit.assess.exit_clock import contract_periods
from exitkit.model.contract import Contract
from exitkit.model.plan import Plan

STRESSED = "TSTRESS"


def known_anchors(plan: Plan, contract: Contract, holidays: Holidays = ()) -> dict[str, dt.date]:
    """Return every anchor that has a date, by the plan's `anchors:` and the contract's periods."""
    return derived_anchors(_stated(plan), contract_periods(contract.document), holidays)


def scenario_anchors(
    plan: Plan,
    contract: Contract,
    scenario: Mapping[str, Any],
    start: dt.date,
    holidays: Holidays = (),
) -> dict[str, dt.date]:
    """Return the anchors of an exit that begins on `start` and comes about by `scenario`.

    A stressed exit has no notice and no provider to keep the contract's periods: everything counts
    from the day it begins, and it has to be over after the scenario's `duration_max`.
    """
    periods = contract_periods(contract.document)
    longest = str(scenario.get("duration_max", ""))
    if scenario.get("stressed"):
        known = dict.fromkeys((STRESSED, "T0", "TN", "TS"), start)
        if _is_period(longest):
            known["TX"] = shift(start, parse_period(longest), holidays)
    else:
        known = {"T0": start}
        if not scenario.get("notice_given", True):
            known["TN"] = start
    for name in ("TINV", "TREH"):
        known.setdefault(name, _stated(plan).get(name, start))
    anchors = derived_anchors(known, periods, holidays)
    if "TX" not in anchors and _is_period(longest):
        # The contract says no period: the scenario's own is what there is.
        known["TX"] = shift(start, parse_period(longest), holidays)
        anchors = derived_anchors(known, periods, holidays)
    if {"TX", "TR"} <= anchors.keys():
        # Acceptance is an event; a timetable takes the latest day it can be on.
        anchors.setdefault("TA", anchors["TX"])
        anchors = derived_anchors(anchors, periods, holidays)
    return anchors


def _stated(plan: Plan) -> dict[str, dt.date]:
    stated = plan.document.get("anchors", {})
    return {name: dt.date.fromisoformat(str(day)) for name, day in stated.items()}


def _is_period(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip("-").startswith("P") and len(value) > 2
