"""Say everything a report says as one value, from inputs alone: no clock, no disk, no words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from exitkit.model.run import MilestoneVerdict
from exitkit.report.answer import find_answer
from exitkit.report.beside import tell_changes, tell_estimate, tell_spend
from exitkit.report.duration import set_against
from exitkit.report.estate import count_estate
from exitkit.report.exportable import tell_lists, tell_scores
from exitkit.report.figure import Figure, Tally, single, text_at
from exitkit.report.inputs import ReportInputs
from exitkit.report.language import LANGUAGES
from exitkit.report.papers import tell_documents, tell_joint_inventory
from exitkit.report.parts import (
    Appendix,
    Count,
    Duration,
    Identity,
    View,
)
from exitkit.report.rehearsal import print_journal, tell_run
from exitkit.report.rules import by_regime, scores


def build_view(inputs: ReportInputs, language: str = LANGUAGES[0]) -> View:
    """Build the report's one value; every number in it carries where it came from."""
    estate = count_estate(inputs.records)
    run = tell_run(inputs.run, language) if inputs.run else None
    duration = _duration(inputs)
    milestones = _milestones(inputs)
    view = View(
        language=language,
        made_at=inputs.now.isoformat(),
        answer=find_answer(inputs.verified.exit_code, estate, run, duration, milestones),
        duration=duration,
        scores=scores(inputs.rules or (), milestones),
        levels=estate.levels,
        gaps=estate.gaps,
        run=run,
        rules=None if inputs.rules is None else by_regime(inputs.rules),
        coverage=estate.coverage,
        access=estate.access,
        licenses=estate.licenses,
        automation=estate.automation,
        inventory=estate.inventory,
        identity=_identity(inputs),
        changes=tell_changes(inputs.changes, language) if inputs.changes else None,
        estimate=(
            tell_estimate(*inputs.estimate, _period(inputs), language) if inputs.estimate else None
        ),
        spend=tell_spend(*inputs.reconciled) if inputs.reconciled else None,
        held=tell_scores(inputs.scores),
        lists=tell_lists(inputs.lists, language) if inputs.lists else None,
        documents=tell_documents(*inputs.documents, language) if inputs.documents else None,
        joint_inventory=(
            tell_joint_inventory(*inputs.joint_inventory, language)
            if inputs.joint_inventory
            else None
        ),
        appendix=Appendix((), estate.tables, print_journal(inputs.run) if inputs.run else ()),
    )
    figures = {figure.origin.anchor: figure for figure in _figures(view)}
    return replace(view, appendix=replace(view.appendix, figures=tuple(figures.values())))


def _duration(inputs: ReportInputs) -> Duration:
    period = _period(inputs)
    if inputs.run is None:
        return set_against(None, (), period, inputs.allowed_path)
    return set_against(inputs.run.extrapolation, inputs.run.events, period, inputs.allowed_path)


def _period(inputs: ReportInputs) -> str:
    allowed = text_at(inputs.contract, inputs.allowed_path)
    return "" if allowed == "unknown" else allowed


def _milestones(inputs: ReportInputs) -> tuple[Count, ...]:
    if not inputs.run:
        return ()
    tally = Tally("milestones", "verdict")
    for line, verdict in enumerate(inputs.run.verdicts, start=1):
        tally.add(line, {"verdict": verdict.verdict.value})
    order = (MilestoneVerdict.PROVED, MilestoneVerdict.MISSED, MilestoneVerdict.NOT_TESTED)
    return tuple(Count(v.value, tally.figure({"verdict": (v.value,)})) for v in order)


def _identity(inputs: ReportInputs) -> Identity:
    descriptor = inputs.descriptor
    generator = (text_at(descriptor, "generator.name"), text_at(descriptor, "generator.version"))
    return Identity(
        bundle_id=inputs.bundle_id,
        bundle_path=inputs.bundle_path,
        series=text_at(descriptor, "series"),
        sequence=single("descriptor", "", 0, descriptor, "sequence"),
        previous=text_at(descriptor, "previous"),
        sealed_at=text_at(descriptor, "sealedAt"),
        observed_from=text_at(descriptor, "observationWindow.startAt"),
        observed_until=text_at(descriptor, "observationWindow.endAt"),
        customer=text_at(descriptor, "customer"),
        scope_statement=text_at(descriptor, "scopeStatement"),
        generator=" ".join(part for part in generator if part),
        signers=inputs.verified.signers,
        key_ids=inputs.verified.key_ids,
        exit_code=inputs.verified.exit_code,
        levels=inputs.verified.levels,
        faults=inputs.verified.faults,
        holes=inputs.verified.holes,
    )


def _figures(part: Any) -> Iterator[Figure]:
    """Find every figure in a part of the view, in reading order."""
    if isinstance(part, Figure):
        yield part
    elif is_dataclass(part):
        for member in fields(part):
            yield from _figures(getattr(part, member.name))
    elif isinstance(part, tuple):
        for member_value in part:
            yield from _figures(member_value)
