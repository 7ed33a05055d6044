"""List the documents of a bundle, with those that an exit needs and that are missing or stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from exitkit.assess.document_stock import Documents
from exitkit.cli.output import json_option, lang_option, show_json, show_table, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.documents import read_documents, stale_months
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.knowledge.required_documents import default_stale_after_months, document_types
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import LANGUAGES, Speech
from exitkit.report.quoted import plain
from exitkit.report.visible import on_one_line
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import load_workspace

COLUMNS = (
    "path", "type", "title", "owner", "modified", "age_days", "stale", "bytes", "sha256", "level",
    "text", "required_id", "required_state", "required_by",
)  # fmt: skip


@click.command(name="documents")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--csv", "as_csv", is_flag=True, help="Write the table as CSV.")
@lang_option("the text")
@json_option
def command(bundle: Path | None, root: Path, *, lang: str, as_csv: bool, as_json: bool) -> int:
    """List the documents of BUNDLE (default: the newest bundle) as they stand today.

    Path, type, owner, age and digest of each; then every document that the contract lists, or
    that any exit needs: present, stale, not the agreed version, or missing. Exit code 1 when one
    is missing, differs or is stale.
    """
    if as_csv and as_json:
        raise InputError("documents: --csv and --json are two outputs; choose one")
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    months = stale_months(workspace.sources)
    found = read_documents(open_bundle(path), dt.datetime.now(dt.UTC).date(), months)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(found)):
            click.echo(line, nl=False)
    elif as_json:
        show_json(asdict(found))
    else:
        _print_text(found, months, lang)
    return EXIT_FOUND if found.findings else EXIT_CLEAN


def _rows(found: Documents) -> Iterator[tuple[object, ...]]:
    for line in found.documents:
        yield (*asdict(line).values(), "", "", "")
    for one in found.required:
        blank = ("",) * 10
        yield ("|".join(one.found), *blank, one.id, one.state, one.required_by)


def _print_text(found: Documents, months: Mapping[str, int], lang: str) -> None:
    speech = Speech(lang)
    show_table(
        speech.headings("document", "type", "owner", "days old", "level"),
        [
            (
                line.path,
                _type(line.type, speech),
                line.owner or "-",
                line.age_days,
                speech.coded("LEVELS", line.level),
            )
            for line in found.documents
        ],
    )
    click.echo()
    show_table(
        speech.headings("required", "state", "found by", "file"),
        [
            (
                plain(one.title, lang),
                speech.tell(one.state),
                speech.tell(one.recognized_by or "-"),
                ", ".join(one.found) or "-",
            )
            for one in found.required
        ],
    )
    default = default_stale_after_months()
    click.echo(speech.tell("stale after {n} months (the default)", n=default))
    for source, limit in sorted(months.items()):
        said = "  {source}: stale after {n} months (its `stale_after_months`)"
        click.echo(speech.tell(said, source=source, n=limit))
    for finding in found.findings:
        said = on_one_line(plain(finding, lang))
        click.echo(speech.tell("finding: {text}", text=said), err=True)


def _type(code: str, speech: Speech) -> str:
    """Return what a type of document is called; English keeps its code."""
    titles = {one.id: one.title[speech.language] for one in document_types()}
    return code if speech.language == LANGUAGES[0] else titles.get(code, code)
