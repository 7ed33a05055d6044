"""Show what can be ported and what is exempt, beside what the contract says of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from exitkit.assess.data_act_lists import Clause, Entry, Lists, Standing
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.lists import lists_of
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import Speech, colon
from exitkit.report.list_words import breaches
from exitkit.report.quoted import plain
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import load_contract, load_workspace

COLUMNS = (
    "list", "standing", "kind", "native_type", "aspect", "assets", "rehearsed", "format",
    "levels", "reason_code", "justification", "source", "responsible", "clauses",
)  # fmt: skip
BASIS = "Reg. (EU) 2023/2854 Art. 25(2)(e) and (f), read in a reliable secondary source"


@click.command("lists")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--csv", "as_csv", is_flag=True, help="Write both lists as CSV.")
@lang_option("the text")
@json_option
def lists(bundle: Path | None, root: Path, *, lang: str, as_csv: bool, as_json: bool) -> int:
    """List all that BUNDLE shows to be portable, and all that is exempt, with its justification.

    The two lists of Data Act Art. 25(2)(e) and (f), from what was collected and rehearsed, held
    against `data.exportable` and `data.non_exportable` of contract.yaml: promised and not
    delivered, delivered and not promised, withheld and not exempt. Exit code 1 when something
    promised is not delivered, or withheld without an exemption.
    """
    if as_csv and as_json:
        raise InputError("contract lists: --csv and --json are two outputs; choose one")
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    contract = load_contract(workspace.contract_file)
    opened = open_bundle(path)
    found = lists_of(opened, contract.document)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(found)):
            click.echo(line, nl=False)
    elif as_json:
        show_json(_document(opened.id, contract.id, found))
    else:
        _print_text(found, lang)
    return EXIT_FOUND if any(breaches(found)) else EXIT_CLEAN


def _print_text(found: Lists, lang: str) -> None:
    speech = Speech(lang)
    _print_entries(
        speech.tell("portable: {n} lines", n=len(found.portable)), found.portable, speech
    )
    exempt = speech.tell("exempt: {n} lines", n=len(found.exempt))
    _print_entries(exempt, found.exempt, speech)
    if found.unknown:
        said = "in neither list, for nobody knows: {n} lines"
        _print_entries(speech.tell(said, n=len(found.unknown)), found.unknown, speech)
    for clause in found.vague:
        said = "{clause}: not comparable; say what it `covers`"
        click.echo(speech.tell(said, clause=f"{clause.id} ({clause.category})"))
    for standing in Standing:
        count = len(found.standing(standing))
        if count:
            click.echo(f"{count:5}  {speech.coded('STANDINGS', standing.value)}")
    for line in breaches(found, lang):
        click.echo(speech.tell("finding: {text}", text=line), err=True)
    click.echo(speech.tell("after {basis}", basis=plain(BASIS, lang)))


def _print_entries(title: str, entries: Sequence[Entry], speech: Speech) -> None:
    click.secho(title, bold=True)
    for entry in entries:
        _print_entry(entry, speech)


def _print_entry(entry: Entry, speech: Speech) -> None:
    sign, lang = colon(speech.language), speech.language
    why = f"{entry.reason}{sign}{plain(entry.justification, lang)}"
    how = plain(entry.format, lang) if entry.format else why
    levels = ", ".join(f"{n} {speech.coded('LEVELS', level)}" for level, n in entry.levels)
    clauses = f" [{', '.join(entry.clauses)}]" if entry.clauses else ""
    aspect = speech.coded("ASPECTS", entry.aspect)
    about = speech.tell("{aspect} of {type}", aspect=aspect, type=entry.native_type)
    click.echo(f"  {about} ({levels}){sign}{how}")
    click.echo(f"         {speech.coded('STANDINGS', entry.standing.value)}{clauses}")


def _rows(found: Lists) -> Iterator[tuple[object, ...]]:
    for name, entries in _by_name(found):
        for entry in entries:
            levels = " ".join(f"{level}={count}" for level, count in entry.levels)
            yield (
                name, entry.standing.value, entry.kind, entry.native_type, entry.aspect,
                entry.assets, entry.rehearsed, entry.format, levels, entry.reason,
                entry.justification, entry.source, entry.responsible, " ".join(entry.clauses),
            )  # fmt: skip


def _by_name(found: Lists) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    return ("portable", found.portable), ("exempt", found.exempt), ("unknown", found.unknown)


def _document(bundle: str, contract: str, found: Lists) -> dict[str, Any]:
    return {
        "bundle": bundle,
        "contract": contract,
        "basis": BASIS,
        **{name: [_entry_json(entry) for entry in entries] for name, entries in _by_name(found)},
        "undelivered": [_clause_json(clause) for clause in found.undelivered],
        "notComparable": [_clause_json(clause) for clause in found.vague],
        "findings": list(breaches(found)),
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "standing": entry.standing.value,
        "kind": entry.kind,
        "nativeType": entry.native_type,
        "aspect": entry.aspect,
        "assets": entry.assets,
        "rehearsed": entry.rehearsed,
        "format": entry.format,
        "levels": dict(entry.levels),
        "reasonCode": entry.reason,
        "justification": entry.justification,
        "source": entry.source,
        "responsible": entry.responsible,
        "clauses": list(entry.clauses),
    }


def _clause_json(clause: Clause) -> dict[str, str]:
    return {"id": clause.id, "category": clause.category}
