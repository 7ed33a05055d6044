"""Lay the exit plan on a calendar, and choose what its partial exercise restores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from exitkit.assess.anchors import scenario_anchors
from exitkit.assess.sampling import sample
from exitkit.assess.schedule import Slot, late, schedule
from exitkit.cli.output import (
    json_option,
    lang_option,
    show_json,
    show_table,
    workspace_option,
    write_output,
)
from exitkit.drivers.holiday_calendar import days_off
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.model.plan import Plan
from exitkit.report.language import Speech
from exitkit.report.timeline_svg import FORMATS
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import latest_bundle, load_contract, load_plan, load_workspace
from exitkit.workspace.schema_faults import suggest

_YEARS_AHEAD = 4


@click.command("timeline")
@workspace_option
@click.option("--scenario", default="", metavar="ID",
              help="How the exit comes about. Default: the plan's first scenario.")  # fmt: skip
@click.option("--start", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]),
              help="The day the notice is received, or the stressed exit begins. Default: the "
                   "plan's T0, or today.")  # fmt: skip
@click.option("--format", "form", type=click.Choice([*FORMATS, "json"]), default="text",
              help="What to write.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write there instead of to the terminal.")  # fmt: skip
@lang_option("the text, the picture and the calendar")
def timeline(
    root: Path, scenario: str, start: dt.datetime | None, form: str, output: Path | None, lang: str
) -> int:
    """Show when each milestone can be reached and is due, what is critical, and the slack.

    Exit code 1 when a milestone cannot be reached by its day even if nothing slips.
    """
    workspace = load_workspace(root)
    plan, contract = load_plan(workspace.plan_file), load_contract(workspace.contract_file)
    chosen = _scenario(plan, scenario)
    begins = start.date() if start else _begins(plan)
    holidays = holidays_of(plan, begins)
    anchors = scenario_anchors(plan, contract, chosen, begins, holidays)
    slots = schedule(plan, anchors, begins, holidays)
    if form == "json":
        days = {name: day.isoformat() for name, day in sorted(anchors.items())}
        show_json({"plan": plan.id, "scenario": chosen.get("id", ""), "anchors": days,
                   "milestones": [_as_json(slot) for slot in slots]})  # fmt: skip
    else:
        name = f"{plan.id} {chosen.get('id', '')}".rstrip()
        text = FORMATS[form](name, slots, lang)
        if output is not None:
            write_output(output, text.encode())
        else:
            click.echo(text, nl=False)
    broken = list(late(slots))
    for slot in broken:
        by = (slot.end - slot.due).days if slot.due else 0
        told = Speech(lang).tell_many(
            by, "{milestone}: can be reached on {end}, {n} day after {due}",
            "{milestone}: can be reached on {end}, {n} days after {due}",
            milestone=slot.milestone.id, end=slot.end, due=slot.due,
        )  # fmt: skip
        click.echo(told, err=True)
    return EXIT_FOUND if broken else EXIT_CLEAN


@click.command("sample")
@workspace_option
@json_option
def sample_command(root: Path, as_json: bool) -> int:
    """Choose from the newest bundle what a partial exercise restores, by the plan's `sampling:`.

    Something of every kind, everything critical, and some by a lot that the recorded seed repeats.
    """
    workspace = load_workspace(root)
    rule = dict(load_plan(workspace.plan_file).document.get("sampling", {}))
    path = latest_bundle(workspace)
    if path is None:
        raise InputError(f"{workspace.bundles}: no bundle yet; `exitkit snapshot` makes one")
    bundle = open_bundle(path)
    # Without a seed of its own the bundle's name is one: nobody could choose it either.
    seed = str(rule.pop("seed", bundle.id))
    chosen = sample(bundle.records("assets"), seed, **rule)
    if as_json:
        show_json({"bundle": bundle.id, "seed": seed, "sample": [asdict(one) for one in chosen]})
    else:
        rows = [(one.category, one.because, one.name or one.asset) for one in chosen]
        show_table(("KIND", "BECAUSE", "ASSET"), rows)
        click.echo(f"{len(chosen)} assets, seed {seed}")
    return EXIT_CLEAN


def holidays_of(plan: Plan, begins: dt.date) -> Collection[dt.date]:
    """Return the days off that the plan's `calendar:` names, for the years an exit can touch."""
    calendar: Mapping[str, Any] = plan.document.get("calendar", {})
    return days_off(calendar, range(begins.year, begins.year + _YEARS_AHEAD))


def _scenario(plan: Plan, name: str) -> Mapping[str, Any]:
    scenarios = {one["id"]: one for one in plan.document.get("scenarios", ())}
    if name and name not in scenarios:
        raise InputError(f'no scenario "{name}"; {suggest(name, sorted(scenarios))}')
    nothing: Mapping[str, Any] = {}
    return scenarios[name] if name else next(iter(scenarios.values()), nothing)


def _begins(plan: Plan) -> dt.date:
    known = plan.document.get("anchors", {}).get("T0")
    return dt.date.fromisoformat(str(known)) if known else dt.datetime.now(dt.UTC).date()


def _as_json(slot: Slot) -> dict[str, Any]:
    return {
        "milestone": slot.milestone.id,
        "start": slot.start.isoformat(),
        "end": slot.end.isoformat(),
        "due": slot.due.isoformat() if slot.due else None,
        "slackDays": slot.slack_days,
        "critical": slot.is_critical,
    }
