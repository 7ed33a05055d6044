"""Say in the minutes of a rehearsal what was tested, by whom, on what, and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exitkit.assess.predicates import look_up
from exitkit.model.run import MilestoneVerdict
from exitkit.report.amounts import period_words
from exitkit.report.figure import at, text_at
from exitkit.report.minutes import Cell, MinutesInputs

Fact = tuple[str, Cell | None]
"""A label and its cell; without a cell it is a blank for those who sign."""
_COUNTED = (
    "items_compared", "items_different", "items_missing", "canaries_expected", "canaries_found"
)  # fmt: skip


def before_the_result(inputs: MinutesInputs) -> Iterator[tuple[str, Sequence[Fact]]]:
    """Yield the sections on purpose, scope, participants and environment."""
    first = inputs.events[0]
    document = inputs.plan.document
    yield "purpose", [
        ("objectives", _cell(document.get("objectives"))),
        ("scenario", None), ("stressed", None), ("cooperation_assumed", None),
        ("not_tested", _not_tested(inputs)),
    ]  # fmt: skip
    yield (
        "test_scope",
        [
            ("test_type", None),
            ("services", _known(inputs.contract, "services")),
            ("sampling", _cell(document.get("sampling"))),
            ("cycle", None),
        ],
    )
    raci = sorted({str(who) for one in inputs.plan.milestones for who in one.raci.get("R", ())})
    yield "participants", [
        ("responsible", _cell(raci)), ("participants", None), ("independence", None)
    ]  # fmt: skip
    yield "environment", [
        ("targets", _cell(first.data.get("targets"))),
        ("tool", _cell(text_at(first.data, "exitkit"))),
        ("segregation", None), ("masking", None),
    ]  # fmt: skip


def after_the_rates(inputs: MinutesInputs, language: str) -> Iterator[tuple[str, Sequence[Fact]]]:
    """Yield the sections that hold figures against the contract, and those that people fill."""
    yield "integrity", [*_counted(inputs), ("functional_tests", None)]
    yield (
        "extrapolation",
        [
            ("full_volume", None),
            ("allowed", _period(inputs.contract, language)),
            ("rto_rpo", None),
        ],
    )
    for heading, labels in (
        ("not_exported", ("not_exported_items", "justification", "workaround", "owner")),
        ("licenses", ("transferable", "escrow")),
        ("access", ("admin_access", "documentation_age", "competence")),
        ("cost", ("effort", "provider_hours", "charges")),
        ("cooperation", ("requests", "response_times", "refusals")),
        ("plan_effect", ("assumptions", "durations", "register")),
    ):
        yield heading, [(label, None) for label in labels]
    yield "data_protection", [("personal_data", None), ("purged", _purged(inputs))]


def findings(inputs: MinutesInputs) -> list[str]:
    """Return what the run itself found: milestones missed, and what could not be taken back."""
    missed = [
        f"{one.milestone}: {one.because}"
        for one in inputs.verdicts
        if one.verdict is MilestoneVerdict.MISSED
    ]
    left = [
        f"{event.step}: {text_at(event.data, 'message')}"
        for event in inputs.events
        if event.type == "step.compensation_failed" and event.data.get("final", True)
    ]
    return missed + left


def _not_tested(inputs: MinutesInputs) -> Cell | None:
    names = [
        one.milestone for one in inputs.verdicts if one.verdict is MilestoneVerdict.NOT_TESTED
    ]  # fmt: skip
    refused = [event for event in inputs.events if event.type == "step.refused"]
    names += [event.step for event in refused]
    return Cell(", ".join(names), refused[-1].sequence if refused else 0) if names else None


def _counted(inputs: MinutesInputs) -> Iterator[Fact]:
    """Yield what all comparisons of the run counted together, with the last line that counts."""
    for name in _COUNTED:
        found = [
            (int(value), event.sequence)
            for event in inputs.events
            if event.type == "step.succeeded"
            and isinstance(value := (at(event.data, "outcome.metrics") or {}).get(name), int)
        ]
        total = sum(value for value, _ in found)
        yield name, Cell(str(total), found[-1][1]) if found else None


def _purged(inputs: MinutesInputs) -> Cell | None:
    compared = [event for event in inputs.events if event.type == "sandbox.compared"]
    if not compared or not all(event.data["equal"] for event in compared):
        return None
    last = compared[-1]
    return Cell(last.at.date().isoformat(), last.sequence)


def _known(contract: Mapping[str, Any], path: str) -> Cell | None:
    value = look_up(path, contract)
    return _cell(value) if isinstance(value, str | list) else None


def _period(contract: Mapping[str, Any], language: str) -> Cell | None:
    """Return what the contract gives for the transition, in words."""
    value = look_up("reversibility.transition.duration", contract)
    return _cell(period_words(value, language)) if isinstance(value, str) else None


def _cell(value: object) -> Cell | None:
    """Return a value of the plan, as the first line of the journal holds it."""
    if isinstance(value, Mapping):
        value = [f"{name}: {_flat(one)}" for name, one in value.items()]
    text = _flat(value)
    return Cell(text, 1) if text else None


def _flat(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_flat(one) for one in value)
    if isinstance(value, Mapping):
        named = next((value[key] for key in ("name", "title", "id") if value.get(key)), "")
        return _flat(named or [*value.values()])
    return "" if value is None else str(value)
