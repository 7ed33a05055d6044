"""Estimate how long an exit would take, how much work it is, and what would shorten it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from exitkit.assess.exit_estimate import ExitEstimate, Means, held_against
from exitkit.assess.predicates import look_up
from exitkit.cli.output import json_option, lang_option, show_json, show_table, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.contract_check import last_rehearsed
from exitkit.engine.estimate import estimate_of
from exitkit.engine.extrapolation import ALLOWED_PATH
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.report.estimate_words import assumptions, estimate_lines, person_days
from exitkit.report.language import Speech
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import (
    Workspace,
    bundle_path,
    load_contract,
    load_workspace,
    sequences,
)


@click.command(name="estimate")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--people", type=click.IntRange(min=1), help="Instead of `exit.people`.")
@click.option("--bandwidth", type=click.IntRange(min=1), metavar="MBIT_S",
              help="Instead of `exit.bandwidth_mbit_s`.")  # fmt: skip
@lang_option("the text")
@json_option
def command(
    bundle: Path | None,
    root: Path,
    people: int | None,
    bandwidth: int | None,
    *,
    lang: str,
    as_json: bool,
) -> int:
    """Estimate the exit of what BUNDLE holds (default: the newest bundle).

    Work by category, what has to be waited for, transfer by the rates of the last rehearsal, in
    the waves that follow from what relies on what; against the contract's period, with the three
    things that would shorten it most. What nobody measured is said and never zero. Exit code 1
    when the likely time is longer than the contract gives.
    """
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    opened = open_bundle(path)
    contract = load_contract(workspace.contract_file) if workspace.contract_file.is_file() else None
    bundles = [open_bundle(bundle_path(workspace, number)) for number in sequences(workspace)]
    means = means_of(workspace, people, bandwidth)
    found = estimate_of(opened, last_rehearsed([*bundles, opened]), contract, means)
    allowed = str(look_up(ALLOWED_PATH, contract.document) or "") if contract else ""
    verdict = held_against(found, allowed)
    if as_json:
        show_json(_document(opened.id, found, means, allowed, verdict))
    else:
        _print_text(found, means, allowed, verdict, lang)
    return EXIT_FOUND if verdict == "longer" else EXIT_CLEAN


def means_of(
    workspace: Workspace, people: int | None = None, bandwidth: int | None = None
) -> Means:
    """Return what an exit can use, by the workspace and by what was said instead."""
    means = Means(**asdict(workspace.exit_means))
    if people:
        means = replace(means, people=people)
    return replace(means, bandwidth_mbit_s=bandwidth) if bandwidth else means


def _print_text(found: ExitEstimate, means: Means, allowed: str, verdict: str, lang: str) -> None:
    speech = Speech(lang)
    show_table(
        speech.headings("category", "assets", "work, person days", "not known"),
        [
            (
                speech.coded("CATEGORIES", one.category),
                one.assets,
                person_days(one.minutes, means, lang),
                one.unknown,
            )
            for one in found.work
        ],
    )
    for line in estimate_lines(found, means, allowed, verdict, lang):
        click.echo(line)


def _document(
    bundle: str, found: ExitEstimate, means: Means, allowed: str, verdict: str
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
        "transferAtLeast": found.transfer_at_least,
        "egressBytes": found.egress_bytes,
        "egressCost": found.egress_cost,
        "totalMinutes": found.total and asdict(found.total),
        "allowed": allowed,
        "verdict": verdict,
        "savings": [asdict(one) for one in found.savings],
        "assumptions": assumptions(),
    }  # fmt: skip
