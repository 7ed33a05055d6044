"""Take stock of every source and seal the result as the next bundle of the series."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import click

from exitkit.cli.output import Progress, json_option, show_event, workspace_option
from exitkit.engine.snapshot import Snapshot, take_snapshot
from exitkit.engine.unfinished import Earlier
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND
from exitkit.knowledge.aws_catalog import DEPTHS
from exitkit.report.visible import on_one_line
from exitkit.workspace.files import load_workspace

_EARLIER = {None: Earlier.IF_CUT_SHORT, True: Earlier.TAKE, False: Earlier.LEAVE}


@click.command(name="snapshot")
@workspace_option
@click.option("--source", "sources", multiple=True, help="Only sources whose id matches (glob).")
@click.option(
    "--resume/--fresh",
    "resume",
    default=None,
    help="Ask only for what the last snapshot did not reach, or for everything again.  "
    "[default: go on with one that was cut short]",
)
@click.option(
    "--thorough", is_flag=True,
    help="AWS: make also the list calls whose items no type describes; as thorough: true.",
)  # fmt: skip
@click.option(
    "--depth", type=click.Choice(tuple(DEPTHS)),
    help="AWS: how far to look into each thing; as depth: of a source.  [default: standard]",
)  # fmt: skip
@json_option
def command(
    root: Path,
    sources: tuple[str, ...],
    resume: bool | None,
    depth: str | None,
    *,
    thorough: bool,
    as_json: bool,
) -> int:
    """Collect every source of the workspace into the next sealed bundle.

    One that was cut short within the last 24 hours is gone on with: only what was not reached
    is asked. `--resume` does the same after one that ended with calls refused or unanswered.
    Exit code 1 when a call was refused or failed and nobody acknowledged it.
    """
    workspace = load_workspace(root)
    with Progress(as_json=as_json) as progress:
        snapshot = take_snapshot(
            workspace,
            only_sources=sources,
            now=lambda: dt.datetime.now(dt.UTC),
            environ=dict(os.environ),
            progress=progress,
            earlier=_EARLIER[resume],
            settings={"aws": _aws_settings(depth, thorough=thorough)},
        )
    _print_json(snapshot) if as_json else _print_text(snapshot, workspace.root)
    return EXIT_FOUND if snapshot.findings else EXIT_CLEAN


def _print_text(snapshot: Snapshot, root: Path) -> None:
    held = ", ".join(f"{count} {level}" for level, count in snapshot.verdicts_by_level.items())
    click.echo(
        f"{snapshot.path.relative_to(root)}: {'sealed' if snapshot.sealed else 'NOT sealed'}"
    )
    click.echo(f"  assets    {snapshot.assets}")
    click.echo(f"  calls     {snapshot.calls} in the ledger")
    click.echo(f"  verdicts  {held}")
    if snapshot.kept or snapshot.aged or snapshot.changed:
        click.echo(
            f"  rehearsed {snapshot.kept} still stand, {snapshot.aged} are too old, "
            f"{snapshot.changed} leave another way now"
        )
    for call in snapshot.open_calls[:20]:
        where = "/".join(part for part in (call.source, call.scope, call.region) if part)
        need = f"; needs {call.permission}" if call.permission else ""
        reason = on_one_line(f"{call.reason}{need}")
        click.echo(f"  {call.outcome.value}: {where} {call.operation}: {reason}")
    if len(snapshot.open_calls) > 20:
        click.echo(f"  ... and {len(snapshot.open_calls) - 20} more; see data/records/calls.jsonl")
    for finding in snapshot.findings:
        click.echo(f"finding: {finding}", err=True)


def _aws_settings(depth: str | None, *, thorough: bool) -> dict[str, object]:
    deep: dict[str, object] = {"depth": depth} if depth else {}
    return deep | ({"thorough": True} if thorough else {})


def _print_json(snapshot: Snapshot) -> None:
    show_event(
        "sealed" if snapshot.sealed else "written",
        path=str(snapshot.path),
        bundle=snapshot.bundle,
        assets=snapshot.assets,
        calls=snapshot.calls,
        verdicts=dict(snapshot.verdicts_by_level),
        rehearsed={
            "kept": snapshot.kept, "aged": snapshot.aged, "changed": snapshot.changed,
        },
        openCalls=[
            {"source": c.source, "scope": c.scope, "region": c.region, "operation": c.operation,
             "outcome": c.outcome.value, "permission": c.permission, "reason": c.reason}
            for c in snapshot.open_calls
        ],
        findings=list(snapshot.findings),
    )  # fmt: skip
