"""Write the waves of an exit into its plan, from what relies on what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import click

from exitkit.assess.exit_estimate import Means, Wave, working_days
from exitkit.assess.waves import Group
from exitkit.cli.estimate import means_of
from exitkit.cli.output import json_option, show_json, show_table, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.estimate import estimate_of, waves_of
from exitkit.errors import EXIT_CLEAN
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import load_workspace

NAMED = 12
"""Things of a wave that its milestone names; all are in --json."""


@click.command("waves")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--milestones", "as_plan", is_flag=True,
              help="Write phases and milestones for exit-plan.yaml, one a wave.")  # fmt: skip
@json_option
def waves_command(bundle: Path | None, root: Path, as_plan: bool, as_json: bool) -> int:
    """Show in which order what BUNDLE holds has to move (default: the newest bundle).

    What a wave relies on is in earlier waves; what relies on each other moves together.
    """
    workspace = load_workspace(root)
    opened = open_bundle(chosen_bundle(bundle, workspace, root))
    if as_plan and not as_json:
        means = means_of(workspace)
        estimated = estimate_of(opened, None, None, means)
        click.echo("\n".join(_plan_lines(estimated.waves, means, _names(opened))))
        return EXIT_CLEAN
    found = waves_of(opened)
    if as_json:
        show_json({"bundle": opened.id, "waves": [[list(group) for group in one] for one in found]})
        return EXIT_CLEAN
    names = _names(opened)
    rows = [
        (number, sum(map(len, wave)), sum(len(group) > 1 for group in wave), _some(wave, names))
        for number, wave in enumerate(found, start=1)
    ]
    show_table(("WAVE", "ASSETS", "CIRCLES", "AMONG THEM"), rows)
    return EXIT_CLEAN


def _names(bundle: Bundle) -> Mapping[str, str]:
    return {
        str(row["@id"]): f"{row['provider']['nativeType']} {row['name']}"
        for row in bundle.records("assets")
    }


def _plan_lines(waves: Sequence[Wave], means: Means, names: Mapping[str, str]) -> Iterator[str]:
    """Yield phases and milestones that follow each other; criteria and steps are added by hand.

    Each wave takes the working days that its estimated work takes all people, and begins when the
    one before it is done; all are due by the end of the transition.
    """
    yield (
        f"# Days of {means.people} at {means.hours_per_day} hours a day, by the work that"
        " `exitkit estimate` judges likely; nobody measured it."
    )
    days = [working_days(wave.minutes, means) for wave in waves]
    ends = list(accumulate(days))
    yield "phases:"
    for number, (took, end) in enumerate(zip(days, ends, strict=True), start=1):
        yield f"  - id: W{number}"
        yield f"    name: {{en: Wave {number}, fr: Vague {number}}}"
        yield f"    start: {{anchor: TS, offset: P{end - took}WD}}"
        yield f"    end: {{anchor: TS, offset: P{end}WD}}"
    yield "milestones:"
    for number, (wave, took) in enumerate(zip(waves, days, strict=True), start=1):
        yield f"  - id: wave-{number}"
        yield f"    phase: W{number}"
        yield f"    title: {{en: Wave {number} moved, fr: Vague {number} transférée}}"
        yield f"    objective: {json.dumps(_some(wave.groups, names), ensure_ascii=False)}"
        yield "    not_before: TS"
        if took:
            yield f"    duration: P{took}WD"
        yield "    deadline: {anchor: TX}"
        if number > 1:
            yield f"    depends_on: [wave-{number - 1}]"
        yield "    criteria: []"


def _some(wave: Sequence[Group], names: Mapping[str, str]) -> str:
    found = [names.get(asset, asset) for group in wave for asset in group]
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
