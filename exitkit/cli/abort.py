"""End a run for good and undo what it did, newest first."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.run_commands import go_on_with


@click.command(name="abort")
@click.argument("run")
@workspace_option
@json_option
def command(run: str, root: Path, as_json: bool) -> int:
    """Undo what RUN did and seal the evidence of it.

    Exit code 1 when something could not be undone.
    """
    return go_on_with(root, run, as_json=as_json, message={"command": "abort"})
