"""List the documents of a bundle, with those that an exit needs and that are missing or stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from exitkit.assess.document_stock import Documents
from exitkit.cli.output import json_option, show_json, show_table, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.documents import read_documents, stale_months
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.knowledge.required_documents import default_stale_after_months
from exitkit.report.csv_table import csv_lines
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
@json_option
def command(bundle: Path | None, root: Path, *, as_csv: bool, as_json: bool) -> int:
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
        _print_text(found, months)
    return EXIT_FOUND if found.findings else EXIT_CLEAN


def _rows(found: Documents) -> Iterator[tuple[object, ...]]:
    for line in found.documents:
        yield (*asdict(line).values(), "", "", "")
    for one in found.required:
        blank = ("",) * 10
        yield ("|".join(one.found), *blank, one.id, one.state, one.required_by)


def _print_text(found: Documents, months: Mapping[str, int]) -> None:
    show_table(
        ("document", "type", "owner", "days old", "level"),
        [
            (line.path, line.type, line.owner or "-", line.age_days, line.level)
            for line in found.documents
        ],
    )
    click.echo()
    show_table(
        ("required", "state", "found by", "file"),
        [
            (one.title, one.state, one.recognized_by, ", ".join(one.found) or "-")
            for one in found.required
        ],
    )
    default = default_stale_after_months()
    click.echo(f"stale after {default} months (the default)")
    for source, limit in sorted(months.items()):
        click.echo(f"  {source}: stale after {limit} months (its `stale_after_months`)")
    for finding in found.findings:
        click.echo(f"finding: {on_one_line(finding)}", err=True)
