"""Say in words what changed between two bundles."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from exitkit.assess.access_holders import holders_of
from exitkit.assess.changes import HURTING, KINDS, Change
from exitkit.cli.output import event_line, json_option, lang_option, show_event, workspace_option
from exitkit.cli.subjects import workspace_if_any
from exitkit.engine.diff import Difference
from exitkit.engine.exit_time import ExitTimes, exit_times
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.report.diff_words import detail, diff_words, plural, sentences, time_sentence
from exitkit.report.language import LANGUAGES, Speech
from exitkit.report.visible import on_one_line
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import (
    Workspace,
    bundle_path,
    contract_document,
    sequences,
)

SCHEMA = "exitkit/diff/1"
LINES_AT_ONCE = 500


@click.command(name="diff")
@click.argument("old", required=False)
@click.argument("new", required=False)
@workspace_option
@lang_option("the sentences")
@click.option("--most", type=click.IntRange(min=0), default=20, show_default=True,
              help="So many changes of each kind are told one by one.")  # fmt: skip
@json_option
def command(
    old: str | None, new: str | None, root: Path, lang: str, most: int, *, as_json: bool
) -> int:
    """Compare the bundles OLD and NEW: paths, or numbers of the series of this workspace.

    Without NEW, OLD is compared with the newest bundle; without either, the two newest. With
    --json each change is one line of JSON and the last line is the summary. Rights of the provider,
    by the marks of `access.holders` in contract.yaml, are told first. Exit code 1 when
    something hurts: an aspect that cannot leave, a verdict that got worse, a call that nobody
    answers for. The bundles are not verified; `exitkit verify` does that.
    """
    workspace = workspace_if_any(root, needed=new is None)
    before, after = (open_bundle(path) for path in _chosen(old, new, workspace, root))
    holders = holders_of(contract_document(workspace)) if workspace else ()
    found = Difference(before, after, holders)
    if as_json:
        _print_changes(found)
    else:
        kept: dict[str, list[Change]] = defaultdict(list)
        for change in found.changes():
            if len(kept[change.kind]) < most:
                kept[change.kind].append(change)
    times = exit_times(before, after)
    if as_json:
        show_event("summary", **_summary_json(found, times))
    else:
        _print_text(found, kept, times, lang)
    return EXIT_FOUND if any(found.counts[kind] for kind in HURTING) else EXIT_CLEAN


def _chosen(
    old: str | None, new: str | None, workspace: Workspace | None, root: Path
) -> tuple[Path, Path]:
    known = [bundle_path(workspace, number) for number in sequences(workspace)] if workspace else []
    if old is not None and new is not None:
        return _bundle(old, workspace), _bundle(new, workspace)
    if old is not None and known:
        return _bundle(old, workspace), known[-1]
    if len(known) < 2:
        raise InputError(f"{root}: fewer than two bundles; name two, or take another snapshot")
    return known[-2], known[-1]


def _bundle(named: str, workspace: Workspace | None) -> Path:
    if workspace and named.isdecimal():
        path = bundle_path(workspace, int(named))
        if not path.is_dir():
            raise InputError(f"{named}: no bundle of that number in {workspace.bundles}")
        return path
    if workspace and not Path(named).is_dir() and (workspace.bundles / named).is_dir():
        return workspace.bundles / named
    return Path(named)


def _print_text(
    found: Difference, kept: Mapping[str, list[Change]], times: ExitTimes, lang: str
) -> None:
    words = diff_words()[lang]
    click.secho(
        plural(words["title"], _days(found.old, found.new), lang).format(
            old=_name(found.old), new=_name(found.new)
        ),
        bold=True,
    )
    for line in sentences(found.counts, lang):
        click.echo(line)
    click.echo(time_sentence(times.old_ms, times.new_ms, lang))
    for kind in KINDS:
        if not kept.get(kind):
            continue
        click.echo("")
        click.secho(Speech(lang).coded("CHANGES", kind), bold=True)
        for change in kept[kind]:
            for line in detail(change, lang):
                click.echo(f"  {on_one_line(line)}")
        more = found.counts[kind] - len(kept[kind])
        if more:
            click.echo(f"  {words['more'].format(n=more)}")


def _name(bundle: Bundle) -> str:
    return f"{bundle.descriptor['series']}-{int(bundle.descriptor['sequence']):06d}"


def _days(old: Bundle, new: Bundle) -> int:

    old_at, new_at = (
        dt.datetime.fromisoformat(str(one.descriptor["sealedAt"])) for one in (old, new)
    )
    return abs((new_at - old_at).days)


def _print_changes(found: Difference) -> None:
    """Write every change as a line, many at once: a terminal is flushed with each write."""
    lines: list[str] = []
    for change in found.changes():
        lines.append(event_line("change", **_change_json(change)))
        if len(lines) == LINES_AT_ONCE:
            click.echo("\n".join(lines))
            lines.clear()
    if lines:
        click.echo("\n".join(lines))


def _change_json(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": change.kind, "hurts": change.hurts}
    if change.thing:
        thing = change.thing
        document["asset"] = {
            "@id": thing.id, "nativeType": thing.native_type, "nativeId": thing.native_id,
            "name": thing.name, "scope": thing.scope, "region": thing.region,
        }  # fmt: skip
    for name in ("aspect", "subject", "old", "new", "reason"):
        if getattr(change, name):
            document[name] = getattr(change, name)
    if change.fields:
        document["fields"] = [
            {"path": one.path, "old": one.old, "new": one.new} for one in change.fields
        ]
    return document


def _summary_json(found: Difference, times: ExitTimes) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "old": found.old.id,
        "new": found.new.id,
        "counts": {kind: found.counts[kind] for kind in KINDS},
        "hurts": sum(found.counts[kind] for kind in HURTING),
        "exitTime": {
            "oldMillis": times.old_ms,
            "newMillis": times.new_ms,
            "unmeasured": list(times.unmeasured),
        },
        "sentences": {
            lang: [
                *sentences(found.counts, lang),
                time_sentence(times.old_ms, times.new_ms, lang),
            ]
            for lang in LANGUAGES
        },
    }
