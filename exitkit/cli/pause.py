"""Make a run stand still: what is at work finishes, nothing more begins, nothing is undone."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import workspace_option
from exitkit.cli.run_commands import actor, run_folder
from exitkit.engine.journals import open_journal
from exitkit.engine.state import fold
from exitkit.errors import EXIT_CLEAN, InputError
from exitkit.workspace.files import load_workspace


@click.command(name="pause")
@click.argument("run")
@workspace_option
def command(run: str, root: Path) -> int:
    """Ask whoever coordinates RUN, now or next, to let nothing more begin.

    `exitkit resume` goes on. The same for a rehearsal and an exit.
    """
    with open_journal(run_folder(load_workspace(root), run)) as journal:
        state = fold(journal.load())
        if state.ended or state.paused:
            raise InputError(f"{run}: {state.word} already; see `exitkit status {run}`")
        journal.post({"command": "pause", "by": actor()})
    click.echo(f"{run}: asked to pause; `exitkit resume {run}` goes on")
    return EXIT_CLEAN
