"""Tell a run from its journal: milestones, losses, steps, approvals, and what was put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exitkit.model.run import CriterionVerdict, Event, Verdict
from exitkit.report.figure import Figure, Origin, at, text_at
from exitkit.report.inputs import RunInputs
from exitkit.report.run_parts import (
    ApprovalRow,
    CriterionRow,
    EventRow,
    LossRow,
    MilestoneRow,
    RunPart,
    SandboxRow,
    StepRow,
    UnequalItems,
)

EVENT_ROWS = 2000
ITEMS = 12
ENDS = ("step.succeeded", "step.failed", "step.refused", "step.interrupted")


def tell_run(run: RunInputs, language: str) -> RunPart:
    """Return the part of the view that the journal and the judge tell."""
    started = next((event.data for event in run.events if event.type == "run.started"), {})
    summary = run.summary
    return RunPart(
        id=summary.run,
        mode=summary.mode.value,
        state=summary.state,
        by=text_at(started, "by"),
        started_at=summary.started_at.isoformat(),
        ended_at=summary.ended_at.isoformat() if summary.ended_at else "",
        bundle=text_at(started, "bundle"),
        head=summary.head,
        events=Figure(len(run.events), Origin("events", (("run", (summary.run,)),))),
        milestones=tuple(_milestone(verdict, run.events, language) for verdict in run.verdicts),
        losses=tuple(_losses(run.events)),
        unequal=tuple(_unequal(run.events)),
        steps=tuple(_steps(run.events)),
        incidents=tuple(_incidents(run.events)),
        sandboxes=tuple(_sandboxes(run.events)),
        approvals=tuple(_approvals(run.events)),
    )


def print_journal(run: RunInputs) -> tuple[EventRow, ...]:
    """Return the journal lines to print: the first ones, and every one that a verdict names."""
    named = {line for verdict in run.verdicts for line in verdict.events}
    named |= {criterion.event for verdict in run.verdicts for criterion in verdict.criteria}
    chosen = (e for e in run.events if e.sequence <= EVENT_ROWS or e.sequence in named)
    return tuple(_event_row(event) for event in chosen)


def event_figure(event: Event, path: str) -> Figure | None:
    """Make a figure of one member of a journal line."""
    value = at(event.data, path)
    if not isinstance(value, int | str):
        return None
    where = (("run", (event.run,)), ("sequence", (str(event.sequence),)))
    return Figure(value, Origin("events", where, "value", f"data.{path}"), (event.sequence,))


def _milestone(verdict: Verdict, events: Sequence[Event], language: str) -> MilestoneRow:
    start = next((event for event in events if event.type == "run.started"), None)
    place, planned = _planned(start, "plan.milestones", verdict.milestone)
    return MilestoneRow(
        id=verdict.milestone,
        title=_title(at(planned, "title"), language),
        clause=text_at(planned, "contract_clause"),
        verdict=verdict.verdict.value,
        because=verdict.because,
        criteria=tuple(_criterion(verdict, c, start, place, events) for c in verdict.criteria),
        events=verdict.events,
    )


def _title(found: Any, language: str) -> str:
    titles = found if isinstance(found, Mapping) else {"en": found or ""}
    return str(titles.get(language) or titles.get("en") or next(iter(titles.values()), ""))


def _criterion(
    verdict: Verdict,
    found: CriterionVerdict,
    start: Event | None,
    milestone: str,
    events: Sequence[Event],
) -> CriterionRow:
    place, planned = _planned(start, f"{milestone}.criteria", found.criterion)
    event = next((event for event in events if event.sequence == found.event), None)
    measured = event_figure(event, f"outcome.metrics.{found.metric}") if event else None
    expected = event_figure(start, f"{place}.value") if start and place else None
    return CriterionRow(
        id=found.criterion,
        metric=found.metric,
        unit=text_at(planned, "unit"),
        op=text_at(planned, "op"),
        expected=expected or _judged(verdict, found, "expected"),
        measured=measured or _judged(verdict, found, "measured"),
        verdict=found.verdict.value,
        event=found.event,
        because=found.because,
    )


def _judged(verdict: Verdict, found: CriterionVerdict, side: str) -> Figure | None:
    """Make a figure of what the judge worked out himself: a deadline, a time taken."""
    value = getattr(found, side)
    where = (("milestone", (verdict.milestone,)), ("criterion", (found.criterion,)))
    lines = (found.event,) if found.event else ()
    return Figure(value, Origin("criteria", where, "value", side), lines) if value else None


def _planned(start: Event | None, path: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """Find the entry called `name` in a list of the plan, and where it stands there."""
    for index, entry in enumerate((at(start.data, path) if start else None) or ()):
        if text_at(entry, "id") == name:
            return f"{path}.{index}", entry
    return "", {}


def _losses(events: Sequence[Event]) -> list[LossRow]:
    """Name each loss once: what a restore announced, its comparison says again."""
    rows = {
        (event.milestone, str(loss)): LossRow(str(loss), event.step, event.sequence)
        for event in events
        for loss in at(event.data, "outcome.losses") or ()
    }
    return list(rows.values())


def _unequal(events: Sequence[Event]) -> list[UnequalItems]:
    """Group the items that are not equal; the last step of a milestone to say so speaks."""
    groups: dict[tuple[str, str, str], UnequalItems] = {}
    for event in events:
        found: dict[tuple[str, str], list[str]] = {}
        for item in at(event.data, "outcome.items") or ():
            key = (text_at(item, "result"), text_at(item, "detail"))
            found.setdefault(key, []).append(text_at(item, "item"))
        for (result, detail), items in found.items():
            if result != "equal":
                group = _group(event, result, detail, items)
                groups[event.milestone, result, detail] = group
    return sorted(groups.values(), key=lambda group: (group.result == "lost-field", group.event))


def _group(event: Event, result: str, detail: str, items: list[str]) -> UnequalItems:
    where = (("event", (str(event.sequence),)), ("result", (result,)), ("detail", (detail,)))
    figure = Figure(len(items), Origin("items", where), (event.sequence,))
    first = tuple(sorted(items)[:ITEMS])
    return UnequalItems(result, detail, figure, first, event.step, event.sequence)


def _steps(events: Sequence[Event]) -> Iterator[StepRow]:
    kinds = {e.step: text_at(e.data, "kind") for e in events if e.type == "step.started"}
    ends = {event.step: event for event in events if event.type in ENDS}
    undone = {e.step: e.sequence for e in events if e.type == "step.compensated"}
    for step, event in ends.items():
        ended = event.type.removeprefix("step.")
        yield StepRow(
            event.milestone, step, kinds.get(step, ""), ended, _message(event), event.sequence,
            undone.get(step, 0),
        )  # fmt: skip


def _incidents(events: Sequence[Event]) -> Iterator[StepRow]:
    for event in events:
        stopped = event.type == "step.failed" and at(event.data, "outcome.metrics.quota_exceeded")
        if event.type == "step.compensation_failed" or stopped:
            message = _message(event)
            yield StepRow(event.milestone, event.step, "", "failed", message, event.sequence)


def _sandboxes(events: Sequence[Event]) -> Iterator[SandboxRow]:
    for event in events:
        if event.type == "sandbox.compared":
            found = at(event.data, "differences")
            differences = found if isinstance(found, list | tuple) else ()
            equal = at(event.data, "equal") is True
            target = text_at(event.data, "target")
            yield SandboxRow(target, equal, tuple(map(str, differences)), event.sequence)


def _approvals(events: Sequence[Event]) -> Iterator[ApprovalRow]:
    asked = {e.step: text_at(e.data, "statement") for e in events if e.type == "approval.requested"}
    for event in events:
        if event.type in ("approval.given", "approval.rejected"):
            yield ApprovalRow(
                statement=text_at(event.data, "statement") or asked.get(event.step, ""),
                outcome=event.type.removeprefix("approval."),
                by=text_at(event.data, "by") or event.actor,
                key_fingerprint=text_at(event.data, "key_fingerprint"),
                event=event.sequence,
            )


def _message(event: Event) -> str:
    paths = ("outcome.message", "message", "statement", "why", "target", "mode")
    return next((found for path in paths if (found := text_at(event.data, path))), "")


def _event_row(event: Event) -> EventRow:
    metrics = at(event.data, "outcome.metrics")
    named = metrics if isinstance(metrics, Mapping) else {}
    return EventRow(
        sequence=event.sequence,
        at=event.at.isoformat(),
        type=event.type,
        milestone=event.milestone,
        step=event.step,
        attempt=event.attempt,
        actor=event.actor,
        text=_message(event),
        metrics=tuple((name, text_at(named, name)) for name in sorted(named)),
        digest=event.digest,
    )
