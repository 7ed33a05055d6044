"""Check that the milestone templates can be dated and judged."""

from __future__ import annotations

import datetime as dt

import pytest

from exitkit.assess.dates import derived_anchors, due_on
from exitkit.knowledge.milestones import PROFILES, load_templates

TEMPLATES = load_templates()
D = dt.date


def test_the_templates_are_those_of_an_exit_in_order() -> None:
    assert [one.id for one in TEMPLATES] == [f"M{number}" for number in range(16)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_deadline_of_a_profile_falls_on_a_day(profile: str) -> None:
    known = {"T0": D(2027, 1, 4), "TINV": D(2027, 1, 1), "TA": D(2027, 4, 1)}
    periods = {"notice": "P2M", "transition": "P30D", "retrieval": "P30D", "deletion": "P30D"}
    anchors = derived_anchors(known, periods)
    dated = [one.deadlines[profile] for one in TEMPLATES if profile in one.deadlines]
    assert all(due_on(deadline, anchors) for deadline in dated)
    assert len(dated) >= 15


def test_every_template_has_an_objective_criterion() -> None:
    assert all(one.criteria for one in TEMPLATES)
