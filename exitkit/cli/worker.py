"""See to the runs of a workspace together with other hosts, until somebody says stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import click

from exitkit.cli.output import workspace_option
from exitkit.cli.run_commands import now, run_folder, surroundings_of
from exitkit.engine.conclude import conclude, concluded
from exitkit.engine.due import is_due
from exitkit.engine.journals import open_journal, run_folders
from exitkit.engine.run import Interrupts, drive, resume_run
from exitkit.engine.state import fold
from exitkit.errors import EXIT_CLEAN, ExitkitError, Fenced, InputError
from exitkit.plugins import require
from exitkit.workspace.files import Workspace, load_workspace
from exitkit.workspace.lock import workspace_lock


@click.command(name="worker")
@workspace_option
@click.option("--once", is_flag=True, help="See to what is due now and return; for a timer.")
def command(root: Path, once: bool) -> int:
    """Lead the runs that are due, and seal those that have ended, beside workers elsewhere.

    Needs `journal: url:` in exitkit.yaml, and the folder of the workspace shared by all hosts. A
    run that somebody leads already is left to them. Ctrl-C hands over: what is at work works on.
    """
    workspace = load_workspace(root)
    if not workspace.journal_url:
        raise InputError(f"{root / 'exitkit.yaml'}: no journal: url:; workers share a database")
    require(("procrastinate:postgres",), "exitkit worker")
    from exitkit.drivers.work_queue import Duties, work

    leaving = threading.Event()
    settled: set[str] = set()
    duties = Duties(
        due=lambda: due_runs(workspace, settled),
        see_to=lambda run: see_to(workspace, run, leaving),
        say=lambda line: click.echo(line, err=True),
    )
    work(workspace.journal_url, duties, leaving, once=once)
    return EXIT_CLEAN


def due_runs(workspace: Workspace, settled: set[str]) -> Iterator[str]:
    """Yield the runs that could go on now, and those that only have to be sealed.

    `settled` remembers those that are over, so that nobody reads them again and again.
    """
    for folder in run_folders(workspace.runs):
        if folder.name in settled:
            continue
        try:
            if _is_due(workspace, folder):
                yield folder.name
            elif _has_ended(folder):
                settled.add(folder.name)
        except ExitkitError as error:
            click.echo(f"{folder.name}: {error}", err=True)


def see_to(workspace: Workspace, run: str, leaving: threading.Event) -> None:
    """Lead a run as far as it goes now; say in one line what kept it from going."""
    folder = run_folder(workspace, run)
    try:
        if not _is_due(workspace, folder) or leaving.is_set():
            return
        if not _has_ended(folder):
            _lead(workspace, folder, leaving)
        if _has_ended(folder):
            with workspace_lock(workspace.root):
                sealed = conclude(workspace, folder, now)
            click.echo(f"{run}: {sealed.path.name} holds the evidence")
    except Fenced:
        click.echo(f"{run}: somebody else leads it now", err=True)
    except (ExitkitError, OSError) as error:
        click.echo(f"{run}: {error}", err=True)


def _lead(workspace: Workspace, folder: Path, leaving: threading.Event) -> None:
    opened = resume_run(folder, surroundings_of(workspace, as_json=False))
    try:
        drive(opened, Interrupts(), lambda state: False, leaving.is_set)
    finally:
        opened.close()


def _is_due(workspace: Workspace, folder: Path) -> bool:
    with open_journal(folder) as journal:
        events = journal.load()
        state = fold(events)
        if state.ended:
            return concluded(workspace, state.run) is None
        # Whoever holds it is alive and leads it.
        return is_due(journal, events, now()) and journal.hold()


def _has_ended(folder: Path) -> bool:
    with open_journal(folder) as journal:
        return bool(fold(journal.load()).ended)
