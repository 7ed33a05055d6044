"""A run stays itself over 5,000 steps and over ninety days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine.approvals import approve
from exitkit.engine.run import Interrupts, drive
from exitkit.engine.state import RunState
from exitkit.engine.verify_run import journal_faults
from exitkit.model.plan import Mode, Plan
from exitkit.store.canonical import storable
from exitkit.store.keys import load_private, load_public
from exitkit.store.signers import Signers

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]


def no_wait(state: RunState) -> bool:
    return False


# Once is enough: all that is long here is the plan, and the rest runs on both.
@pytest.mark.parametrize("workshop", ["file"], indirect=True)
def test_a_plan_of_5000_steps_is_run_in_order_and_picked_up_again(
    in_memory: Any, make_plan: MakePlan, make_milestone: Make
) -> None:
    # Each milestone of 500 waits for the one before, each tenth step for the nine before it.
    wait = {"kind": "wait-until", "at": "2020-01-01"}
    milestones = []
    for m in range(10):
        steps = [
            {
                "id": f"s{m}-{n}",
                **wait,
                "needs": [f"s{m}-{k}" for k in range(n - 9, n)] if n % 10 == 9 else [],
            }
            for n in range(500)
        ]
        milestones.append(make_milestone(f"M{m}", steps, depends_on=[f"M{m - 1}"] if m else []))
    run = in_memory.start(make_plan(*milestones), mode=Mode.EXIT)
    interrupts = Interrupts()

    def stop_half_way(event: Any) -> None:
        if event.type == "milestone.reached" and event.milestone == "M4":
            interrupts.count = 1

    in_memory.on_event = stop_half_way
    assert drive(run, interrupts).paused
    run.close()
    run = in_memory.resume()
    run.journal.post({"command": "resume", "by": "user:test"})
    assert drive(run, Interrupts()).ended == "completed"
    done = [event.step for event in in_memory.of_type("step.succeeded")]
    assert Counter(done).most_common(1)[0][1] == 1
    assert len(done) == 5000
    position = {name: at for at, name in enumerate(done)}
    assert all(
        position[need] < position[step["id"]]
        for one in milestones for step in one["steps"] for need in step["needs"]
    )  # fmt: skip
    assert [name.split("-")[0] for name in done[::500]] == [f"s{m}" for m in range(10)]


class Days:
    """A clock of whole simulated days."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 12, 1, 8, tzinfo=dt.UTC)
        self.steady = 0.0

    def next_morning(self) -> None:
        self.now += dt.timedelta(days=1)
        self.steady += 86400

    def set(self) -> dict[str, Any]:
        return {"clock": lambda: self.now, "steady": lambda: self.steady}


def test_an_exit_of_ninety_days_goes_on_every_morning(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, tmp_path: Path
) -> None:
    days = Days()
    receipt = 'test -e "$EXITKIT_WORKSPACE/receipt"'
    milestones = [
        make_milestone("notice", [
            make_step("serve"),
            {"id": "receipt", "kind": "wait-for", "fact": "The notice was received.",
             "check": ["sh", "-c", receipt], "every": "1d", "needs": ["serve"]},
        ]),
        make_milestone("transition", [
            {"id": "notice-over", "kind": "wait-until", "after": "P30D"},
            {"id": "go", "kind": "wait-for-approval", "statement": "Cut over.",
             "needs": ["notice-over"]},
            make_step("cut-over", needs=["go"]),
        ], depends_on=["notice"]),
        make_milestone("retrieval", [
            {"id": "retrieval-over", "kind": "wait-until", "after": "P45D"},
            make_step("close", needs=["retrieval-over"]),
        ], depends_on=["transition"]),
    ]  # fmt: skip
    plan = make_plan(*milestones)
    run = workshop.start(plan, mode=Mode.EXIT, **days.set())
    key = load_private(tmp_path / "keys" / "exitkit.pem")
    for day in range(90):
        if day == 4:
            (tmp_path / "receipt").touch()
        if day == 20:
            # A better way to close, agreed while the notice runs.
            milestones[2]["steps"][1]["timeout"] = "2m"
            new = storable({**plan.document, "milestones": milestones, "version": "2"})
            run.journal.post({"command": "amend", "plan": new, "reason": "slower", "by": "lead"})
        if run.state.step("go").request and not run.state.step("go").approvals:
            approve(run.journal, "go", key, "Lead")
        drive(run, Interrupts(), no_wait)
        if run.state.ended:
            break
        run.close()
        days.next_morning()
        run = workshop.resume(**days.set())
    assert run.state.ended == "completed"
    assert workshop.effects() == ["did serve", "did cut-over", "did close"]
    at = {e.step: (e.at - workshop.events[0].at).days for e in workshop.of_type("step.succeeded")}
    assert (at["receipt"], at["notice-over"], at["cut-over"], at["close"]) == (4, 34, 35, 80)
    assert workshop.of_type("clock.anomaly") == []
    events = workshop.events_kept()
    signers = Signers([load_public(tmp_path / "keys" / "exitkit.pub")])
    assert list(journal_faults(events, signers)) == []
