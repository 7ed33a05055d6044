"""Hold what the provider bills against what the inventory holds."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import click

from exitkit.assess.reconcile import End
from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.subjects import workspace_if_any
from exitkit.engine.reconcile import Reconciled, percent, reconcile_bundle
from exitkit.engine.reconcile_document import call_name, document_of, exact, explanations, keep
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
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
@json_option
def command(
    bundle: Path, invoices: tuple[Path, ...], root: Path, *, as_csv: bool, as_json: bool
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
        _print_text(found)
    if workspace:
        click.echo(keep(document, workspace.reports, opened.path.resolve().name), err=True)
    return EXIT_FOUND if found.findings else EXIT_CLEAN


def _print_text(found: Reconciled) -> None:
    for invoice in found.invoices:
        days = f"{invoice.first_day} to {invoice.last_day}" if invoice.first_day else "no dates"
        click.echo(f"{invoice.path.name}: {invoice.dialect}, {invoice.rows} lines, {days}")
    calls = found.calls
    click.echo(
        f"calls: {calls.ended} of {calls.planned} ended, {len(calls.waived)} waived by name, "
        f"{len(calls.open)} open"
    )
    _print_some("open", [call_name(row) for row in calls.open])
    _print_some("waived", [call_name(row) for row in calls.waived])
    idle = len(found.unbilled)
    total = found.result.assets
    click.echo(f"assets: {total - idle} of {total} are billed, {idle} not")
    types = Counter(str(row["provider"]["nativeType"]) for row in found.unbilled)
    _print_some("not billed", [f"{count} {name}" for name, count in types.most_common()])
    for one in found.result.coverage:
        click.echo(
            f"spend in {one.currency}: {percent(one.accounted_ppm)} accounted for; matched "
            f"{_money(one.matched)}, explained {_money(one.explained)}, unaccounted "
            f"{_money(one.unaccounted)}, of {_money(one.total)}"
        )
    for (reason, currency), cost in explanations(found):
        click.echo(f"  explained: {_money(cost)} {currency}: {reason}")
    lost = [line for line in found.result.lines if line.end is End.UNACCOUNTED]
    for line in lost[:SHOWN]:
        charge = line.charge
        named = charge.resource or charge.service
        click.echo(
            f"  unaccounted: {_money(charge.cost)} {charge.currency}: {named}: {line.reason}"
        )
    if len(lost) > SHOWN:
        click.echo(f"  ... and {len(lost) - SHOWN} more; all are in --csv")
    for waiver in found.waivers:
        click.echo(
            f"waiver until {waiver.until}: {waiver.resource}, by {waiver.by}: {waiver.reason}"
        )
    for finding in found.findings:
        click.echo(f"finding: {finding}", err=True)


def _print_some(title: str, lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        click.echo(f"  {title}: {line}")
    if len(lines) > SHOWN:
        click.echo(f"  {title}: and {len(lines) - SHOWN} more; all are in --json")


def _rows(found: Reconciled) -> Iterator[tuple[object, ...]]:
    for line in found.result.lines:
        if line.end is End.UNACCOUNTED:
            c = line.charge
            yield (
                c.resource, c.service, c.account, c.region, c.category, c.currency,
                exact(c.cost), line.end.value, line.reason, line.asset,
            )  # fmt: skip


def _money(cost: Decimal) -> str:
    return f"{cost:.2f}"
