"""Hold what the provider bills against what the inventory holds."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import click

from exitkit.assess.reconcile import End
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import workspace_if_any
from exitkit.engine.reconcile import Reconciled, percent, reconcile_bundle
from exitkit.engine.reconcile_document import call_name, document_of, exact, explanations, keep
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import Speech, colon
from exitkit.report.quoted import plain
from exitkit.store.reader import open_bundle
from exitkit.workspace.layout import ReconcileGate

SHOWN = 20
COLUMNS = (
    "resource", "service", "account", "region", "category", "currency", "cost", "end", "reason",
    "asset",
)  # fmt: skip


@click.command(name="reconcile")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("invoices", nargs=-1, required=True, type=click.Path(path_type=Path))
@workspace_option
@click.option("--csv", "as_csv", is_flag=True, help="Write what is not accounted for as CSV.")
@lang_option("the text")
@json_option
def command(
    bundle: Path,
    invoices: tuple[Path, ...],
    root: Path,
    *,
    as_csv: bool,
    lang: str,
    as_json: bool,
) -> int:
    """Match every charge of INVOICES with what BUNDLE holds.

    Reads FOCUS 1.0 to 1.3, AWS CUR 2.0 and legacy, and Azure cost exports, as CSV, gzipped CSV or
    Parquet. Each sum ends as matched, explained (tax, credit, commitment, usage without a
    resource, a waiver) or unaccounted, with its money. In a workspace the result is also kept in
    reports/. Exit code 1 when the gate of exitkit.yaml (`reconcile:`) fails.
    """
    if as_csv and as_json:
        raise InputError("reconcile: --csv and --json are two outputs; choose one")
    workspace = workspace_if_any(root, needed=False)
    gate = workspace.gate if workspace else ReconcileGate()
    opened = open_bundle(bundle)
    found = reconcile_bundle(opened, invoices, gate, dt.datetime.now(dt.UTC).date())
    document = document_of(opened.id, found)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(found)):
            click.echo(line, nl=False)
    elif as_json:
        show_json(document)
    else:
        _print_text(found, Speech(lang))
    if workspace:
        click.echo(keep(document, workspace.reports, opened.path.resolve().name), err=True)
    return EXIT_FOUND if found.findings else EXIT_CLEAN


def _print_text(found: Reconciled, speech: Speech) -> None:
    lang = speech.language
    for invoice in found.invoices:
        days = speech.tell("no dates")
        if invoice.first_day:
            days = speech.tell("{first} to {last}", first=invoice.first_day, last=invoice.last_day)
        rows = speech.tell("{n} lines", n=invoice.rows)
        click.echo(f"{invoice.path.name}{colon(lang)}{invoice.dialect}, {rows}, {days}")
    calls = found.calls
    click.echo(
        speech.tell(
            "calls: {ended} of {planned} ended, {waived} waived by name, {open} open",
            ended=calls.ended, planned=calls.planned, waived=len(calls.waived),
            open=len(calls.open),
        )
    )  # fmt: skip
    _print_some(speech.tell("open"), [call_name(row) for row in calls.open], speech)
    _print_some(speech.tell("waived"), [call_name(row) for row in calls.waived], speech)
    idle, total = len(found.unbilled), found.result.assets
    said = "assets: {billed} of {total} are billed, {idle} not"
    click.echo(speech.tell(said, billed=total - idle, total=total, idle=idle))
    types = Counter(str(row["provider"]["nativeType"]) for row in found.unbilled)
    unbilled = [f"{count} {name}" for name, count in types.most_common()]
    _print_some(speech.tell("not billed"), unbilled, speech)
    _print_spend(found, speech)
    for waiver in found.waivers:
        said = "waiver until {day}: {resource}, by {by}: {reason}"
        click.echo(
            speech.tell(
                said, day=waiver.until, resource=waiver.resource, by=waiver.by,
                reason=waiver.reason,
            )
        )  # fmt: skip
    for finding in found.findings:
        click.echo(speech.tell("finding: {text}", text=plain(finding, lang)), err=True)


def _print_spend(found: Reconciled, speech: Speech) -> None:
    """Say of each currency what is accounted for, and what is not, the largest first."""
    for one in found.result.coverage:
        said = (
            "spend in {currency}: {share} accounted for; matched {matched}, explained {explained},"
            " unaccounted {unaccounted}, of {total}"
        )
        amounts = {
            name: _money(getattr(one, name), speech)
            for name in ("matched", "explained", "unaccounted", "total")
        }
        share = speech.decimal(percent(one.accounted_ppm))
        click.echo(speech.tell(said, currency=one.currency, share=share, **amounts))
    for (reason, currency), cost in explanations(found):
        money = f"{_money(cost, speech)} {currency}"
        why = plain(reason, speech.language)
        click.echo(f"  {speech.tell('explained: {money}: {why}', money=money, why=why)}")
    lost = [line for line in found.result.lines if line.end is End.UNACCOUNTED]
    for line in lost[:SHOWN]:
        charge = line.charge
        told = speech.tell(
            "unaccounted: {money}: {named}: {why}",
            money=f"{_money(charge.cost, speech)} {charge.currency}",
            named=charge.resource or charge.service, why=plain(line.reason, speech.language),
        )  # fmt: skip
        click.echo(f"  {told}")
    if len(lost) > SHOWN:
        more = speech.tell("... and {n} more; all are in --csv", n=len(lost) - SHOWN)
        click.echo(f"  {more}")


def _print_some(title: str, lines: Sequence[str], speech: Speech) -> None:
    sign = colon(speech.language)
    for line in lines[:SHOWN]:
        click.echo(f"  {title}{sign}{line}")
    if len(lines) > SHOWN:
        more = speech.tell("and {n} more; all are in --json", n=len(lines) - SHOWN)
        click.echo(f"  {title}{sign}{more}")


def _rows(found: Reconciled) -> Iterator[tuple[object, ...]]:
    for line in found.result.lines:
        if line.end is End.UNACCOUNTED:
            c = line.charge
            yield (
                c.resource, c.service, c.account, c.region, c.category, c.currency,
                exact(c.cost), line.end.value, line.reason, line.asset,
            )  # fmt: skip


def _money(cost: Decimal, speech: Speech) -> str:
    return speech.decimal(f"{cost:.2f}")
