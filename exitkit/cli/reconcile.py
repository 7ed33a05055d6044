"""Hold what the provider bills against what the inventory holds."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from exitkit.assess.reconcile import Coverage, End, Line
from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.engine.reconcile import Reconciled, percent, reconcile_bundle
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import load_workspace
from exitkit.workspace.layout import ReconcileGate

SCHEMA = "exitkit/reconcile/1"
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
    workspace = load_workspace(root) if (root / "exitkit.yaml").is_file() else None
    gate = workspace.gate if workspace else ReconcileGate()
    opened = open_bundle(bundle)
    found = reconcile_bundle(opened, invoices, gate, dt.datetime.now(dt.UTC).date())
    document = _document(found)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(found)):
            click.echo(line, nl=False)
    elif as_json:
        show_json(document)
    else:
        _print_text(found)
    if workspace:
        body = canonical_bytes(document) + b"\n"
        digest = hashlib.sha256(body).hexdigest()[:8]
        workspace.reports.mkdir(exist_ok=True)
        path = workspace.reports / f"reconcile-{opened.path.resolve().name}-{digest}.json"
        write_atomically(path, body)
        click.echo(path, err=True)
    return EXIT_FOUND if found.findings else EXIT_CLEAN


def _print_text(found: Reconciled) -> None:
    for invoice in found.invoices:
        days = f"{invoice.first_day} to {invoice.last_day}" if invoice.first_day else "no dates"
        click.echo(f"{invoice.path.name}: {invoice.dialect}, {invoice.rows} lines, {days}")
    calls = found.calls
    click.echo(
        f"calls: {calls.ended} of {calls.planned} ended, {calls.waived} waived by name, "
        f"{calls.open} open"
    )
    billed = found.result.assets - found.result.unbilled
    click.echo(f"assets: {billed} of {found.result.assets} are billed, {found.result.unbilled} not")
    for one in found.result.coverage:
        click.echo(
            f"spend in {one.currency}: {percent(one.accounted_ppm)} accounted for; matched "
            f"{_money(one.matched)}, explained {_money(one.explained)}, unaccounted "
            f"{_money(one.unaccounted)}, of {_money(one.total)}"
        )
    for (reason, currency), cost in _explanations(found):
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


def _explanations(found: Reconciled) -> list[tuple[tuple[str, str], Decimal]]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in found.result.lines:
        if line.end is End.EXPLAINED:
            sums[line.reason, line.charge.currency] += line.charge.cost
    return sorted(sums.items(), key=lambda pair: (-abs(pair[1]), pair[0]))


def _rows(found: Reconciled) -> Iterator[tuple[object, ...]]:
    for line in found.result.lines:
        if line.end is End.UNACCOUNTED:
            c = line.charge
            yield (
                c.resource, c.service, c.account, c.region, c.category, c.currency,
                _exact(c.cost), line.end.value, line.reason, line.asset,
            )  # fmt: skip


def _document(found: Reconciled) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "bundle": found.bundle,
        "invoices": [
            {"name": one.path.name, "dialect": one.dialect, "rows": one.rows,
             "firstDay": one.first_day, "lastDay": one.last_day}
            for one in found.invoices
        ],
        "calls": {
            "planned": found.calls.planned, "ended": found.calls.ended,
            "waived": found.calls.waived, "open": found.calls.open,
        },
        "assets": {"total": found.result.assets, "unbilled": found.result.unbilled},
        "spend": [_coverage_json(one) for one in found.result.coverage],
        "explained": [
            {"reason": reason, "currency": currency, "cost": _exact(cost)}
            for (reason, currency), cost in _explanations(found)
        ],
        "unaccounted": [
            _line_json(line) for line in found.result.lines if line.end is End.UNACCOUNTED
        ],
        "byAsset": {
            asset: {currency: _exact(cost) for currency, cost in sorted(spend.items())}
            for asset, spend in sorted(found.result.by_asset.items())
        },
        "waivers": [
            {"resource": one.resource, "reason": one.reason, "by": one.by,
             "on": one.on.isoformat(), "until": one.until.isoformat()}
            for one in found.waivers
        ],
        "findings": list(found.findings),
    }  # fmt: skip


def _coverage_json(one: Coverage) -> dict[str, Any]:
    return {
        "currency": one.currency,
        "accountedPpm": one.accounted_ppm,
        "total": _exact(one.total),
        "matched": _exact(one.matched),
        "explained": _exact(one.explained),
        "unaccounted": _exact(one.unaccounted),
    }


def _line_json(line: Line) -> dict[str, str]:
    charge = line.charge
    return {
        "resource": charge.resource, "service": charge.service, "account": charge.account,
        "region": charge.region, "category": charge.category, "currency": charge.currency,
        "cost": _exact(charge.cost), "reason": line.reason,
    }  # fmt: skip


def _exact(cost: Decimal) -> str:
    """Write an amount with all the decimals it has, and no exponent."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _money(cost: Decimal) -> str:
    return f"{cost:.2f}"
