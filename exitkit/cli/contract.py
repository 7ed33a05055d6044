"""Hold the contract against the rules of law and practice."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from exitkit.assess.rules import FAIL, OUTCOMES, has_failed
from exitkit.cli.contract_lists import lists
from exitkit.cli.output import json_option, lang_option, show_json, show_table, workspace_option
from exitkit.engine.contract_check import ContractCheck, check_contract
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.knowledge.rulebook import MARKS
from exitkit.model.contract import RuleResult
from exitkit.report.language import Speech, colon, semicolon
from exitkit.report.quoted import plain
from exitkit.workspace.files import load_workspace

_SEVERITIES = ("error", "warn", "info")


@click.group(name="contract")
def command() -> None:
    """Work on the contract."""


command.add_command(lists)


@command.command("check")
@workspace_option
@json_option
@lang_option("the text")
@click.option("--all", "show_all", is_flag=True, help="Show rules that hold or do not apply, too.")
def check(root: Path, as_json: bool, lang: str, show_all: bool) -> int:
    """Check contract.yaml, exit-plan.yaml and the newest bundle against every named rule.

    A field that nobody filled in leaves its rule unknown, and never passes. Exit code 1 when a
    rule of severity `error` fails.
    """
    checked = check_contract(load_workspace(root), dt.datetime.now(dt.UTC).date())
    _print_json(checked) if as_json else _print_text(checked, lang, show_all=show_all)
    return EXIT_FOUND if has_failed(checked.results) else EXIT_CLEAN


def _print_text(checked: ContractCheck, lang: str, *, show_all: bool) -> None:
    speech = Speech(lang)
    shown = OUTCOMES if show_all else OUTCOMES[:2]
    rows = sorted((one for one in checked.results if one.outcome in shown), key=_worst_first)
    if rows:
        show_table(
            speech.headings("outcome", "rule", "severity", "source", "read", "says"),
            [
                (
                    speech.coded("OUTCOMES", r.outcome),
                    r.rule,
                    speech.coded("SEVERITIES", r.severity),
                    plain(r.source, lang),
                    r.mark,
                    plain(r.message, lang),
                )
                for r in rows
            ],
        )
    counts = Counter(one.outcome for one in checked.results)
    said = ", ".join(f"{counts[code]} {speech.coded('OUTCOMES', code)}" for code in OUTCOMES)
    total = speech.tell("{n} rules", n=len(checked.results))
    click.echo(colon(lang).join((checked.contract.id, total, said)))
    marks = semicolon(lang).join(f"{mark} {plain(text, lang)}" for mark, text in MARKS.items())
    click.echo(speech.tell("read: {marks}", marks=marks))
    if not checked.bundle:
        click.echo(
            speech.tell("no bundle yet, so the inventory rules are unknown; run `exitkit snapshot`")
        )


def _worst_first(result: RuleResult) -> tuple[int, int, str]:
    severity = _SEVERITIES.index(result.severity) if result.outcome == FAIL else 0
    return OUTCOMES.index(result.outcome), severity, result.rule


def _print_json(checked: ContractCheck) -> None:
    show_json(
        {
            "contract": checked.contract.id,
            "bundle": checked.bundle,
            "rules": [_as_json(one) for one in checked.results],
        }
    )


def _as_json(result: RuleResult) -> dict[str, str | Sequence[str]]:
    return {
        "id": result.rule,
        "regime": result.regime,
        "source": result.source,
        "read": result.mark,
        "severity": result.severity,
        "outcome": result.outcome,
        "message": result.message,
        "fields": list(result.fields),
    }
