"""A timetable says what cannot be reached in time, what holds it up, and what may still slip."""

from __future__ import annotations

import datetime as dt
from typing import Any
from xml.etree import ElementTree as ET

from exitkit.assess.anchors import known_anchors, scenario_anchors
from exitkit.assess.sampling import sample
from exitkit.assess.schedule import late, out_of_order, schedule
from exitkit.model.contract import Contract
from exitkit.model.plan import Plan
from exitkit.report.timeline import as_ics, as_text
from exitkit.report.timeline_svg import as_svg
from exitkit.workspace.plan_file import plan_from_document

DAY = dt.date(2027, 1, 4)
CONTRACT = Contract(
    "C", "C",
    {
        "termination": {"notice": {"switch": "P2M"}},
        "reversibility": {"transition": {"duration": "P30D"}},
        "retrieval": {"period_days": 30}, "deletion": {"deadline_days": 14},
    },
)  # fmt: skip


def plan_of(*milestones: dict[str, Any], **more: Any) -> Plan:
    return plan_from_document(
        {"id": "P", "version": "1", "contract_ref": "C", "milestones": list(milestones), **more}
    )


def milestone(name: str, offset: str, *before: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "title": {"en": f"Title of {name}"}, "criteria": [],
        "deadline": {"anchor": "T0", "offset": offset}, "depends_on": list(before), **more,
    }  # fmt: skip


PLAN = plan_of(
    milestone("A", "P10D", duration="P5D"),
    milestone("B", "P30D", "A", duration="P20D"),
    milestone("C", "P30D", "A", duration="P3D"),
    milestone("D", "P32D", "B", "C", duration="P4D"),
)


def test_slack_is_what_may_slip_before_a_promise_is_broken() -> None:
    slots = {one.milestone.id: one for one in schedule(PLAN, {"T0": DAY}, DAY)}
    assert {name: (one.end - DAY).days for name, one in slots.items()} == {
        "A": 5, "B": 25, "C": 8, "D": 29,
    }  # fmt: skip
    # D has three days, so have B and A before it; C may slip until B is done, and those three.
    assert {name: one.slack_days for name, one in slots.items()} == {
        "A": 3, "B": 3, "C": 20, "D": 3,
    }  # fmt: skip
    assert [name for name, one in slots.items() if one.is_critical] == ["A", "B", "D"]
    assert list(late(tuple(slots.values()))) == []


def test_what_cannot_be_reached_in_time_has_slack_below_zero() -> None:
    plan = plan_of(*(PLAN.document["milestones"][:3]), milestone("D", "P20D", "B", duration="P4D"))
    slots = schedule(plan, {"T0": DAY}, DAY)
    (broken,) = late(slots)
    assert (broken.milestone.id, broken.slack_days) == ("D", -9)
    assert [(one.id, before.id) for one, before in out_of_order(plan, {"T0": DAY})] == [("D", "B")]


def test_working_days_leave_weekends_and_holidays_out() -> None:
    plan = plan_of(milestone("A", "P0D", duration="P5WD"))
    (slot,) = schedule(plan, {}, DAY, frozenset({dt.date(2027, 1, 6)}))
    assert slot.end == dt.date(2027, 1, 12)


def test_the_contract_dates_what_the_plan_does_not() -> None:
    anchors = known_anchors(plan_of(milestone("A", "P0D"), anchors={"T0": DAY}), CONTRACT)
    assert anchors["TN"] == dt.date(2027, 3, 4)
    assert anchors["TS"] == anchors["TN"]
    assert anchors["TX"] == dt.date(2027, 4, 5)  # the thirtieth day is a Saturday
    assert anchors["TR"] == dt.date(2027, 5, 5)
    assert "TA" not in anchors


def test_a_stressed_exit_has_no_notice_and_its_own_end() -> None:
    scenario = {"stressed": True, "duration_max": "P90D"}
    anchors = scenario_anchors(PLAN, CONTRACT, scenario, DAY)
    assert anchors["TSTRESS"] == anchors["TN"] == anchors["TS"] == DAY
    assert (anchors["TX"] - DAY).days == 90
    planned = scenario_anchors(PLAN, CONTRACT, {"stressed": False}, DAY)
    assert planned["TN"] == dt.date(2027, 3, 4)
    assert planned["TD"] > planned["TR"]


def test_the_chart_says_the_same_in_every_form() -> None:
    slots = schedule(PLAN, {"T0": DAY}, DAY)
    text = as_text("Leave; now", slots)
    assert "B Title of B  2027-01-09 2027-01-29 2027-02-03   +3d" in text
    svg = as_svg("<Leave>", slots)
    assert "<title>&lt;Leave&gt;</title>" in svg
    assert svg.count(" critical</text>") == 3
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "2027-02</text>" in svg
    assert " late</text>" not in svg
    due_before = {"T0": DAY - dt.timedelta(days=60)}
    assert as_svg("Leave", schedule(PLAN, due_before, DAY)).count(" late</text>") > 0
    ics = as_ics("Leave; now", slots)
    assert "DTSTART;VALUE=DATE:20270203\r\n" in ics
    assert "UID:Leave\\; now-B@exitkit\r\n" in ics
    assert max(len(line.encode()) for line in ics.split("\r\n")) <= 75


ASSETS = [
    {"@id": f"urn:{kind}:{n}", "name": f"{kind}-{n}", "kind": kind}
    for kind, count in (("database", 3), ("object-store", 40), ("server", 1))
    for n in range(count)
]


def test_a_sample_has_every_kind_what_is_critical_and_some_by_lot() -> None:
    chosen = sample(ASSETS, "2027-Q1", critical=["object-store-7"], at_random=4)
    assert {one.category for one in chosen} == {"database", "object-store", "server"}
    assert [one.name for one in chosen if one.because == "critical"] == ["object-store-7"]
    assert sum(one.because == "random" for one in chosen) == 4
    assert len({one.asset for one in chosen}) == len(chosen)


def test_the_seed_draws_the_same_sample_from_assets_in_any_order() -> None:
    first = sample(ASSETS, "a")
    assert sample(reversed(ASSETS), "a") == first
    assert any(sample(ASSETS, seed) != first for seed in "bcd")


def test_a_timetable_at_the_end_of_the_calendar_is_drawn_all_the_same() -> None:
    slots = schedule(PLAN, {"TS": dt.date.max}, dt.date.max)
    assert "9999-12-31" in as_text("Leave", slots)
    assert ET.fromstring(as_svg("Leave", slots)).tag.endswith("svg")
