"""Show where runs stand, from their journals alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from exitkit.assess.exit_clock import ClockLine
from exitkit.cli.output import (
    json_option,
    show_facts,
    show_json,
    show_table,
    workspace_option,
)
from exitkit.cli.run_commands import now, run_folder, runs_of
from exitkit.cli.run_lines import show_waiting
from exitkit.engine.conclude import judged
from exitkit.engine.exit_clock import exit_clock
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepState
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.model.run import Verdict
from exitkit.store.canonical import timestamp
from exitkit.workspace.files import contract_document, load_workspace


@click.command(name="status")
@click.argument("run", required=False)
@workspace_option
@json_option
def command(run: str | None, root: Path, as_json: bool) -> int:
    """List all runs, or show the milestones and steps of RUN.

    Of an exit it shows the contract's clock: what is late, by how much, under which penalty, and
    what would bring it back. Exit code 1 when RUN failed, is late, or left an incident.
    """
    workspace = load_workspace(root)
    if run is None:
        states = list(runs_of(workspace))
        if as_json:
            show_json([_summary(state) for state in states])
        else:
            rows = [(s.run, s.mode, s.word, timestamp(s.started_at)) for s in states]
            show_table(("RUN", "MODE", "STATE", "STARTED"), rows)
        return EXIT_CLEAN
    state, events, verdicts = judged(run_folder(workspace, run), now())
    contract = contract_document(workspace)
    lines = exit_clock(workspace.runs, state, events, contract, now().date())
    if as_json:
        show_json(_document(state, verdicts) | ({"clock": _clock_document(lines)} if lines else {}))
    else:
        _show(state, verdicts, len(events))
        _show_clock(lines)
    late = any(line.state == "late" for line in lines)
    return EXIT_FOUND if late or state.incidents or state.ended == "failed" else EXIT_CLEAN


def _show_clock(lines: tuple[ClockLine, ...]) -> None:
    """Tell what is late first: it is what somebody opened the status for."""
    if not lines:
        return
    show_table(
        ("MILESTONE", "DUE", "CLOCK", "PENALTY"),
        [(one.milestone, one.due or "no date", _spoken(one), one.penalty) for one in lines],
    )
    for one in lines:
        if one.state == "late":
            click.secho(f"LATE  {one.milestone}: {_spoken(one)}", fg="red")
            click.echo(f"  clause: {one.clause or 'none named by the plan'}")
            click.echo(f"  penalty: {one.penalty or 'none named by the plan (penalty_ref)'}")
            for remedy in one.remedies:
                click.echo(f"  to bring it back: {remedy}")


def _spoken(line: ClockLine) -> str:
    days = f"{abs(line.days)} day{'' if abs(line.days) == 1 else 's'}"
    match line.state:
        case "late":
            return f"{days} late"
        case "reached-late":
            return f"reached {line.reached}, {days} late"
        case "reached":
            return f"reached {line.reached}"
        case "open":
            return f"{days} left"
    return "its anchor has no date yet"


def _clock_document(lines: tuple[ClockLine, ...]) -> list[dict[str, Any]]:
    return [
        {
            "milestone": one.milestone, "due": one.due and one.due.isoformat(),
            "reached": one.reached and one.reached.isoformat(), "state": one.state,
            "daysLate": one.days, "clause": one.clause, "penalty": one.penalty,
            "remedies": list(one.remedies),
        }
        for one in lines
    ]  # fmt: skip


def _show(state: RunState, verdicts: tuple[Verdict, ...], events: int) -> None:
    show_facts(
        {
            "run": state.run, "mode": state.mode, "state": state.word,
            "started": timestamp(state.started_at), "bundle": state.bundle,
            "journal": f"{events} events, head {state.head}",
            **({"led by": state.led_by} if state.led_by else {}),
        }
    )  # fmt: skip
    show_table(
        ("MILESTONE", "VERDICT", "BECAUSE"),
        [(one.milestone, one.verdict, one.because) for one in verdicts],
    )
    steps = state.plan.steps() if state.plan else ()
    show_table(
        ("STEP", "STATE", "ATTEMPT", "MESSAGE"),
        [_step_row(step.id, state.step(step.id)) for step in steps],
    )
    for incident in state.incidents:
        click.secho(f"INCIDENT  {incident}", fg="red")
    if not state.ended:
        show_waiting(state)


def _step_row(name: str, step: StepState) -> tuple[object, ...]:
    progress = "undone" if step.undone else step.progress.value
    return name, progress, step.attempt, step.incident or step.message


def _summary(state: RunState) -> dict[str, Any]:
    return {
        "run": state.run,
        "mode": state.mode.value,
        "state": state.word,
        "startedAt": timestamp(state.started_at),
        "endedAt": state.ended_at and timestamp(state.ended_at),
        "head": state.head,
        "incidents": list(state.incidents),
    }


def _document(state: RunState, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    steps = state.plan.steps() if state.plan else ()
    return _summary(state) | {
        "bundle": state.bundle,
        "ledBy": state.led_by,
        "milestones": {one.milestone: one.verdict.value for one in verdicts},
        "steps": [
            {
                "step": step.id, "state": state.step(step.id).progress.value,
                "attempt": state.step(step.id).attempt, "undone": state.step(step.id).undone,
                "message": state.step(step.id).message,
            }
            for step in steps
        ],
    }  # fmt: skip
