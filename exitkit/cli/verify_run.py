"""Verify the journal of a run alone: its chain, its plans, every signed word, a head you know."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.run_commands import allowed_signers, run_folder
from exitkit.cli.subjects import workspace_if_any
from exitkit.engine.journals import JOURNAL, read_journal
from exitkit.engine.state import fold
from exitkit.engine.verify_run import journal_faults
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.store.journal_file import FileJournal
from exitkit.store.keys import load_public
from exitkit.store.signers import Signers
from exitkit.store.ssh_signature import read_allowed_signers
from exitkit.workspace.files import load_workspace


@click.command(name="verify-run")
@click.argument("run")
@click.option("--trust", "trusted", multiple=True, metavar="PEM", type=click.Path(path_type=Path),
              help="A public key you trust; may be given more than once. "
                   "Default: signing.trust of the workspace.")  # fmt: skip
@click.option("--allowed-signers", "allowed", metavar="FILE", type=click.Path(path_type=Path),
              help="SSH keys and whom they speak for. Default: that of the workspace.")  # fmt: skip
@click.option("--head", default="", metavar="SHA256",
              help="A digest you noted, or that a report or an approval names: the journal must "
                   "contain it.")  # fmt: skip
@workspace_option
@json_option
def command(
    run: str, trusted: tuple[Path, ...], allowed: Path | None, head: str, root: Path, as_json: bool
) -> int:
    """Check the journal of RUN, or a journal file anywhere, and change nothing.

    A chain proves order and wholeness only up to a head that is known from elsewhere; every
    signed approval names one. Exit code 1 when anything does not hold.
    """
    path = Path(run)
    signers = Signers(
        [load_public(key) for key in trusted], read_allowed_signers(allowed) if allowed else ()
    )
    is_file = path.name == JOURNAL and path.is_file()
    workspace = None if trusted or allowed else workspace_if_any(root, needed=not is_file)
    if workspace:
        keys = [load_public(key) for key in workspace.trusted_keys if key.is_file()]
        signers = Signers(keys, allowed_signers(workspace))
    if is_file:
        events = FileJournal.read_only(path)
    else:
        events = read_journal(run_folder(load_workspace(root), run))
    faults = list(journal_faults(events, signers, head))
    state = fold(events)
    plans = [one for one in (*state.amendments, state.summary().plan_digest) if one]
    if as_json:
        show_json(
            {
                "run": state.run, "events": len(events), "state": state.word, "head": state.head,
                "plans": plans,
                "faults": [{"event": one.sequence, "what": one.text} for one in faults],
            }
        )  # fmt: skip
    else:
        for fault in faults:
            click.echo(f"fault: event {fault.sequence}: {fault.text}", err=True)
        verdict = "NOT whole" if faults else "whole"
        click.echo(f"{state.run}: {verdict}, {len(events)} events, {state.word}")
        for plan in plans:
            click.echo(f"  plan {plan}")
        click.echo(f"  head {state.head}")
    return EXIT_FOUND if faults else EXIT_CLEAN
