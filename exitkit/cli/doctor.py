"""Say what is missing before it hurts, each with the next move."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.subjects import workspace_if_any
from exitkit.engine.readiness import machine_checks, rehearsal_checks, workspace_checks
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.ports import Check
from exitkit.workspace.files import load_plan


@click.command("doctor")
@workspace_option
@json_option
def command(root: Path, as_json: bool) -> int:
    """Look at the machine, the keys, and every source, permission by permission.

    Sources are asked, never written to. Exit code 1 when something is missing. Without an
    exitkit.yaml only the machine is looked at.
    """
    checks = []
    for check in _checks(root):
        checks.append(check)
        if not as_json:
            _show(check)
    if as_json:
        show_json(
            [
                {"subject": c.subject, "ok": c.ok, "detail": c.detail,
                 "nextMove": "" if c.ok else c.next_move}
                for c in checks
            ]
        )  # fmt: skip
    missing = sum(not check.ok for check in checks)
    if not as_json:
        click.echo(f"{len(checks)} checks, {missing} missing")
    return EXIT_FOUND if missing else EXIT_CLEAN


def _checks(root: Path) -> Iterator[Check]:
    now = dt.datetime.now(dt.UTC)
    environ = dict(os.environ)
    workspace = workspace_if_any(root, needed=True)
    yield from machine_checks(root if root.is_dir() else Path.cwd(), now, environ)
    if workspace is None:
        move = f"exitkit init {root}" if str(root) != "." else "exitkit init DIR"
        yield Check("workspace", False, f"no exitkit.yaml in {root}", move)
        return
    if workspace.plan_file.exists():
        yield from rehearsal_checks(load_plan(workspace.plan_file), environ)
    yield from workspace_checks(workspace, now, environ)


def _show(check: Check) -> None:
    mark = click.style("ok     ", fg="green") if check.ok else click.style("MISSING", fg="red")
    move = f"; {check.next_move}" if check.next_move and not check.ok else ""
    click.echo(f"{mark}  {check.subject}: {check.detail}{move}")
