"""Tell what a run does while it does it, and what it came to, in lines people read in a hurry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from exitkit.cli.output import show_event
from exitkit.engine.conclude import Conclusion
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress
from exitkit.model.run import Event, MilestoneVerdict, Verdict
from exitkit.store.canonical import timestamp

COLORS = {
    "succeeded": "green", "reached": "green", "compensated": "green", "completed": "green",
    "given": "green", "failed": "red", "compensation_failed": "red", "refused": "yellow",
    "interrupted": "yellow", "rejected": "red", "aborted": "yellow", "requested": "cyan",
    "exceeded": "red",
    MilestoneVerdict.PROVED: "green", MilestoneVerdict.MISSED: "red",
    MilestoneVerdict.NOT_TESTED: "yellow",
}  # fmt: skip
WORDS = {
    "compensated": "undone", "compensation_failed": "NOT undone", "given": "approved",
    "requested": "waits for approval", "inventoried": "listed", "amend_rejected": "NOT amended",
    "anomaly": "clock was set", "progress": "says", "exceeded": "over budget",
}  # fmt: skip
SILENT = {"step.spawned", "coordinator.started", "coordinator.stopped"}


def event_listener(*, as_json: bool) -> Callable[[Event], None]:
    """Return what shows each event of a run once it is durable."""
    return _show_json if as_json else _show_line


def show_waiting(state: RunState) -> None:
    """Say what a blocked run waits for, and the command that answers."""
    for name in state.active:
        step = state.step(name)
        if step.request:
            click.echo(f"{name} waits: {step.request['statement']}")
            click.echo(f"  exitkit approve {state.run} {name} --key KEY.pem --by NAME")
        elif step.progress is StepProgress.WAITING:
            click.echo(f"{name} waits: {step.message}")
        elif step.progress is StepProgress.HELD:
            click.echo(f"{name}: ended unseen; look whether it had an effect, then")
            click.echo(f"  exitkit resume {state.run} --rerun {name}")
        elif step.progress is StepProgress.FAILED:
            click.echo(f"{name}: failed: {step.message}; put right what failed, then")
            click.echo(f"  exitkit resume {state.run} --rerun {name}")


def show_end(
    state: RunState, verdicts: Iterable[Verdict], conclusion: Conclusion, *, as_json: bool
) -> None:
    """Say what was proved, what could not be taken back, and where the evidence is."""
    if as_json:
        show_event("concluded", **end_document(state, verdicts, conclusion))
        return
    click.echo(f"{state.run}: {state.ended}")
    for one in verdicts:
        word = click.style(one.verdict.value.ljust(10), fg=COLORS[one.verdict])
        click.echo(f"  {word}  {one.milestone}: {one.because}")
    for incident in state.incidents:
        click.secho(f"  INCIDENT    {incident}", fg="red")
    sealed = "sealed" if conclusion.sealed else "NOT sealed"
    click.echo(f"{conclusion.path.name}: {sealed}, {conclusion.lifted} verdicts rehearsed")


def end_document(
    state: RunState, verdicts: Iterable[Verdict], conclusion: Conclusion
) -> dict[str, Any]:
    """Return the end of a run as JSON-compatible data."""
    return {
        "run": state.run,
        "state": state.ended,
        "milestones": {one.milestone: one.verdict.value for one in verdicts},
        "incidents": list(state.incidents),
        "bundle": conclusion.bundle,
        "path": str(conclusion.path),
        "sealed": conclusion.sealed,
        "lifted": conclusion.lifted,
    }


def _show_json(event: Event) -> None:
    show_event(
        event.type, run=event.run, sequence=event.sequence, at=timestamp(event.at),
        milestone=event.milestone, step=event.step, attempt=event.attempt,
        data={key: value for key, value in event.data.items() if key not in ("plan", "lines")},
    )  # fmt: skip


def _show_line(event: Event) -> None:
    if event.type in SILENT:
        return
    _, _, happened = event.type.partition(".")
    subject = event.step or event.milestone or event.data.get("target") or event.run
    # ljust before style: escape codes would count as width.
    word = click.style(WORDS.get(happened, happened).ljust(18), fg=COLORS.get(happened))
    click.echo(f"{event.at.astimezone():%H:%M:%S}  {word}  {subject}  {_detail(event)}".rstrip())


def _detail(event: Event) -> str:
    data = event.data
    match event.type:
        case "sandbox.inventoried":
            return f"{data['count']} things {data['when']}"
        case "sandbox.compared":
            return "as it was before" if data["equal"] else "; ".join(data["differences"][:3])
        case "approval.rejected" | "plan.amend_rejected" | "message.ignored":
            return str(data["why"])
        case "approval.given" | "run.interrupted" | "run.paused" | "run.resumed":
            return f"by {data['by']}"
        case "step.skipped":
            return f"by {data['by']}: {data['reason']}"
        case "plan.amended":
            return f"by {data['by']}: plan is now {data['plan_digest'][:12]}"
        case "clock.anomaly":
            return f"by {data['jump_s']} s"
        case "approval.requested":
            return str(data["statement"])
        case "step.progress":
            return "; ".join(data["said"])
        case "budget.exceeded":
            return f"{data['what']}: {data['used']} used of {data['limit']}"
        case "step.started":
            return f"attempt {event.attempt}" if event.attempt > 1 else ""
    return str(data.get("message") or data.get("outcome", {}).get("message", ""))
