"""Sign what a waiting step states, so that the run may go on."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.run_commands import run_folder
from exitkit.engine.approvals import approve
from exitkit.engine.coordinator import JOURNAL
from exitkit.errors import EXIT_CLEAN
from exitkit.store.journal import Journal
from exitkit.store.keys import fingerprint, load_private
from exitkit.workspace.files import load_workspace


@click.command(name="approve")
@click.argument("run")
@click.argument("step")
@workspace_option
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PEM",
    help="Your private key; its public half must be trusted by the workspace.",
)
@click.option("--by", required=True, metavar="NAME", help="Your name, as the report shows it.")
@json_option
def command(run: str, step: str, root: Path, key: Path, by: str, as_json: bool) -> int:
    """Sign the statement of STEP of RUN together with the journal as it stood when it asked.

    Whoever coordinates the run checks the signature; nobody needs to be running it now.
    """
    workspace = load_workspace(root)
    private = load_private(key)
    with Journal(run_folder(workspace, run) / JOURNAL) as journal:
        signed = approve(journal, step, private, by)
    name = fingerprint(private.public_key())
    if as_json:
        show_json({**signed, "keyFingerprint": name})
    else:
        click.echo(f"signed by {by} with {name}: {signed['statement']}")
        click.echo(f"  journal head {signed['head']}")
    return EXIT_CLEAN
