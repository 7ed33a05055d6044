"""Say which licenses may come along, what is due before the exit, and what lapses."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from exitkit.assess.license_metrics import THINGS
from exitkit.assess.license_position import Position
from exitkit.assess.license_signals import MEANING, Signal
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.licenses import bom_of, exit_day, position_of, signals_of
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import LANGUAGES, Speech, colon
from exitkit.report.quoted import plain
from exitkit.report.visible import on_one_line
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import contract_document, load_workspace

SHOWN = 50
SCHEDULE_COLUMNS = slice(16, 30)
"""Those of `COLUMNS` that are the schedule's own fields."""
SCHEDULE = (
    "quote", "document", "licensor", "licensee", "purchaser", "purchase_order", "start_on",
    "auto_renewal", "cost", "currency", "mobility_programme", "transfer_fee", "lead_time_days",
    "assessed_by", "assessed_on", "legal_advice",
)  # fmt: skip
"""What the license schedule says of an agreement beside what its record holds."""
COLUMNS = (
    "product", "publisher", "transferable", "type", "metric", "quantity", "used", "clause",
    "page", "notice_on", "expires_on", "restrictions", "spdx", "due", "findings", "unit",
    "unmeasured", *SCHEDULE,
)  # fmt: skip


@click.command(name="licenses")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--exit-on", type=click.DateTime(["%Y-%m-%d"]),
              help="The planned exit; default: `dates.end` of contract.yaml.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="Write every license as CSV.")
@click.option("--cyclonedx", is_flag=True, help="Write every license as CycloneDX 1.6 JSON.")
@lang_option("the text")
@json_option
def command(
    bundle: Path | None,
    root: Path,
    exit_on: dt.datetime | None,
    *,
    lang: str,
    as_csv: bool,
    cyclonedx: bool,
    as_json: bool,
) -> int:
    """List the licenses of BUNDLE (default: the newest), those with something due first.

    Whether each may come along, notice to give, what lapses before the planned exit, more in use
    than bought; and what the configurations of cloud assets say: license included, brought along,
    bought through a marketplace. Licenses of packages are counted; `--csv` lists them. Exit code 1
    when an agreement has lapsed, lapses before the planned exit, or is used more than bought.
    """
    if as_csv + cyclonedx + as_json > 1:
        raise InputError("licenses: --csv, --cyclonedx and --json are three outputs; choose one")
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    opened = open_bundle(path)
    if cyclonedx:
        show_json(bom_of(opened))
        return EXIT_CLEAN
    contract = contract_document(workspace)
    day = exit_on.date() if exit_on else exit_day(contract)
    found = position_of(opened, day, dt.datetime.now(dt.UTC).date())
    told = signals_of(opened)
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(found)):
            click.echo(line, nl=False)
    elif as_json:
        show_json(
            {
                "bundle": opened.id, "exitOn": day and day.isoformat(),
                "licenses": [_json(one) for one in found],
                "signals": [_signal_json(one) for one in told],
            }
        )  # fmt: skip
    else:
        _print_text(found, told, day, lang)
    return EXIT_FOUND if any(one.findings for one in found) else EXIT_CLEAN


def _print_text(
    found: Sequence[Position], told: Sequence[Signal], day: dt.date | None, lang: str
) -> None:
    speech = Speech(lang)
    agreements = [one for one in found if not one.record.get("spdxExpression")]
    for one in agreements[:SHOWN]:
        publisher = one.record.get("publisher") or speech.tell("no publisher")
        click.secho(on_one_line(f"{one.record['product']} ({publisher})"), bold=True)
        click.echo(f"  {_terms(one, speech)}")
        if one.schedule.get("quote"):
            click.echo(f'  "{on_one_line(one.schedule["quote"])}"')
        for line in one.due:
            click.echo(f"  -> {plain(line, lang)}")
    if len(agreements) > SHOWN:
        click.echo(speech.tell("and {n} more; all are in --csv", n=len(agreements) - SHOWN))
    counted = Counter(str(one.record["spdxExpression"]) for one in found
                      if one.record.get("spdxExpression"))  # fmt: skip
    if counted:
        said = "{n} packages under {licenses} open-source licenses:"
        click.echo(speech.tell(said, n=counted.total(), licenses=len(counted)))
        for expression, packages in counted.most_common(10):
            click.echo(f"  {packages:5}  {expression}")
    for signal in told[:SHOWN]:
        thing = f"{signal.product}, {signal.native_type} {signal.native_id} ({signal.because})"
        code = speech.coded("SIGNALS", signal.code)
        click.echo(colon(lang).join((code, thing, plain(MEANING[signal.code], lang))))
    if len(told) > SHOWN:
        click.echo(speech.tell("and {n} more; all are in --json", n=len(told) - SHOWN))
    unknown = speech.tell("unknown: what lapses before it cannot be said")
    click.echo(speech.tell("planned exit: {day}", day=day.isoformat() if day else unknown))


def _terms(one: Position, speech: Speech) -> str:
    """Say on which terms an agreement may move, how much of it there is, and where it says so."""
    row = one.record
    quantity, metric = row.get("quantity") or "", str(row.get("metric", ""))
    if speech.language != LANGUAGES[0]:
        metric = speech.metric(metric, quantity or 1)
    unit = "" if one.measured.unit == THINGS else f" {speech.coded('COUNTED', one.measured.unit)}"
    parts = [
        speech.tell("transferable: {word}", word=speech.coded("TRANSFERABLE", row["transferable"])),
        f"{quantity} {metric}".strip(),
        "" if one.used is None else speech.tell("{n}{unit} in use", n=one.used, unit=unit),
        str(row.get("clause") or ""),
        one.page and speech.tell("page {page}", page=one.page),
    ]
    return ", ".join(filter(None, parts))


def _rows(found: Sequence[Position]) -> Iterator[tuple[object, ...]]:
    for one in found:
        row = one.record
        yield (
            row["product"], row.get("publisher", ""), row["transferable"],
            row.get("licenseType", ""), row.get("metric", ""), row.get("quantity", ""),
            "" if one.used is None else one.used, row.get("clause", ""), one.page,
            one.notice_on or "", one.expires_on or "", "; ".join(row.get("restrictions", ())),
            row.get("spdxExpression", ""), "; ".join(one.due), "; ".join(one.findings),
            one.measured.unit, one.measured.unmeasured or "",
            *(one.schedule.get(column, "") for column in SCHEDULE),
        )  # fmt: skip


def _json(one: Position) -> dict[str, Any]:
    return {
        **one.record,
        "used": one.used,
        "unit": one.measured.unit,
        "unmeasured": one.measured.unmeasured,
        "page": one.page,
        "agreement": dict(one.schedule),
        "noticeOn": one.notice_on and one.notice_on.isoformat(),
        "due": list(one.due),
        "findings": list(one.findings),
    }


def _signal_json(one: Signal) -> dict[str, str]:
    return {
        "code": one.code, "product": one.product, "nativeType": one.native_type,
        "nativeId": one.native_id, "scope": one.scope, "because": one.because,
        "meaning": MEANING[one.code],
    }  # fmt: skip
