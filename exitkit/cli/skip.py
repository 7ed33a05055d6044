"""Leave a step of a run out, for a reason that somebody signs."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.run_commands import run_folder
from exitkit.cli.signing import signed, signing_options
from exitkit.engine.approvals import post_skip, skip_of
from exitkit.engine.journals import open_journal
from exitkit.engine.signed_words import SKIP_PREDICATE, statement_bytes
from exitkit.errors import EXIT_CLEAN
from exitkit.workspace.files import load_workspace


@click.command(name="skip")
@click.argument("run")
@click.argument("step")
@workspace_option
@click.option("--reason", required=True, metavar="TEXT", help="Why the step is left out.")
@signing_options
@json_option
def command(
    run: str, step: str, root: Path, reason: str, key: Path | None, ssh_key: Path | None,
    signature: Path | None, by: str, prints: bool, as_json: bool,
) -> int:  # fmt: skip
    """Sign why STEP of RUN is not done; the steps that need it go on without it.

    Its milestone is not reached by it, and an approval cannot be skipped.
    """
    with open_journal(run_folder(load_workspace(root), run)) as journal:
        word = skip_of(journal, step, reason, by)
        if prints:
            click.echo(statement_bytes(SKIP_PREDICATE, word), nl=False)
            return EXIT_CLEAN
        envelope, name = signed(SKIP_PREDICATE, word, key, ssh_key, signature)
        post_skip(journal, step, envelope)
    if as_json:
        show_json({**word, "keyFingerprint": name})
    else:
        click.echo(f"signed by {by} with {name}: {step} is left out: {reason}")
    return EXIT_CLEAN
