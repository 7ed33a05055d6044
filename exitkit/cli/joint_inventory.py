"""Hold what was declared against what was observed, and draw up the minutes for both to sign."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from exitkit.assess.joint_inventory import Line, Record, Standing
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.joint_inventory import lines_of, write_minutes
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import Speech, colon, semicolon
from exitkit.report.visible import on_one_line
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import contract_document, load_workspace

SHOWN = 30
COLUMNS = (
    "standing", "answers", "matched_by", "declared_id", "declared_name", "observed_type",
    "observed_id", "observed_name", "observed_scope", "differences", "candidates",
)  # fmt: skip


@click.command(name="joint-inventory")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--minutes", is_flag=True, help="Write the minutes into reports/.")
@lang_option("the text and of the minutes")
@click.option("--csv", "as_csv", is_flag=True, help="Write every line as CSV.")
@json_option
def command(
    bundle: Path | None, root: Path, *, minutes: bool, lang: str, as_csv: bool, as_json: bool
) -> int:
    """Compare what the sources of type `declared` say with what BUNDLE's other sources observed.

    Declared and observed, alike or differing; declared only; observed only; ambiguous where
    several observed things may be meant. Each open line says who answers for it. `--minutes`
    writes them as a document for both parties to sign. Exit code 1 when a line is open.
    """
    if minutes + as_csv + as_json > 1:
        raise InputError(
            "joint-inventory: --minutes, --csv and --json are three outputs; choose one"
        )
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    opened = open_bundle(path)
    if minutes:
        contract = contract_document(workspace)
        today = dt.datetime.now(dt.UTC).date()
        for written in write_minutes(opened, contract, workspace.reports, lang, today):
            click.echo(written)
        return EXIT_CLEAN
    lines, declarations = lines_of(opened)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(lines)):
            click.echo(line, nl=False)
    elif as_json:
        show_json({"bundle": opened.id, "lines": [_json(line) for line in lines]})
    else:
        speech = Speech(lang)
        for party, day, file, rows in declarations:
            said = "declared by {party} on {day}: {n} things in {file}"
            click.echo(speech.tell(said, party=party, day=day, n=rows, file=file))
        _print_text(lines, speech)
    return EXIT_FOUND if any(line.answers for line in lines) else EXIT_CLEAN


def _print_text(lines: Sequence[Line], speech: Speech) -> None:
    counted = Counter(line.standing for line in lines)
    for standing in Standing:
        if not counted[standing]:
            continue
        word = speech.tell(standing.value)
        click.secho(f"{word}{colon(speech.language)}{counted[standing]}", bold=True)
        members = [line for line in lines if line.standing is standing]
        for line in members[:SHOWN] if standing is not Standing.BOTH else ():
            click.echo(f"  {on_one_line(_told(line, speech))}")
        if len(members) > SHOWN and standing is not Standing.BOTH:
            more = speech.tell("and {n} more; all are in --csv", n=len(members) - SHOWN)
            click.echo(f"  {more}")


def _told(line: Line, speech: Speech) -> str:
    sides = [_name(row) for row in (line.declared, line.observed) if row is not None]
    said = " = ".join(dict.fromkeys(sides))
    if line.matched_by:
        said += speech.tell(" (by {field})", field=line.matched_by)
    parts = [said]
    for one in line.differences:
        differs = "{field}: declared {declared!r}, observed {observed!r}"
        parts.append(
            speech.tell(differs, field=one.field, declared=one.declared, observed=one.observed)
        )
    if line.candidates:
        parts.append(speech.tell("may be {names}", names=", ".join(line.candidates)))
    who = speech.coded("HOLDERS", line.answers)
    return semicolon(speech.language).join([*parts, speech.tell("answers: {who}", who=who)])


def _name(row: Record) -> str:
    provider = row["provider"]
    return f"{row.get('name') or provider['nativeId']} ({provider['nativeType']})"


def _rows(lines: Sequence[Line]) -> Iterator[tuple[object, ...]]:
    for line in lines:
        declared, observed = line.declared or {}, line.observed or {}
        seen = observed.get("provider", {})
        yield (
            line.standing.value, line.answers, line.matched_by,
            declared.get("provider", {}).get("nativeId", ""), declared.get("name", ""),
            seen.get("nativeType", ""), seen.get("nativeId", ""), observed.get("name", ""),
            seen.get("scope", ""),
            "; ".join(f"{d.field}: {d.declared} | {d.observed}" for d in line.differences),
            "; ".join(line.candidates),
        )  # fmt: skip


def _json(line: Line) -> dict[str, Any]:
    return {
        "standing": line.standing.value,
        "answers": line.answers,
        "matchedBy": line.matched_by,
        "declared": line.declared and line.declared["@id"],
        "observed": line.observed and line.observed["@id"],
        "differences": [
            {"field": one.field, "declared": one.declared, "observed": one.observed}
            for one in line.differences
        ],
        "candidates": list(line.candidates),
    }
