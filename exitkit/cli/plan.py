"""Check the exit plan before anything runs, and lay it on a calendar."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.plan_timeline import sample_command, timeline
from exitkit.cli.plan_waves import waves_command
from exitkit.engine.contract_check import last_rehearsed
from exitkit.engine.plan_bundle import bundle_remarks
from exitkit.engine.plan_check import PlanRemark, plan_remarks
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, EXIT_INPUT
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import (
    bundle_path,
    load_contract,
    load_plan,
    load_workspace,
    sequences,
)
from exitkit.workspace.yaml_lines import Document, read_yaml, spell


@click.group("plan")
def command() -> None:
    """Work on the exit plan."""


command.add_command(timeline)
command.add_command(sample_command)
command.add_command(waves_command)


@command.command("check")
@workspace_option
@json_option
def check(root: Path, as_json: bool) -> int:
    """Read the plan as a run would, without running anything.

    Checks ids, dependencies, kinds of steps with their parameters, targets, and that every
    milestone can be proved; against the newest bundle also that nothing moves before what it
    relies on, and the budget. Exit code 2 when a run could not start, 1 when a milestone could not
    be proved, an order does not hold or a budget is too small.
    """
    workspace = load_workspace(root)
    plan = load_plan(root / workspace.plan_file.name)
    contract = load_contract(root / workspace.contract_file.name)
    remarks = list(plan_remarks(plan, contract, workspace.targets))
    bundles = [open_bundle(bundle_path(workspace, number)) for number in sequences(workspace)]
    if bundles:
        remarks += bundle_remarks(plan, bundles[-1], last_rehearsed(bundles))
    document = read_yaml(root / workspace.plan_file.name)
    if as_json:
        show_json(
            {
                "plan": plan.id, "version": plan.version, "digest": plan.digest,
                "remarks": [_as_json(remark, document) for remark in remarks],
            }
        )  # fmt: skip
    else:
        for remark in remarks:
            click.echo(str(document.fault(remark.where, remark.text)))
        steps = len(plan.steps())
        click.echo(f"{plan.id} {plan.version}: {len(plan.milestones)} milestones, {steps} steps")
    weights = {remark.weight for remark in remarks}
    if "wrong" in weights:
        return EXIT_INPUT
    return EXIT_FOUND if "weak" in weights else EXIT_CLEAN


def _as_json(remark: PlanRemark, document: Document) -> dict[str, object]:
    return {
        "line": document.line_of(remark.where),
        "place": spell(remark.where),
        "text": remark.text,
        "weight": remark.weight,
    }
