"""Restore part of the estate on foreign ground by the exit plan, judge it, and undo everything."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from exitkit.cli.foretold import dry_run_option, show_dry_run
from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.run_commands import (
    actor,
    leave_to_workers,
    move_on,
    new_run_name,
    runs_of,
    surroundings_of,
)
from exitkit.cli.subjects import is_empty, older_than_empty
from exitkit.engine.conclude import concluded
from exitkit.engine.plan_check import plan_remarks
from exitkit.engine.rehearse import used_targets
from exitkit.engine.run import Start, start_run
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Mode, Plan
from exitkit.store.reader import open_bundle
from exitkit.store.verify import verify_bundle
from exitkit.workspace.files import (
    Workspace,
    latest_bundle,
    load_contract,
    load_plan,
    load_workspace,
)
from exitkit.workspace.lock import workspace_lock
from exitkit.workspace.yaml_lines import read_yaml


@click.command(name="rehearse")
@workspace_option
@click.option("--bundle", "chosen", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="The bundle to restore from; without it, the latest.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before writing to the targets.")
@click.option("--leave", is_flag=True,
              help="Begin, and leave it to `exitkit worker` on whichever host.")  # fmt: skip
@dry_run_option
@json_option
def command(
    root: Path, chosen: Path | None, yes: bool, leave: bool, dry_run: bool, as_json: bool
) -> int:
    """Run the exit plan against the targets of the workspace, then undo all of it.

    Ctrl-C stops and undoes; a second Ctrl-C stops at once, and `exitkit abort` undoes later.
    Exit code 1 when a milestone was missed or something could not be undone.
    """
    workspace = load_workspace(root)
    plan = checked_plan(workspace)
    bundle = chosen_bundle(workspace, chosen)
    if dry_run:
        return show_dry_run(workspace, plan, Mode.REHEARSAL, bundle, as_json=as_json)
    with workspace_lock(workspace.root):
        refuse_beside_another(workspace)
        _ask(workspace, plan, yes=yes)
        start = Start(
            run=new_run_name(workspace, Mode.REHEARSAL),
            plan=plan,
            mode=Mode.REHEARSAL,
            bundle=open_bundle(bundle).id,
            bundle_path=bundle.relative_to(workspace.root).as_posix(),
            by=actor(),
        )
        surroundings = surroundings_of(workspace, as_json=as_json)
        if leave:
            return leave_to_workers(workspace, start, surroundings)
        return move_on(
            workspace, lambda: start_run(workspace.runs, start, surroundings), as_json=as_json
        )


def checked_plan(workspace: Workspace) -> Plan:
    """Return the plan, or raise InputError with file and line of what keeps it from running."""
    plan = load_plan(workspace.plan_file)
    contract = load_contract(workspace.contract_file)
    for remark in plan_remarks(plan, contract, workspace.targets):
        if remark.weight == "wrong":
            raise read_yaml(workspace.plan_file).fault(remark.where, remark.text)
    return plan


def chosen_bundle(workspace: Workspace, chosen: Path | None) -> Path:
    """Return the bundle to restore from, verified: the one that was named, or the latest."""
    path = chosen or latest_bundle(workspace)
    if path is None:
        raise InputError(f"{workspace.bundles}: no bundle yet; `exitkit snapshot` makes one")
    if not chosen and is_empty(path):
        raise InputError(f"{path}: {older_than_empty(workspace)}; name one by --bundle")
    path = path.resolve()
    if not path.is_relative_to(workspace.root):
        raise InputError(f"{path}: not in the workspace; copy it into {workspace.bundles} first")
    _verify(workspace, path)
    return path


def _verify(workspace: Workspace, bundle: Path) -> None:
    """Restore only from a bundle that holds; say so where nobody we trust vouches for it."""
    trusted = [key for key in workspace.trusted_keys if key.is_file()]
    verification = verify_bundle(bundle, trusted)
    for fault in verification.faults:
        raise InvalidBundle(f"{bundle}: {fault.where}: {fault.what}; see `exitkit verify`")
    if not verification.signers:
        click.echo(f"{bundle.name}: not signed by a trusted key; see `exitkit verify`", err=True)


def refuse_beside_another(workspace: Workspace) -> None:
    """Raise InputError where another run of the workspace has not ended or is not sealed."""
    for state in runs_of(workspace):
        if not state.ended:
            raise InputError(
                f"{state.run} has not ended; `exitkit resume {state.run}` goes on with it, "
                f"`exitkit abort {state.run}` undoes it"
            )
        if concluded(workspace, state.run) is None:
            raise InputError(
                f"{state.run} has ended and is not sealed; `exitkit resume {state.run}` seals it"
            )


def _ask(workspace: Workspace, plan: Plan, *, yes: bool) -> None:
    names = used_targets(plan)
    if yes or not names or not sys.stdin.isatty():
        return
    types = {target.id: target.type for target in workspace.targets}
    shown = ", ".join(f"{name} ({types.get(name, 'unknown')})" for name in names)
    click.confirm(f"This writes to {shown} and undoes it. Go on?", abort=True)
