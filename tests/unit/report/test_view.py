"""Hold the answer of a report to what the inputs prove, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exitkit.assess.extrapolation import Volume, extrapolate
from exitkit.model.ledger import CallOutcome
from exitkit.model.run import Measurement, MilestoneVerdict
from exitkit.report.inputs import ReportInputs, RunInputs
from exitkit.report.view import build_view
from exitkit.store.verify import QUESTIONS, Fault, LevelReached, Verification

DAY = 86_400_000


def plain_yes(inputs: ReportInputs) -> ReportInputs:
    """Take away everything that stands between the sample and a plain yes."""
    assert inputs.run
    verdicts = tuple(
        replace(verdict, verdict=MilestoneVerdict.PROVED) for verdict in inputs.run.verdicts
    )
    unanswered = [outcome.value for outcome in CallOutcome if outcome.needs_acknowledgement]
    records = dict(inputs.records)
    records["calls"] = [r for r in records["calls"] if r["outcome"] not in unanswered]
    records["exportability"] = [r for r in records["exportability"] if r["level"] != "unknown"]
    events = tuple(e for e in inputs.run.events if e.data.get("target") != "sandbox-net")
    run = replace(inputs.run, verdicts=verdicts, events=events)
    return replace(inputs, records=records, run=run, verified=verification("holds"))


def verification(seal: str, *faults: Fault) -> Verification:
    levels = tuple(LevelReached(name, QUESTIONS[name], seal) for name in ("V0", "V1"))
    return Verification("urn:b", levels, faults, (), ("SHA256:abc",), ("SHA256:abc",))


def with_run(inputs: ReportInputs, **changes: Any) -> ReportInputs:
    assert inputs.run
    run: RunInputs = replace(inputs.run, **changes)
    return replace(inputs, run=run)


def test_a_bundle_alone_says_not_rehearsed(sample: dict[str, Any]) -> None:
    view = build_view(sample["inputs"](False))
    assert view.run is None
    assert view.answer.code == "not-rehearsed"
    assert view.duration.code == "unknown"


def test_a_missed_milestone_is_never_a_yes(rehearsed: ReportInputs) -> None:
    assert build_view(rehearsed).answer.code == "no"


def test_everything_proved_within_the_period_is_a_yes(rehearsed: ReportInputs) -> None:
    view = build_view(plain_yes(rehearsed))
    assert view.answer.code == "yes"
    # What stays behind is still said beside the yes.
    assert [obstacle.code for obstacle in view.answer.obstacles] == ["stays-behind"]


def test_an_unanswered_call_keeps_the_answer_from_yes(rehearsed: ReportInputs) -> None:
    yes = plain_yes(rehearsed)
    holes = replace(yes, records=dict(yes.records) | {"calls": rehearsed.records["calls"]})
    view = build_view(holes)
    assert view.answer.code == "partly"
    assert view.coverage.open_total.value == 1
    assert [call.operation for call in view.coverage.open] == ["organizations:ListAccounts"]


def test_an_acknowledged_call_is_shown_with_who_why_and_until(rehearsed: ReportInputs) -> None:
    (call,) = build_view(rehearsed).coverage.acknowledged
    assert call.acknowledged_by == "Head of operations"
    assert call.acknowledged_until == "2027-02-20"
    assert "No support plan" in call.acknowledged_because


def test_an_invalid_bundle_outweighs_every_proof(rehearsed: ReportInputs) -> None:
    broken = replace(
        plain_yes(rehearsed), verified=verification("holds", Fault("V0", "data/x", "changed"))
    )
    assert build_view(broken).answer.code == "invalid"


def test_an_unfinished_run_answers_nothing(rehearsed: ReportInputs) -> None:
    assert rehearsed.run
    paused = replace(rehearsed.run.summary, state="paused", ended_at=None)
    assert build_view(with_run(plain_yes(rehearsed), summary=paused)).answer.code == "unfinished"


@pytest.mark.parametrize(
    ("days", "allowed", "code", "answer"),
    [
        (40, "P41D", "within", "yes"),
        (40, "P40D", "within", "yes"),
        (40, "P39D", "longer", "too-long"),
        (40, "", "no-period", "partly"),
        (40, "unknown", "no-period", "partly"),
        (None, "P40D", "unknown", "partly"),
    ],
)
def test_the_range_is_set_against_the_period(
    days: int | None, allowed: str, code: str, answer: str, rehearsed: ReportInputs
) -> None:
    measured = [Measurement("database", 1, 0, DAY)] if days else []
    whole = extrapolate(
        measured, {"database": Volume(days or 1)}, "" if allowed == "unknown" else allowed
    )
    inputs = with_run(plain_yes(rehearsed), extrapolation=whole)
    contract = {"reversibility": {"period": {"max": allowed}}}
    view = build_view(replace(inputs, contract=contract))
    assert (view.duration.code, view.answer.code) == (code, answer)


def test_a_period_inside_the_range_may_not_be_enough(rehearsed: ReportInputs) -> None:
    paces = [Measurement("database", 1, 0, DAY), Measurement("database", 1, 0, 3 * DAY)]
    whole = extrapolate(paces, {"database": Volume(40)}, "P90D")
    view = build_view(with_run(plain_yes(rehearsed), extrapolation=whole))
    assert (view.duration.code, view.answer.code) == ("overlaps", "partly")


def test_what_was_never_measured_keeps_the_answer_from_yes(rehearsed: ReportInputs) -> None:
    paces = [Measurement("database", 1, 0, DAY)]
    whole = extrapolate(paces, {"database": Volume(40), "objects": Volume(9)}, "P90D")
    view = build_view(with_run(plain_yes(rehearsed), extrapolation=whole))
    assert (view.duration.code, view.answer.code) == ("open-ended", "partly")
    assert view.duration.high_ms is None
    assert view.duration.unmeasured == ("objects",)


def test_a_period_in_months_is_shown_as_it_stands(rehearsed: ReportInputs) -> None:
    contract = {"reversibility": {"period": {"max": "P2M"}}}
    duration = build_view(replace(rehearsed, contract=contract)).duration
    assert duration.allowed
    assert (duration.allowed.value, duration.allowed_is_exact) == ("P2M", False)


def test_a_sandbox_left_changed_keeps_the_answer_from_yes(rehearsed: ReportInputs) -> None:
    assert rehearsed.run
    changed = with_run(plain_yes(rehearsed), events=rehearsed.run.events)
    assert build_view(changed).answer.code == "partly"


def test_the_three_readings_stay_apart(rehearsed: ReportInputs) -> None:
    readings = {score.code: score for score in build_view(rehearsed).scores}
    assert list(readings) == ["contract", "plan", "evidence"]
    counts = {
        name: {count.code: count.figure.value for count in score.rules}
        for name, score in readings.items()
    }
    assert counts["contract"] == {"fail": 2, "unknown": 1, "pass": 1}
    assert counts["plan"] == {"fail": 0, "unknown": 0, "pass": 1}
    assert counts["evidence"] == {"fail": 0, "unknown": 0, "pass": 0}
    milestones = {count.code: count.figure.value for count in readings["evidence"].milestones}
    assert milestones == {"proved": 1, "missed": 1, "not-tested": 1}


def test_law_is_not_mixed_with_practice(rehearsed: ReportInputs) -> None:
    natures = {regime.regime: regime.nature for regime in build_view(rehearsed).rules or ()}
    assert natures == {
        "DORA": "law", "Data Act": "law", "ECB Guide": "guidance", "Plan": "practice",
        "Practice": "practice",
    }  # fmt: skip


def test_gaps_are_grouped_by_who_could_remove_them(rehearsed: ReportInputs) -> None:
    gaps = {party.party: party for party in build_view(rehearsed).gaps}
    assert list(gaps) == ["outgoing-provider", "customer", "vendor", ""]
    (group,) = gaps["outgoing-provider"].groups
    assert group.workaround == "Re-encrypt under a key of your own before the exit."
    assert group.figure.value == 6
    levels = {count.code for party in gaps.values() for group in party.groups
              for count in group.aspects}  # fmt: skip
    assert "credentials" in levels


def test_equal_inputs_make_an_equal_view(sample: dict[str, Any]) -> None:
    assert build_view(sample["inputs"]()) == build_view(sample["inputs"]())


def test_losses_and_unequal_items_are_named_with_their_journal_line(
    rehearsed: ReportInputs,
) -> None:
    run = build_view(rehearsed).run
    assert run
    assert [(loss.loss, loss.event) for loss in run.losses] == [
        ("banner motd: the target has no banner", 9)
    ]
    (group,) = run.unequal
    assert (group.result, group.items) == ("missing", ("access-list 10 permit 10.0.0.0",))


def test_what_a_restore_and_its_comparison_both_say_is_said_once(sample: dict[str, Any]) -> None:
    inputs = sample["inputs"]()
    again = tuple(replace(event, sequence=event.sequence + 20) for event in inputs.run.events[8:9])
    twice = with_run(inputs, events=(*inputs.run.events, *again))
    run = build_view(twice).run
    assert run
    assert [loss.event for loss in run.losses] == [29]
    assert [group.event for group in run.unequal] == [29]


def test_a_large_estate_makes_a_page_of_bounded_size(sample: dict[str, Any]) -> None:
    inputs = sample["inputs"](False)
    asset = inputs.records["assets"][0]
    many = [{**asset, "@id": f"urn:{number:07d}"} for number in range(20_000)]
    view = build_view(replace(inputs, records={**inputs.records, "assets": many}))
    assert view.inventory.total.value == 20_000
    assert sum(len(table.rows) for table in view.appendix.tables) < 3_000


def test_a_holder_was_last_at_work_on_the_latest_day_and_ends_with_the_last_right(
    rehearsed: ReportInputs,
) -> None:
    def right(principal: str, **days: str) -> dict[str, str]:
        return {"@id": f"urn:{principal}", "principal": principal, "principalType": "user", **days}

    rights = [
        right("a", lastUsedOn="2026-03-01", expiresOn="2027-01-31"),
        right("a", lastUsedOn="2026-10-07", expiresOn="2027-06-30"),
        right("b", expiresOn="2027-01-31"),
        right("b"),
    ]
    view = build_view(replace(rehearsed, records={**rehearsed.records, "access": rights}))
    told = {one.principal.text: (one.last_used_on, one.expires_on) for one in view.access}
    assert told == {"a": ("2026-10-07", "2027-06-30"), "b": ("", "")}
