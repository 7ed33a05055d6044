"""Find what a command is about where nobody named it: the workspace, the newest bundle."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.assess.reach import reach_of
from exitkit.errors import InputError, InvalidBundle
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import (
    Workspace,
    bundle_path,
    is_workspace,
    latest_bundle,
    load_workspace,
    sequences,
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
    if workspace and not named and is_empty(path):
        click.echo(f"exitkit: {path.name}: {older_than_empty(workspace)}", err=True)
    return path


def is_empty(path: Path) -> bool:
    """Tell whether no source answered when a bundle was made."""
    try:
        return reach_of(open_bundle(path).records("calls")).nothing
    except InvalidBundle:
        return False


def older_than_empty(workspace: Workspace) -> str:
    """Say of the newest bundle that it is empty, and which one is not."""
    known = (bundle_path(workspace, number) for number in reversed(sequences(workspace)))
    held = next((path.name for path in known if not is_empty(path)), "")
    said = "no source answered when it was made"
    return f"{said}; the last one that holds answers is {held}" if held else said
