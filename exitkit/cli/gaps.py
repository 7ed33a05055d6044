"""Say what cannot leave, why, and who could change that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from exitkit.assess.summary import GapGroup, Tally, gap_groups, split_by, tally
from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Level
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import latest_bundle, load_workspace

WAYS = ("responsible", "reason", "aspect", "level")


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a bundle says of its own holes; `findings` are the reasons for exit code 1."""

    bundle: str
    tally: Tally
    groups: Sequence[GapGroup]
    open_calls: Sequence[Mapping[str, Any]]
    findings: tuple[str, ...]


@click.command(name="gaps")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--by", type=click.Choice(WAYS), default="responsible", show_default=True,
              help="What to group by.")  # fmt: skip
@json_option
def command(bundle: Path | None, root: Path, by: str, as_json: bool) -> int:
    """List what cannot leave BUNDLE's estate as well as it should (default: the newest bundle).

    Grouped by who can remove the obstacle, with the reason, the way around it and the number of
    verdicts. Exit code 1 when a call was refused or failed and nobody acknowledged it, or when
    more is unknown than exitkit.yaml tolerates.
    """
    workspace = load_workspace(root) if (root / "exitkit.yaml").is_file() else None
    path = bundle or (latest_bundle(workspace) if workspace else None)
    if path is None:
        raise InputError(f"{root}: no bundle; name one, or run `exitkit snapshot` first")
    tolerated = workspace.tolerances.unknown_percent if workspace else 100
    gaps = _gaps(open_bundle(path), tolerated)
    _print_json(gaps) if as_json else _print_text(gaps, by)
    return EXIT_FOUND if gaps.findings else EXIT_CLEAN


def _gaps(bundle: Bundle, tolerated_percent: int) -> Gaps:
    types = {row["@id"]: str(row["provider"]["nativeType"]) for row in bundle.records("assets")}
    verdicts = list(bundle.records("exportability"))
    counted = tally(verdicts)
    open_calls = [row for row in bundle.records("calls") if _is_open(row)]
    findings = [f"{len(open_calls)} calls failed and nobody answered for them"] * bool(open_calls)
    unknown = counted.permille(Level.UNKNOWN)
    if unknown > tolerated_percent * 10:
        findings.append(f"{_percent(unknown)} unknown, {tolerated_percent} % are tolerated")
    return Gaps(bundle.id, counted, gap_groups(verdicts, types), open_calls, tuple(findings))


def _is_open(row: Mapping[str, Any]) -> bool:
    return CallOutcome(row["outcome"]).needs_acknowledgement and "acknowledgement" not in row


def _print_text(gaps: Gaps, by: str) -> None:
    for word, groups in split_by(gaps.groups, by).items():
        click.secho(f"{word}: {sum(group.count for group in groups)}", bold=True)
        for group in groups:
            click.echo(f"  {group.count:5}  {group.aspect} {group.level}: {group.text}")
            click.echo(f"         {_named(group)} ({group.reason})")
            click.echo(f"         -> {group.workaround}")
    levels = ", ".join(f"{count} {level}" for level, count in gaps.tally.counts)
    click.echo(f"{gaps.tally.total} verdicts: {levels or 'none'}")
    for row in gaps.open_calls:
        where = "/".join(row[key] for key in ("source", "scope", "region") if row.get(key))
        need = f"; needs {row['permission']}" if row.get("permission") else ""
        reason = f": {row['reason']}" if row.get("reason") else ""
        click.echo(f"{row['outcome']}: {where} {row['operation']}{reason}{need}")
    for finding in gaps.findings:
        click.echo(f"finding: {finding}", err=True)


def _named(group: GapGroup) -> str:
    types = ", ".join(group.native_types[:4])
    more = len(group.native_types) - 4
    return f"{types} and {more} more types" if more > 0 else types


def _percent(permille: int) -> str:
    return f"{permille // 10}.{permille % 10} %"


def _print_json(gaps: Gaps) -> None:
    show_json(
        {
            "bundle": gaps.bundle,
            "levels": dict(gaps.tally.counts),
            "gaps": [
                {
                    "responsible": group.responsible,
                    "reason": group.reason,
                    "level": group.level,
                    "aspect": group.aspect,
                    "text": group.text,
                    "workaround": group.workaround,
                    "count": group.count,
                    "nativeTypes": list(group.native_types),
                    "records": list(group.records),
                }
                for group in gaps.groups
            ],
            "openCalls": [dict(row) for row in gaps.open_calls],
            "findings": list(gaps.findings),
        }
    )
