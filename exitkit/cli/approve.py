"""Sign what a waiting step states, so that the run may go on."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.run_commands import run_folder
from exitkit.cli.signing import signed, signing_options
from exitkit.engine.approvals import approval_of, post_approval
from exitkit.engine.journals import open_journal
from exitkit.engine.signed_words import APPROVAL_PREDICATE, statement_bytes
from exitkit.errors import EXIT_CLEAN
from exitkit.workspace.files import load_workspace


@click.command(name="approve")
@click.argument("run")
@click.argument("step")
@workspace_option
@signing_options
@json_option
def command(
    run: str, step: str, root: Path, key: Path | None, ssh_key: Path | None,
    signature: Path | None, by: str, prints: bool, as_json: bool,
) -> int:  # fmt: skip
    """Sign the statement of STEP of RUN together with the journal as it stood when it asked.

    Whoever coordinates the run checks the signature; nobody needs to be running it now.
    """
    with open_journal(run_folder(load_workspace(root), run)) as journal:
        approval = approval_of(journal, step, by)
        if prints:
            click.echo(statement_bytes(APPROVAL_PREDICATE, approval), nl=False)
            return EXIT_CLEAN
        envelope, name = signed(APPROVAL_PREDICATE, approval, key, ssh_key, signature)
        post_approval(journal, step, envelope)
    if as_json:
        show_json({**approval, "keyFingerprint": name})
    else:
        click.echo(f"signed by {by} with {name}: {approval['statement']}")
        click.echo(f"  journal head {approval['head']}")
    return EXIT_CLEAN
