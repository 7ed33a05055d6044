"""Bring the journal of a run elsewhere, line by line as it is."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.run_commands import actor, now, run_folder
from exitkit.engine.coordinator import coordinator_document
from exitkit.engine.journals import copy_of, open_journal
from exitkit.engine.state import fold
from exitkit.errors import EXIT_CLEAN
from exitkit.store.journal import Journal
from exitkit.store.journal_file import FileJournal
from exitkit.workspace.files import load_workspace
from exitkit.workspace.lock import workspace_lock


@click.group("journal")
def command() -> None:
    """Work on the journals of runs."""


@command.command("copy")
@click.argument("source")
@click.argument("target")
@click.option("--switch", is_flag=True, help="Let the run go on with the copy.")
@workspace_option
@json_option
def copy(source: str, target: str, switch: bool, root: Path, as_json: bool) -> int:
    """Copy the journal SOURCE (a run, or a journal file) to TARGET (a file, or postgresql://...).

    Both heads are verified, and every line keeps its digest. With `--switch` whoever led the run
    before is fenced off first. A target that holds a run of this name already is refused.
    """
    if Path(source).is_file() and not switch:
        copied = _copy(FileJournal(Path(source), writes=False), target)
    else:
        workspace = load_workspace(root)
        with workspace_lock(workspace.root):
            opened = open_journal(run_folder(workspace, source))
            copied = _copy(opened, target, switch=switch)
    if as_json:
        show_json(copied)
    else:
        click.echo(f"{copied['run']}: {copied['events']} events, both heads {copied['head']}")
    return EXIT_CLEAN


def _copy(source: Journal, target: str, *, switch: bool = False) -> dict[str, object]:
    with source:
        if switch and not fold(source.load()).ended:
            # The next line is ours: who still leads the run by the old journal has to stop.
            data = coordinator_document()
            source.append("coordinator.started", at=now(), actor=actor(), data=data)
        with copy_of(source, target, moves=switch) as copied:
            return {
                "run": copied.run, "events": copied.sequence, "head": copied.head,
                "source": source.place, "target": copied.place,
            }  # fmt: skip
