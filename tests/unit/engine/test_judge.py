"""Check that the judge proves only what the journal says, case by case."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.engine.judge import judge
from exitkit.model.plan import Criterion, Deadline, Milestone, Plan, Step
from exitkit.model.run import Event, MilestoneVerdict, Verdict

CASES = Path(__file__).parents[2] / "cases" / "judge"
START = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


def verdict_of(case: dict[str, Any]) -> Verdict:
    steps = tuple(Step(step["id"], "restore", {}) for step in case["steps"])
    defaults = {"kind": "count_match", "unit": "", "evidence": "read-back"}
    milestone = Milestone(
        id="M1",
        phase="P1",
        title={"en": "The case"},
        deadline=Deadline(**case["deadline"]),
        criteria=tuple(Criterion(**(defaults | row)) for row in case["criteria"]),
        steps=steps,
        in_rehearsal=case.get("in_rehearsal", True),
    )
    plan = Plan("p", "1", "c", "0" * 64, (), (milestone,), {})
    (verdict,) = judge(plan, journal(case), case.get("anchors", {}), START)
    return verdict


def journal(case: dict[str, Any]) -> list[Event]:
    return [
        Event(
            run="r", sequence=number, at=START + dt.timedelta(seconds=number), type=kind,
            actor="exitkit", data=data, previous="0" * 64, digest="1" * 64, milestone="M1",
            step=step,
        )
        for number, (kind, step, data) in enumerate(case["journal"], start=1)
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_journal_decides(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    verdict = verdict_of(case)
    assert (verdict.verdict.value, verdict.because) == (case["verdict"], case["because"])
    assert list(verdict.events) == case["events"]


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shorter_journal_never_proves_more(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    if case["verdict"] == "proved":
        return
    for length in range(len(case["journal"])):
        shorter = verdict_of(case | {"journal": case["journal"][:length]})
        assert shorter.verdict is not MilestoneVerdict.PROVED
