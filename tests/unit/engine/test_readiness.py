"""The doctor looks for the collections that the plan's restorers use, and for no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exitkit.drivers.ansible_collections import PINNED, installed_version
from exitkit.engine.readiness import rehearsal_checks

Make = Callable[..., Any]


@pytest.mark.parametrize(("what", "wanted"), [("cloud-network", 1), ("documents", 0)])
def test_a_plan_is_checked_for_the_collections_it_needs(
    make_plan: Make, make_milestone: Make, what: str, wanted: int
) -> None:
    step = {"id": "s", "kind": "restore", "what": what, "target": "t",
            "effect": "external-write", "assets": {"native_type": "*"}}  # fmt: skip
    plan = make_plan(make_milestone("M1", [step]))
    checks = [one for one in rehearsal_checks(plan, {}) if one.subject.startswith("collection ")]
    assert len(checks) == wanted
    for check in checks:
        assert check.subject == "collection amazon.aws"
        assert check.ok == (installed_version("amazon.aws") == PINNED["amazon.aws"])
        assert check.next_move == (
            "python tools/fetch_collections.py, or pip install ansible==12.3.0"
        )
