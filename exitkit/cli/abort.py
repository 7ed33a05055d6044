"""End a run for good and undo what it did, newest first."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.run_commands import go_on_with, run_folder
from exitkit.engine.journals import open_journal
from exitkit.engine.state import fold
from exitkit.errors import InputError
from exitkit.model.plan import Mode
from exitkit.workspace.files import load_workspace


@click.command(name="abort")
@click.argument("run")
@workspace_option
@json_option
def command(run: str, root: Path, as_json: bool) -> int:
    """Undo what RUN did and seal the evidence of it.

    An exit is never undone: `exitkit pause` makes it stand still. Exit code 1 when something could
    not be undone.
    """
    with open_journal(run_folder(load_workspace(root), run)) as journal:
        if fold(journal.load()).mode is Mode.EXIT:
            raise InputError(f"{run}: an exit is never undone; `exitkit pause {run}` stops it")
    return go_on_with(root, run, as_json=as_json, messages=[{"command": "abort"}])
