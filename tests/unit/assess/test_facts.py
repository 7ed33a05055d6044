"""Check what rules are told of a plan, of a bundle and of its last rehearsal."""

from __future__ import annotations

import datetime as dt
from typing import Any

from exitkit.assess.facts import (
    inventory_facts,
    out_of_order,
    plan_facts,
    rehearsal_facts,
    rule_facts,
)
from exitkit.model.contract import Contract
from exitkit.model.plan import Deadline, Milestone, Plan

DESCRIPTOR = {
    "sequence": 2,
    "previous": {"bundle": "urn:exitkit:bundle:sha256:0"},
    "observationWindow": {"endAt": "2026-11-24T10:00:00.000Z"},
}
RUN = {
    "@id": "urn:exitkit:run:r2", "run": "r2", "mode": "rehearsal", "state": "completed",
    "endedAt": "2026-11-24T11:00:00.000Z",
}  # fmt: skip


def milestone(name: str, offset: str, *needs: str, anchor: str = "TS") -> Milestone:
    return Milestone(name, "P1", {}, Deadline(anchor, offset), (), depends_on=needs)


def plan(*milestones: Milestone) -> Plan:
    return Plan("p", "1", "c", "0" * 64, (), milestones, {"status": "approved"})


def test_a_milestone_due_before_what_it_waits_for_is_named() -> None:
    assert out_of_order([milestone("M1", "P20D"), milestone("M2", "P10D", "M1")]) == [
        "M2 before M1"
    ]


def test_deadlines_from_different_anchors_are_not_compared() -> None:
    later = milestone("M1", "P20D", anchor="TX")
    assert out_of_order([later, milestone("M2", "P10D", "M1")]) == []


def test_a_circle_of_milestones_is_named_from_each_of_them() -> None:
    circle = [milestone("M1", "P1D", "M2"), milestone("M2", "P1D", "M1")]
    assert out_of_order(circle) == ["M1 in a circle", "M2 in a circle"]


def test_the_longest_offset_from_the_transition_is_the_planned_exit() -> None:
    facts = plan_facts(plan(milestone("M1", "P10D"), milestone("M2", "P25D")))
    assert facts["derived"]["longest_transition"] == "P25D"
    assert facts["status"] == "approved"


def test_what_is_not_at_hand_is_absent_and_so_unknown() -> None:
    facts = rule_facts(Contract("c", "c", {"id": "c"}))
    assert facts.keys() == {"id"}


def test_an_inventory_says_what_it_covers_and_what_has_no_verdict() -> None:
    assets = [
        {"@id": "a", "kind": "network.device"},
        {"@id": "b", "kind": "iam.user"},
        {"@id": "b", "kind": "iam.user"},
    ]
    facts = inventory_facts(
        DESCRIPTOR, assets,
        licenses=[{"product": "Ledger", "transferable": "unknown"}],
        documents=[{"@id": "d"}],
        exportability=[{"asset": "a", "aspect": "configuration"}],
        applicable={"network.device": 2, "iam.user": 1},
        is_whole=True,
    )  # fmt: skip
    assert facts["families"] == ["access", "documentation", "network"]
    assert (facts["duplicate_ids"], facts["aspects_without_verdict"]) == (1, 3)
    assert facts["licenses"] == [{"product": "Ledger", "transferable": "undetermined"}]
    assert facts["generated_on"] == dt.date(2026, 11, 24)
    assert facts["chained"] is True


def event(run: str, step: str, compared: int) -> dict[str, Any]:
    outcome = {"metrics": {"items_compared": compared}}
    return {"run": run, "step": step, "type": "step.succeeded", "data": {"outcome": outcome}}


def test_only_the_last_rehearsal_counts() -> None:
    older = RUN | {"@id": "urn:exitkit:run:r1", "run": "r1", "endedAt": "2025-01-01T00:00:00.000Z"}
    transfer = {"measure": "transfer", "category": "objects"}
    facts = rehearsal_facts(
        runs=[RUN, older],
        measurements=[transfer | {"subject": older["@id"]}, transfer | {"subject": RUN["@id"]}],
        events=[event("r1", "compare", 5), event("r2", "compare", 7), event("r2", "other", 1)],
        extrapolated="PT9S",
    )
    assert facts is not None
    assert facts["last_on"] == dt.date(2026, 11, 24)
    assert facts["transfers"] == [{"category": "objects"}]
    assert (facts["items_compared"], facts["extrapolated"]) == (8, "PT9S")


def test_an_exit_or_an_unended_run_is_no_rehearsal() -> None:
    unended = {key: value for key, value in RUN.items() if key != "endedAt"}
    assert rehearsal_facts([RUN | {"mode": "exit"}, unended], [], []) is None
