"""The plan of each profile is one that can be checked, dated and kept as it stands."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from exitkit.assess.anchors import scenario_anchors
from exitkit.assess.schedule import late, out_of_order, schedule
from exitkit.drivers.holiday_calendar import days_off
from exitkit.errors import InputError
from exitkit.knowledge.milestones import PROFILES
from exitkit.model.contract import Contract
from exitkit.workspace.plan_file import load_plan
from exitkit.workspace.plan_profile import plan_text

DAY = dt.date(2027, 1, 4)
PERIODS = {
    "complex": ("P1M", "P5M"), "short": ("P30D", "P60D"), "switch": ("P2M", "P30D"),
}  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_a_plan_whose_milestones_can_be_reached(profile: str, tmp_path: Path) -> None:
    path = tmp_path / "exit-plan.yaml"
    path.write_text(plan_text(profile, "acme"), encoding="utf-8")
    plan = load_plan(path)
    notice, transition = PERIODS[profile]
    contract = Contract(
        "CTR-1", "", {
            "termination": {"notice": {"switch": notice}},
            "reversibility": {"transition": {"duration": transition}},
            "retrieval": {"period_days": 30}, "deletion": {"deadline_days": 30},
        },
    )  # fmt: skip
    holidays = days_off(plan.document["calendar"], range(2027, 2029))
    scenario = plan.document["scenarios"][0]
    anchors = scenario_anchors(plan, contract, scenario, DAY, holidays)
    slots = schedule(plan, anchors, DAY, holidays)
    assert [slot.milestone.id for slot in slots if slot.due is None] == []
    assert [slot.milestone.id for slot in late(slots)] == []
    assert list(out_of_order(plan, anchors, holidays)) == []
    assert [one.id for one in plan.milestones if not one.criteria or not one.raci] == []
    kinds = {one["kind"] for one in plan.document["scenarios"]}
    assert {"data_act_switch", "provider_failure"} <= kinds


def test_a_calendar_knows_its_days_off_and_no_other_place() -> None:
    assert dt.date(2027, 3, 29) in days_off({"market": "ECB"}, range(2027, 2028))
    assert dt.date(2027, 7, 14) in days_off({"country": "FR"}, range(2027, 2028))
    assert days_off({}, range(2027, 2028)) == ()
    with pytest.raises(InputError, match="calendar: "):
        days_off({"country": "XX"}, range(2027, 2028))
