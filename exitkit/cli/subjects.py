"""Find what a command is about where nobody named it: the workspace, the newest bundle."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.errors import InputError
from exitkit.workspace.files import (
    Workspace,
    is_workspace,
    latest_bundle,
    load_workspace,
    the_one_above,
    workspace_above,
)


def workspace_if_any(root: Path, *, needed: bool) -> Workspace | None:
    """Return the workspace of `root`, or None; one above is an InputError where one is `needed`."""
    above = workspace_above(root)
    if is_workspace(root) or (above and needed):
        return load_workspace(root)
    if above:
        click.echo(f"exitkit: goes on without a workspace; {the_one_above(above)}", err=True)
    return None


def chosen_bundle(named: Path | None, workspace: Workspace | None, root: Path) -> Path:
    """Return the bundle that was named, else the newest; an InputError where there is none."""
    path = named or (latest_bundle(workspace) if workspace else None)
    if path is None:
        raise InputError(f"{root}: no bundle; name one, or run `exitkit snapshot` first")
    return path
