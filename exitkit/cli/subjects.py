"""Find what a command is about where nobody named it: the newest bundle, the contract."""

from __future__ import annotations

from pathlib import Path

from exitkit.errors import InputError
from exitkit.workspace.files import Workspace, latest_bundle


def chosen_bundle(named: Path | None, workspace: Workspace | None, root: Path) -> Path:
    """Return the bundle that was named, else the newest; an InputError where there is none."""
    path = named or (latest_bundle(workspace) if workspace else None)
    if path is None:
        raise InputError(f"{root}: no bundle; name one, or run `exitkit snapshot` first")
    return path
