"""Estimate how long an exit would take, how much work it is, and what would shorten it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from exitkit.assess.dates import is_within, parse_period
from exitkit.assess.exit_estimate import MINUTES_OF_DAY, WORK_RANGE, ExitEstimate, Range, Saving
from exitkit.assess.predicates import look_up
from exitkit.cli.output import json_option, show_json, show_table, workspace_option
from exitkit.engine.contract_check import ALLOWED_PATH, last_rehearsed
from exitkit.engine.estimate import estimate_of
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import (
    Workspace,
    bundle_path,
    latest_bundle,
    load_contract,
    load_workspace,
    sequences,
)
from exitkit.workspace.layout import ExitMeans

ASSUMPTIONS = (
    f"work is estimated by type, never measured; its range is {WORK_RANGE[0]} to {WORK_RANGE[1]} %",
    "all people work on one wave until it is done; waiting runs beside the work; then the transfer",
    "weekends and holidays are not in it; nor is work on what no entry knows",
    "transfer is scaled from the last rehearsal; the slower of its rate and the line counts",
)
SHOWN_WAVES = 12


@click.command(name="estimate")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--people", type=click.IntRange(min=1), help="Instead of `exit.people`.")
@click.option("--bandwidth", type=click.IntRange(min=1), metavar="MBIT_S",
              help="Instead of `exit.bandwidth_mbit_s`.")  # fmt: skip
@json_option
def command(
    bundle: Path | None, root: Path, people: int | None, bandwidth: int | None, *, as_json: bool
) -> int:
    """Estimate the exit of what BUNDLE holds (default: the newest bundle).

    Work by category, what has to be waited for, transfer by the rates of the last rehearsal, in
    the waves that follow from what relies on what; against the contract's period, with the three
    things that would shorten it most. What nobody measured is said and never zero. Exit code 1
    when the likely time is longer than the contract gives.
    """
    workspace = load_workspace(root)
    path = bundle or latest_bundle(workspace)
    if path is None:
        raise InputError(f"{root}: no bundle; name one, or run `exitkit snapshot` first")
    opened = open_bundle(path)
    contract = load_contract(workspace.contract_file) if workspace.contract_file.is_file() else None
    bundles = [open_bundle(bundle_path(workspace, number)) for number in sequences(workspace)]
    means = _means(workspace, people, bandwidth)
    found = estimate_of(opened, last_rehearsed([*bundles, opened]), contract, means)
    allowed = look_up(ALLOWED_PATH, contract.document) if contract else None
    verdict = _against(found, allowed if isinstance(allowed, str) else "")
    if as_json:
        show_json(_document(opened.id, found, means, allowed, verdict))
    else:
        _print_text(found, means, allowed, verdict)
    return EXIT_FOUND if verdict == "longer" else EXIT_CLEAN


def _means(workspace: Workspace, people: int | None, bandwidth: int | None) -> ExitMeans:
    means = workspace.exit_means
    if people:
        means = replace(means, people=people)
    return replace(means, bandwidth_mbit_s=bandwidth) if bandwidth else means


def _against(found: ExitEstimate, allowed: str) -> str:
    """Say whether the exit fits: `within`, `longer`, `may-exceed`, `unknown` or `no-period`.

    Work and waiting alone can already be too long, whatever the transfer takes.
    """
    if not allowed or allowed == "unknown":
        return "no-period"
    limit = parse_period(allowed)
    known = found.total or _without_transfer(found)
    fits = [is_within(parse_period(f"PT{one}M"), limit) for one in (known.likely, known.high)]
    if fits[0] is False:
        return "longer"
    if found.total is None:
        return "unknown"
    return "within" if fits == [True, True] else "may-exceed"


def _without_transfer(found: ExitEstimate) -> Range:
    work, lead = found.elapsed_work, found.longest_lead
    return Range(max(work.low, lead), max(work.likely, lead), max(work.high, lead))


def _print_text(found: ExitEstimate, means: ExitMeans, allowed: object, verdict: str) -> None:
    show_table(
        ("category", "assets", "work, person days", "not known"),
        [(one.category, one.assets, _person_days(one.minutes, means), one.unknown)
         for one in found.work],
    )  # fmt: skip
    click.echo(f"{len(found.waves)} waves:")
    for number, wave in enumerate(found.waves[:SHOWN_WAVES], start=1):
        together = sum(1 for group in wave.groups if len(group) > 1)
        said = f", {together} groups that move together" if together else ""
        days = _person_days(wave.minutes, means)
        click.echo(f"  {number}: {wave.assets} assets, {days} person days{said}")
    if len(found.waves) > SHOWN_WAVES:
        click.echo(f"  ... and {len(found.waves) - SHOWN_WAVES} more; all are in --json")
    for lead in found.leads:
        click.echo(f"wait: {_days(lead.minutes or 0)} days: {lead.text} ({lead.confidence})")
    click.echo(f"work: {_days_range(found.elapsed_work)} days for {means.people} people")
    if found.transfer:
        click.echo(f"transfer: {_days_range(found.transfer)} days, by {found.transfer_bound}")
    else:
        unmeasured = ", ".join(found.unmeasured) or "everything"
        click.echo(f"transfer: not known; nobody measured {unmeasured}")
    click.echo(f"egress: {found.egress_bytes} bytes{_cost(found, means)}")
    if found.total:
        click.echo(f"exit: {_days_range(found.total)} days against {allowed}: {verdict}")
    else:
        least = _days_range(_without_transfer(found))
        click.echo(f"exit: {least} days and the transfer, against {allowed}: {verdict}")
    for saving in found.savings:
        click.echo(f"shorter by {_days(saving.minutes)} days: {_saving(saving)}")
    for line in ASSUMPTIONS:
        click.echo(f"assumed: {line}")


def _saving(saving: Saving) -> str:
    return {
        "people": "twice as many people",
        "bandwidth": "twice the bandwidth",
        "lead": f"begin {saving.subject} before the notice",
        "category": f"half the work on {saving.subject}, by automating or rehearsing it",
    }[saving.code]


def _cost(found: ExitEstimate, means: ExitMeans) -> str:
    if found.egress_cost is None:
        return "; no price is entered"
    return f", {found.egress_cost // 100}.{found.egress_cost % 100:02} {means.currency}"


def _person_days(minutes: Range, means: ExitMeans) -> str:
    a_day = means.hours_per_day * 60
    return f"{_tenths(minutes.low, a_day)} to {_tenths(minutes.high, a_day)}"


def _days_range(minutes: Range) -> str:
    ends = (_days(one) for one in (minutes.low, minutes.likely, minutes.high))
    low, likely, high = ends
    return f"{low} to {high} (likely {likely})"


def _days(minutes: int) -> str:
    return _tenths(minutes, MINUTES_OF_DAY)


def _tenths(value: int, unit: int) -> str:
    tenths = -(-10 * value // unit)
    return f"{tenths // 10}.{tenths % 10}"


def _document(
    bundle: str, found: ExitEstimate, means: ExitMeans, allowed: object, verdict: str
) -> dict[str, Any]:
    return {
        "bundle": bundle,
        "means": asdict(means),
        "work": [
            {"category": one.category, "assets": one.assets, "minutes": asdict(one.minutes),
             "unknown": one.unknown}
            for one in found.work
        ],
        "waves": [
            {"assets": one.assets, "minutes": asdict(one.minutes),
             "groups": [list(group) for group in one.groups]}
            for one in found.waves
        ],
        "leads": [
            {"id": one.id, "minutes": one.minutes, "text": one.text, "confidence": one.confidence}
            for one in found.leads
        ],
        "elapsedWorkMinutes": asdict(found.elapsed_work),
        "transferMinutes": found.transfer and asdict(found.transfer),
        "transferBound": found.transfer_bound,
        "unmeasured": list(found.unmeasured),
        "egressBytes": found.egress_bytes,
        "egressCost": found.egress_cost,
        "totalMinutes": found.total and asdict(found.total),
        "allowed": allowed,
        "verdict": verdict,
        "savings": [asdict(one) for one in found.savings],
        "assumptions": list(ASSUMPTIONS),
    }  # fmt: skip
