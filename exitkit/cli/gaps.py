"""Say what cannot leave, why, and who could change that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from exitkit.assess.impact import IMPACT_ORDER
from exitkit.assess.scores import FORMULA, Score, percent
from exitkit.assess.summary import GapGroup, split_by
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle, workspace_if_any
from exitkit.engine.gaps import AssetName, Gaps, read_gaps, single_gaps, spend_of
from exitkit.engine.letter import write_letters
from exitkit.engine.report_context import last_reconciliation
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.knowledge.portability import Knowledge, load_knowledge
from exitkit.report.cost_words import cost_words
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import Speech, colon
from exitkit.report.quoted import plain
from exitkit.store.reader import Bundle, open_bundle

WAYS = ("responsible", "reason", "aspect", "level")
TABLES = {"responsible": "PARTIES", "reason": "", "aspect": "ASPECTS", "level": "LEVELS"}
"""Where each way has the words of its codes; reasons are named by their codes."""
COLUMNS = {
    "aspect": "aspect", "level": "level", "reason_code": "reasonCode", "reason": "reasonText",
    "responsible": "responsibleParty", "workaround": "workaround", "source": "source",
    "confidence": "confidence", "asset": "asset",
}  # fmt: skip
"""The columns of the CSV and the members of an exportability record they hold."""
COST_COLUMNS = ("workaround_effort", "workaround_lead_days")


@click.command(name="gaps")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--by", type=click.Choice(WAYS), default="responsible", show_default=True,
              help="What to group by.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="Write every single gap as a line of CSV.")
@click.option("--letter", is_flag=True,
              help="Write the request to the provider into reports/.")  # fmt: skip
@lang_option("the text and of the letter")
@click.option("--answer-by", type=click.DateTime(["%Y-%m-%d"]), help="The date the letter sets.")
@json_option
def command(
    bundle: Path | None,
    root: Path,
    by: str,
    *,
    as_csv: bool,
    letter: bool,
    lang: str,
    answer_by: dt.datetime | None,
    as_json: bool,
) -> int:
    """List what cannot leave BUNDLE's estate as well as it should (default: the newest bundle).

    Grouped by who can remove the obstacle and ordered by impact, with the reason, the way around
    it and the number of verdicts. `--letter` writes what the provider is asked for: a draft for
    somebody to complete, read and sign. Exit code 1 when a call was refused or failed and nobody
    acknowledged it, or when more is unknown than exitkit.yaml tolerates.
    """
    if as_csv + letter + as_json > 1:
        raise InputError("gaps: --csv, --letter and --json are three outputs; choose one")
    workspace = workspace_if_any(root, needed=bundle is None)
    path = chosen_bundle(bundle, workspace, root)
    opened = open_bundle(path)
    reconciled = last_reconciliation(opened, workspace) if workspace else None
    gaps = read_gaps(
        opened,
        workspace.tolerances.unknown_percent if workspace else 100,
        spend_of(reconciled[1]) if reconciled else None,
    )
    if letter:
        today = dt.datetime.now(dt.UTC).date()
        wanted = answer_by.date() if answer_by else None
        for written in write_letters(opened, gaps, workspace, root, lang, today, wanted):
            click.echo(written)
        return EXIT_CLEAN
    if as_csv:
        for line in csv_lines(*_table(opened, gaps.assets)):
            click.echo(line, nl=False)
    else:
        _print_json(gaps) if as_json else _print_text(gaps, by, lang)
    return EXIT_FOUND if gaps.findings else EXIT_CLEAN


def _table(
    bundle: Bundle, assets: Mapping[str, AssetName]
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    headings = ("native_type", "native_id", "name", "scope", "region", *COLUMNS, *COST_COLUMNS)
    knowledge = load_knowledge()

    def rows() -> Iterator[tuple[str, ...]]:
        for row in single_gaps(bundle):
            name = assets.get(str(row["asset"])) or AssetName("?", "", "", "", "")
            where = name.native_type, name.native_id, name.name, name.scope, name.region
            cost = knowledge.cost_of(str(row["reasonCode"]), str(row.get("source", "")))
            told = (str(row.get(member, "")) for member in COLUMNS.values())
            yield (*where, *told, cost.effort, str(cost.lead_days))

    return headings, rows()


def _print_text(gaps: Gaps, by: str, lang: str) -> None:
    knowledge, speech = load_knowledge(), Speech(lang)
    for word, groups in split_by(gaps.groups, by).items():
        count = sum(group.count for group in groups)
        click.secho(f"{speech.coded(TABLES[by], word)}{colon(lang)}{count}", bold=True)
        for group in groups:
            about = f"{speech.coded('ASPECTS', group.aspect)} {speech.coded('LEVELS', group.level)}"
            click.echo(f"  {group.count:5}  {about}{colon(lang)}{plain(group.text, lang)}")
            click.echo(f"         {_named(group, speech)}{_relied_on(group, speech)}")
            click.echo(f"         -> {plain(group.workaround, lang)}")
            cost = knowledge.cost_of(group.reason, group.source)
            click.echo(f"            {cost_words(cost, knowledge, lang)}")
    levels = ", ".join(f"{n} {speech.coded('LEVELS', level)}" for level, n in gaps.tally.counts)
    click.echo(
        speech.tell(
            "{n} verdicts: {levels}", n=gaps.tally.total, levels=levels or speech.tell("none")
        )
    )
    if gaps.groups:
        click.echo(speech.tell("ordered by impact: {order}", order=speech.say(IMPACT_ORDER)))
    _print_scores(gaps.scores, speech)
    for row in gaps.open_calls:
        where = "/".join(row[key] for key in ("source", "scope", "region") if row.get(key))
        outcome = speech.coded("CALLS", str(row["outcome"]))
        reason = f"{colon(lang)}{plain(str(row['reason']), lang)}" if row.get("reason") else ""
        need = row.get("permission") or ""
        need = need and speech.tell("; needs {permission}", permission=need)
        click.echo(f"{outcome}{colon(lang)}{where} {row['operation']}{reason}{need}")
    for finding in gaps.findings:
        click.echo(speech.tell("finding: {text}", text=plain(finding, lang)), err=True)


def _print_scores(scores: Sequence[Score], speech: Speech) -> None:
    """Show the contract and its categories; the services are in the JSON."""
    for score in scores:
        if score.scope == "service" or not score.total:
            continue
        name = f"  {speech.category(score.name)}"
        if score.scope == "contract":
            name = speech.tell("score of the contract")
        because = plain(score.because, speech.language)
        said = speech.tell("indeterminate: {because}", because=because)
        if score.permille is not None:
            share = speech.decimal(percent(score.permille))
            said = speech.tell("{share} of {n}", share=share, n=score.total)
        if score.spend_permille is not None:
            share = speech.decimal(percent(score.spend_permille))
            said += speech.tell(", {share} by spend", share=share)
        click.echo(f"{name}{colon(speech.language)}{said}")
    if scores:
        click.echo(f"  {speech.say(FORMULA)}")


def _named(group: GapGroup, speech: Speech) -> str:
    types = ", ".join(group.native_types[:4])
    more = len(group.native_types) - 4
    if more > 0:
        types = speech.tell("{types} and {n} more types", types=types, n=more)
    return f"{types} ({group.reason})"


def _relied_on(group: GapGroup, speech: Speech) -> str:
    if not group.dependents:
        return ""
    return speech.tell_many(
        group.dependents, "; {n} other asset relies on it", "; {n} other assets rely on it"
    )


def _print_json(gaps: Gaps) -> None:
    knowledge = load_knowledge()
    show_json(
        {
            "bundle": gaps.bundle,
            "levels": dict(gaps.tally.counts),
            "scores": [_score_json(score) for score in gaps.scores],
            "scoreFormula": FORMULA,
            "order": IMPACT_ORDER,
            "gaps": [_group_json(group, knowledge) for group in gaps.groups],
            "openCalls": [dict(row) for row in gaps.open_calls],
            "findings": list(gaps.findings),
        }
    )


def _score_json(score: Score) -> dict[str, Any]:
    return {
        "scope": score.scope,
        "name": score.name,
        "levels": dict(score.levels),
        "total": score.total,
        "permille": score.permille,
        "spendPermille": score.spend_permille,
        "because": score.because,
    }


def _group_json(group: GapGroup, knowledge: Knowledge) -> dict[str, Any]:
    cost = knowledge.cost_of(group.reason, group.source)
    return {
        "responsible": group.responsible,
        "reason": group.reason,
        "level": group.level,
        "aspect": group.aspect,
        "text": group.text,
        "workaround": group.workaround,
        "workaroundEffort": cost.effort,
        "workaroundLeadDays": cost.lead_days,
        "count": group.count,
        "dependents": group.dependents,
        "nativeTypes": list(group.native_types),
        "records": list(group.records),
    }
