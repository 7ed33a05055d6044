"""Show what a run of the plan would do, with the faults of the plan, and do none of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from exitkit.cli.output import show_json
from exitkit.cli.run_commands import surroundings_of
from exitkit.engine.dry_run import Foretold, foretell, undone_after
from exitkit.engine.plan_check import plan_remarks
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.model.plan import Mode, Plan
from exitkit.report.visible import on_one_line
from exitkit.workspace.files import Workspace, load_contract
from exitkit.workspace.yaml_lines import read_yaml

WORDS = {"runs": "would run", "waits": "would wait", "refused": "refused", "fails": "would FAIL"}
COLORS = {"runs": "green", "waits": "cyan", "refused": "yellow", "fails": "red"}

dry_run_option = click.option(
    "--dry-run", is_flag=True,
    help="Say what each step would do, and do nothing: no target, no journal.",
)  # fmt: skip


def show_dry_run(
    workspace: Workspace, plan: Plan, mode: Mode, bundle: Path, *, as_json: bool
) -> int:
    """Walk the plan; exit code 1 where a step would fail or a milestone could not be proved."""
    surroundings = replace(surroundings_of(workspace, as_json=as_json), on_event=lambda event: None)
    weak = _weak(workspace, plan)
    told: list[Foretold] = []
    if not as_json:
        name = f"{plan.id} {plan.version}"
        click.secho(f"{name}: a dry run of the {mode.value}, from {bundle.name}", bold=True)
    for one in foretell(plan, mode, surroundings, bundle):
        if not as_json:
            _show(one, opens=not told or told[-1].milestone != one.milestone)
        told.append(one)
    undone = undone_after(told) if mode is Mode.REHEARSAL else []
    if as_json:
        show_json(
            {
                "plan": plan.id, "version": plan.version, "digest": plan.digest,
                "mode": mode.value, "bundle": bundle.name, "weak": weak, "undone": undone,
                "steps": [_as_json(one) for one in told],
            }
        )  # fmt: skip
    else:
        if undone:
            click.echo(f"then undone, newest first: {', '.join(undone)}")
        for line in weak:
            click.echo(f"finding: {line}", err=True)
        click.echo("nothing was done")
    return EXIT_FOUND if weak or any(one.word == "fails" for one in told) else EXIT_CLEAN


def _weak(workspace: Workspace, plan: Plan) -> list[str]:
    """Return what `plan check` finds beside what keeps a run from starting."""
    document = read_yaml(workspace.plan_file)
    remarks = plan_remarks(plan, load_contract(workspace.contract_file), workspace.targets)
    return [str(document.fault(one.where, one.text)) for one in remarks if one.weight == "weak"]


def _show(one: Foretold, *, opens: bool) -> None:
    if opens:
        click.secho(one.milestone, bold=True)
    word = click.style(WORDS[one.word].ljust(10), fg=COLORS[one.word])
    how = " (by its dry run)" if one.is_dry_run else ""
    click.echo(f"  {word}  {one.step.id}: {one.step.kind}: {on_one_line(one.message)}{how}")


def _as_json(one: Foretold) -> dict[str, object]:
    return {
        "milestone": one.milestone, "step": one.step.id, "kind": one.step.kind,
        "effect": one.step.effect.value, "target": str(one.step.params.get("target", "")),
        "outcome": one.word, "message": one.message, "dryRun": one.is_dry_run,
    }  # fmt: skip
