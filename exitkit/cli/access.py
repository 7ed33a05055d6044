"""Say who holds which rights, which of them are the provider's, and how they are taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from exitkit.assess.access_holders import SUPPLIER, UNATTRIBUTED, Right
from exitkit.assess.revocation import Revocation
from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle
from exitkit.engine.access import plan_for, rights_of
from exitkit.errors import EXIT_CLEAN, InputError
from exitkit.report.csv_table import csv_lines
from exitkit.report.language import Speech
from exitkit.report.quoted import plain
from exitkit.report.visible import on_one_line
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import contract_document, load_workspace

SHOWN = 5
COLUMNS = (
    "holder", "because", "provider", "scope", "principal_type", "principal", "permission",
    "resource", "effect", "via", "conditions", "last_used_on", "expires_on",
)  # fmt: skip


@click.command(name="access")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@workspace_option
@click.option("--holder", help="Only the rights of this party: provider, customer, unattributed.")
@click.option("--revocation-plan", "as_plan", is_flag=True,
              help="How the rights of the holder (default: provider) are taken back.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="Write every right as a line of CSV.")
@lang_option("the text")
@json_option
def command(
    bundle: Path | None,
    root: Path,
    holder: str | None,
    *,
    as_plan: bool,
    as_csv: bool,
    lang: str,
    as_json: bool,
) -> int:
    """List who may do what in BUNDLE's estate (default: the newest bundle), by holder.

    A right is the provider's where a mark of `access.holders` in contract.yaml fits: an account,
    a name, a key. What no mark fits is unattributed, never nobody's. `--revocation-plan` says
    what to take away, ways in first, in the provider's own words; exitkit does none of it.
    """
    if as_csv and as_json:
        raise InputError("access: --csv and --json are two outputs; choose one")
    workspace = load_workspace(root)
    path = chosen_bundle(bundle, workspace, root)
    contract = contract_document(workspace)
    opened = open_bundle(path)
    held = rights_of(opened, contract)
    if as_plan:
        plan = plan_for(opened, held, holder or SUPPLIER)
        _print_plan(plan, Speech(lang), as_json=as_json)
        return EXIT_CLEAN
    chosen = [right for right in held if holder in (None, right.holder)]
    if as_csv:
        for line in csv_lines(COLUMNS, _rows(chosen)):
            click.echo(line, nl=False)
    elif as_json:
        show_json({"bundle": opened.id, "rights": [_json(right) for right in chosen]})
    else:
        _print_rights(chosen, Speech(lang))
    return EXIT_CLEAN


def _print_rights(held: Sequence[Right], speech: Speech) -> None:
    by_holder: dict[str, list[Right]] = {}
    for right in held:
        by_holder.setdefault(right.holder, []).append(right)
    order = sorted(by_holder, key=lambda name: (name != SUPPLIER, name == UNATTRIBUTED, name))
    for name in order:
        members = by_holder[name]
        holder = speech.coded("HOLDERS", name)
        said = _counted(holder, len(members), speech)
        click.secho(said, bold=True)
        groups: dict[tuple[str, str], list[Right]] = {}
        for right in members:
            groups.setdefault((_principal(right, speech), right.because), []).append(right)
        for (principal, because), own in sorted(groups.items(), key=lambda pair: -len(pair[1])):
            mark = f" ({plain(because, speech.language)})" if because else ""
            click.echo(f"  {len(own):5}  {on_one_line(principal)}{mark}")
            for right in own[:SHOWN]:
                click.echo(f"         {on_one_line(_told(right, speech))}")
            if len(own) > SHOWN:
                more = speech.tell("and {n} more; all are in --csv", n=len(own) - SHOWN)
                click.echo(f"         {more}")
    if not any(right.holder == SUPPLIER for right in held):
        said = "no right carries a mark of the provider; see access.holders in contract.yaml"
        click.echo(speech.tell(said))


def _counted(holder: str, n: int, speech: Speech) -> str:
    return speech.tell_many(n, "{holder}: {n} right", "{holder}: {n} rights", holder=holder)


def _principal(right: Right, speech: Speech) -> str:
    place = right.record["principalPlace"]
    kind = speech.coded("PRINCIPALS", right.record["principalType"])
    return f"{place['name']}/{place['scope']} {kind} {place['nativeId']}"


def _told(right: Right, speech: Speech) -> str:
    record = right.record
    right_of = f"{record['effect']} {record['permission']} on {record['resource']}"
    parts = [plain(right_of, speech.language)]
    if record.get("via"):
        parts.append(speech.tell("via {way}", way=" > ".join(map(str, record["via"]))))
    if record.get("conditions"):
        parts.append(speech.tell("if {condition}", condition=record["conditions"]))
    if record.get("lastUsedOn"):
        parts.append(speech.tell("last used on {day}", day=record["lastUsedOn"]))
    if record.get("expiresOn"):
        parts.append(speech.tell("until {day}", day=record["expiresOn"]))
    return ", ".join(parts)


def _print_plan(plan: Sequence[Revocation], speech: Speech, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "steps": [
                    {
                        "kind": one.kind, "subject": one.subject, "where": one.where,
                        "action": one.action, "rights": one.rights, "probe": one.probe,
                    }
                    for one in plan
                ]
            }
        )  # fmt: skip
        return
    for number, one in enumerate(plan, start=1):
        kind = speech.coded("WAYS", one.kind)
        about = on_one_line(f"{kind} {plain(one.subject, speech.language)} ({one.where})")
        click.echo(f"{number}. {_counted(about, one.rights, speech)}")
        action, probe = (plain(told, speech.language) for told in (one.action, one.probe))
        click.echo(f"   {speech.tell('do: {what}', what=on_one_line(action))}")
        click.echo(f"   {speech.tell('prove: {what}', what=on_one_line(probe))}")
    if not plan:
        click.echo(speech.tell("nothing to take back: no right carries a mark of that holder"))


def _rows(held: Sequence[Right]) -> Iterator[tuple[object, ...]]:
    for right in held:
        record, place = right.record, right.record["principalPlace"]
        yield (
            right.holder, right.because, place["name"], place["scope"], record["principalType"],
            place["nativeId"], record["permission"], record["resource"], record["effect"],
            " > ".join(map(str, record.get("via", ()))), record.get("conditions", ""),
            record.get("lastUsedOn", ""), record.get("expiresOn", ""),
        )  # fmt: skip


def _json(right: Right) -> dict[str, Any]:
    return {"holder": right.holder, "because": right.because, **right.record}
