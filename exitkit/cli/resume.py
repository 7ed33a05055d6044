"""Go on with a run after a crash, an interruption or a decision; finished steps stay finished."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.run_commands import go_on_with, is_paused


@click.command(name="resume")
@click.argument("run")
@workspace_option
@click.option(
    "--rerun",
    metavar="STEP",
    default="",
    help="Run a step again whose end nobody saw, after looking at what it did.",
)
@click.option(
    "--no-wait",
    "no_wait",
    is_flag=True,
    help="Do what can be done now and return; for a timer that calls again.",
)
@json_option
def command(run: str, root: Path, rerun: str, no_wait: bool, as_json: bool) -> int:
    """Take over RUN from wherever its journal says it is.

    A step that worked on without us is taken in, one that died is run again, probed or asked
    about as the plan says. A paused run goes on, unless a timer asks (`--no-wait`). An ended run
    is sealed where only that was missing.
    """
    messages = [{"command": "resume"}] if is_paused(root, run) and not no_wait else []
    if rerun:
        messages.append({"command": "rerun", "step": rerun})
    return go_on_with(root, run, as_json=as_json, messages=messages, waits=not no_wait)
