"""Show where runs stand, from their journals alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

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
from exitkit.engine.state import RunState, StepState
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.model.run import Verdict
from exitkit.store.canonical import timestamp
from exitkit.workspace.files import load_workspace


@click.command(name="status")
@click.argument("run", required=False)
@workspace_option
@json_option
def command(run: str | None, root: Path, as_json: bool) -> int:
    """List all runs, or show the milestones and steps of RUN.

    Exit code 1 when RUN failed, or something it did could not be undone.
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
    if as_json:
        show_json(_document(state, verdicts))
    else:
        _show(state, verdicts, len(events))
    return EXIT_FOUND if state.incidents or state.ended == "failed" else EXIT_CLEAN


def _show(state: RunState, verdicts: tuple[Verdict, ...], events: int) -> None:
    show_facts(
        {
            "run": state.run, "mode": state.mode, "state": state.word,
            "started": timestamp(state.started_at), "bundle": state.bundle,
            "journal": f"{events} events, head {state.head}",
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
