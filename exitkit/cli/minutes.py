"""Write the minutes of a run: rehearsal report, acceptance, deletion attestation, notices."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import lang_option, workspace_option
from exitkit.cli.run_commands import now, run_folder
from exitkit.engine.minutes import minutes_inputs
from exitkit.errors import EXIT_CLEAN
from exitkit.report.minutes import KINDS, NOTICES, html, markdown
from exitkit.report.minutes_parts import write_minutes
from exitkit.store.files import write_atomically
from exitkit.workspace.files import load_workspace

FORMATS = {"html": (html, ".html"), "md": (markdown, ".md")}


@click.command(name="minutes")
@click.argument("run")
@workspace_option
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True,
              help="Which document.")  # fmt: skip
@click.option("--notifies", type=click.Choice(NOTICES), default=NOTICES[0], show_default=True,
              help="What a notice gives notice of.")  # fmt: skip
@click.option("--milestone", metavar="ID", default="", help="Accept this milestone alone.")
@click.option("--bundle", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Where the bundle of the run lies now, if elsewhere.")  # fmt: skip
@lang_option("the document")
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="html",
              show_default=True, help="The format of the document.")  # fmt: skip
def command(
    run: str, root: Path, kind: str, notifies: str, milestone: str, bundle: Path | None,
    lang: str, form: str,
) -> int:  # fmt: skip
    """Fill the document from the journal of RUN and its bundle, and write it into reports/.

    Every figure of the run bears its line of the journal, and line 1 names the digest of the
    bundle. Nothing is invented: what the journal, the bundle and the contract do not say is a
    named blank for those who sign.
    """
    workspace = load_workspace(root)
    folder = run_folder(workspace, run)
    inputs = minutes_inputs(
        workspace, folder, now(), kind=kind, milestone=milestone, notifies=notifies, bundle=bundle
    )
    written = write_minutes(inputs, kind, lang)
    render, suffix = FORMATS[form]
    name = f"notice-{notifies}" if kind == "notice" else kind
    path = workspace.reports / f"{name}-{run}-{lang}{suffix}"
    workspace.reports.mkdir(exist_ok=True)
    write_atomically(path, render(written))
    click.echo(str(path))
    return EXIT_CLEAN
