"""Leave for real by the rehearsed plan: it pauses, never undoes, and is bound by the contract."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import click

from exitkit.cli.foretold import dry_run_option, show_dry_run
from exitkit.cli.output import json_option, workspace_option
from exitkit.cli.rehearse import checked_plan, chosen_bundle, refuse_beside_another
from exitkit.cli.run_commands import (
    actor,
    leave_to_workers,
    move_on,
    new_run_name,
    now,
    surroundings_of,
)
from exitkit.cli.signing import signed_bytes, waiver_options
from exitkit.engine.exit_basis import check_waiver, exit_basis, find_rehearsal, waiver_bytes
from exitkit.engine.rehearse import used_targets
from exitkit.engine.run import Start, start_run
from exitkit.errors import EXIT_CLEAN, InputError
from exitkit.knowledge.exit_steps import exit_steps_text
from exitkit.model.plan import Mode, Plan
from exitkit.store.reader import open_bundle
from exitkit.store.signers import Signers
from exitkit.workspace.files import Workspace, load_contract, load_workspace
from exitkit.workspace.lock import workspace_lock

ANCHORS = ("T0", "TN", "TS", "TX", "TA", "TR", "TD", "TE", "TSTRESS", "TINV", "TREH")


@click.command(name="exit")
@workspace_option
@click.option("--anchor", "given", multiple=True, metavar="NAME=DATE",
              help="A date to count from: T0=2026-11-02, the notice was received.")  # fmt: skip
@click.option("--bundle", "chosen", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="The bundle to restore from; without it, the latest.")  # fmt: skip
@click.option("--waive", "reason", metavar="REASON", default="",
              help="Go without a rehearsal of this plan; a key signs that.")  # fmt: skip
@waiver_options
@click.option("--template", is_flag=True,
              help="Print the milestones that only an exit reaches, to copy.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before it starts.")
@click.option("--leave", is_flag=True,
              help="Begin, and leave it to `exitkit worker` on whichever host.")  # fmt: skip
@dry_run_option
@json_option
def command(
    root: Path,
    given: tuple[str, ...],
    chosen: Path | None,
    reason: str,
    key: Path | None,
    ssh_key: Path | None,
    signature: Path | None,
    by: str,
    prints: bool,
    template: bool,
    yes: bool,
    leave: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run the exit plan for real, against the targets of the workspace.

    It needs a rehearsal of the same plan, completed and sealed within the contract's period, or a
    waiver signed by a trusted key. Ctrl-C pauses, `exitkit resume` goes on; nothing is undone.
    """
    if template:
        click.echo(exit_steps_text(), nl=False)
        return EXIT_CLEAN
    workspace = load_workspace(root)
    plan = checked_plan(workspace)
    if dry_run:
        bundle = chosen_bundle(workspace, chosen)
        return show_dry_run(workspace, plan, Mode.EXIT, bundle, as_json=as_json)
    contract = load_contract(workspace.contract_file).document
    anchors = dict(_anchor(one) for one in given)
    keys = (key, ssh_key, signature)
    unsigned = _waiver_bytes(plan, reason, by, signs=prints or any(keys))
    if prints:
        click.echo(unsigned, nl=False)
        return EXIT_CLEAN
    waiver = signed_bytes(unsigned, *keys)[0] if unsigned else None
    bundle = chosen_bundle(workspace, chosen)
    with workspace_lock(workspace.root):
        refuse_beside_another(workspace)
        surroundings = surroundings_of(workspace, as_json=as_json)
        if waiver:
            signers = Signers(surroundings.trusted_keys, surroundings.allowed_signers)
            check_waiver(waiver, plan, signers, now())
        rehearsed = None if waiver else find_rehearsal(workspace, plan, contract, now())
        basis = exit_basis(contract, anchors, rehearsed, waiver)
        _ask(workspace, plan, yes=yes)
        start = Start(
            run=new_run_name(workspace, Mode.EXIT), plan=plan, mode=Mode.EXIT,
            bundle=open_bundle(bundle).id,
            bundle_path=bundle.relative_to(workspace.root).as_posix(),
            by=actor(), basis=basis,
        )  # fmt: skip
        if leave:
            return leave_to_workers(workspace, start, surroundings)
        return move_on(
            workspace, lambda: start_run(workspace.runs, start, surroundings), as_json=as_json
        )


def _anchor(text: str) -> tuple[str, dt.date]:
    name, _, day = text.partition("=")
    if name not in ANCHORS:
        raise InputError(f"--anchor {text}: no anchor {name!r}; one of {', '.join(ANCHORS)}")
    try:
        return name, dt.date.fromisoformat(day)
    except ValueError:
        raise InputError(f"--anchor {text}: not a date; write {name}=2026-11-02") from None


def _waiver_bytes(plan: Plan, reason: str, by: str, *, signs: bool) -> bytes:
    if not reason:
        return b""
    if not by or not signs:
        raise InputError("--waive: nobody signs it; add --by NAME and --key, or --ssh-key")
    return waiver_bytes(plan, reason, by, now().date())


def _ask(workspace: Workspace, plan: Plan, *, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    types = {target.id: target.type for target in workspace.targets}
    names = used_targets(plan, Mode.EXIT)
    shown = ", ".join(f"{name} ({types.get(name, 'unknown')})" for name in names) or "no target"
    click.confirm(f"This is the exit: it writes to {shown} and undoes nothing. Go on?", abort=True)
