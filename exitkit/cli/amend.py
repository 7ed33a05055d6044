"""Give a run under way a new plan; finished steps stay finished and stay what they were."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import workspace_option
from exitkit.cli.rehearse import checked_plan
from exitkit.cli.run_commands import actor, run_folder
from exitkit.engine.amend import objections
from exitkit.engine.journals import open_journal
from exitkit.engine.state import fold
from exitkit.errors import EXIT_CLEAN, InputError
from exitkit.store.canonical import storable
from exitkit.workspace.files import load_workspace


@click.command(name="amend")
@click.argument("run")
@workspace_option
@click.option("--reason", required=True, metavar="TEXT", help="Why the plan changes.")
def command(run: str, root: Path, reason: str) -> int:
    """Let RUN go on by exit-plan.yaml as it is now.

    The journal keeps the new plan whole, both digests, who and why. What has begun may not change.
    """
    workspace = load_workspace(root)
    plan = checked_plan(workspace)
    with open_journal(run_folder(workspace, run)) as journal:
        state = fold(journal.load())
        if state.ended:
            raise InputError(f"{run}: {state.ended} already; a new run takes the new plan")
        for fault in objections(state, plan):
            raise InputError(f"{workspace.plan_file.name}: {fault}; start a new run instead")
        document = storable(dict(plan.document))
        message = {"command": "amend", "plan": document, "reason": reason, "by": actor()}
        journal.post(message)
    click.echo(f"{run}: asked to go on by plan {plan.digest[:12]}; `exitkit resume {run}` does")
    return EXIT_CLEAN
