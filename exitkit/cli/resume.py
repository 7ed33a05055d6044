"""Go on with a run after a crash, an interruption or a decision; finished steps stay finished."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.run_commands import go_on_with


@click.command(name="resume")
@click.argument("run")
@workspace_option
@click.option(
    "--rerun",
    metavar="STEP",
    default="",
    help="Run a step again whose end nobody saw, after looking at what it did.",
)
@json_option
def command(run: str, root: Path, rerun: str, as_json: bool) -> int:
    """Take over RUN from wherever its journal says it is.

    A step that worked on without us is taken in, one that died is run again, probed or asked
    about as the plan says. An ended run is sealed where only that was missing.
    """
    message = {"command": "rerun", "step": rerun} if rerun else {}
    return go_on_with(root, run, as_json=as_json, message=message)
