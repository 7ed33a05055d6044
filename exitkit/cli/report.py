"""Write what a bundle or a run proves as one file that anybody can read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from exitkit.cli.output import lang_option, workspace_option, write_output
from exitkit.cli.subjects import chosen_bundle, workspace_if_any
from exitkit.engine.report_inputs import find_subject, read_inputs
from exitkit.errors import EXIT_CLEAN
from exitkit.report.formats import load_format
from exitkit.report.language import LANGUAGES
from exitkit.report.view import build_view
from exitkit.workspace.files import Workspace


@click.command(name="report")
@click.argument("bundle_or_run", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--format", "format_name", default="html", show_default=True, help="html or json.")
@lang_option("the report")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False),
              help="Where to write; reports/ of the workspace by default.")  # fmt: skip
def command(
    bundle_or_run: Path | None, root: Path, format_name: str, lang: str, output: Path | None
) -> int:
    """Report on BUNDLE_OR_RUN (default: the newest bundle) and print the path of the report.

    Can we leave, in how long against how long, what cannot come along and who can change that.
    The HTML is one file that needs no network; the JSON says the same. A run's report uses the
    bundle that the run sealed. What others wrote (names, codes, messages of a provider) stays in
    its own language.
    """
    chosen = load_format(format_name)
    workspace = workspace_if_any(root, needed=bundle_or_run is None)
    subject = find_subject(chosen_bundle(bundle_or_run, workspace, root), workspace)
    view = build_view(read_inputs(subject, workspace, dt.datetime.now(dt.UTC)), lang)
    # The name without a language was there first; scripts may fetch the report by it.
    name = subject.name if lang == LANGUAGES[0] else f"{subject.name}-{lang}"
    path = output or _place(workspace, root) / f"{name}{chosen.SUFFIX}"
    write_output(path, chosen.render(view))
    click.echo(path)
    return EXIT_CLEAN


def _place(workspace: Workspace | None, root: Path) -> Path:
    return workspace.reports if workspace else root
