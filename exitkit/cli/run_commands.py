"""Give the commands that move a run on the same surroundings, interruptions and exit codes."""

from __future__ import annotations

import datetime as dt
import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from exitkit.assess.anchors import known_anchors
from exitkit.cli.output import whoever_listens
from exitkit.cli.run_lines import event_listener, show_end, show_waiting
from exitkit.engine.conclude import conclude, judged
from exitkit.engine.coordinator import Coordinator, Surroundings
from exitkit.engine.journals import has_journal, open_journal, run_folders
from exitkit.engine.run import Start, drive, interruptible, resume_run, start_run
from exitkit.engine.state import RunState, fold
from exitkit.engine.step_state import StepProgress
from exitkit.errors import (
    EXIT_CLEAN,
    EXIT_FOUND,
    EXIT_INTERRUPTED,
    ExitkitError,
    InputError,
)
from exitkit.model.plan import Mode
from exitkit.model.run import MilestoneVerdict
from exitkit.store.keys import load_public
from exitkit.store.ssh_signature import AllowedSigner, read_allowed_signers
from exitkit.workspace.files import Workspace, load_contract, load_plan, load_workspace
from exitkit.workspace.lock import workspace_lock
from exitkit.workspace.masking_key import load_masking_key


def now() -> dt.datetime:
    """The clock of the commands."""
    return dt.datetime.now(dt.UTC)


def actor() -> str:
    """Who runs the command, for the journal."""
    return f"user:{getpass.getuser()}"


def surroundings_of(workspace: Workspace, *, as_json: bool) -> Surroundings:
    """Return what a run of this workspace is lent."""
    return Surroundings(
        workspace=workspace.root,
        sources=workspace.sources,
        targets={target.id: target for target in workspace.targets},
        trusted_keys=[load_public(path) for path in workspace.trusted_keys if path.exists()],
        mask_key=load_masking_key(workspace.masking_key),
        environ=dict(os.environ),
        actor=actor(),
        clock=now,
        on_event=event_listener(as_json=as_json),
        limits=workspace.limits,
        allowed_signers=allowed_signers(workspace),
        journal_url=workspace.journal_url,
        anchors=known_anchors(
            load_plan(workspace.plan_file), load_contract(workspace.contract_file)
        ),
    )


def allowed_signers(workspace: Workspace) -> tuple[AllowedSigner, ...]:
    """Return the SSH keys whose signatures count, where the workspace names any."""
    path = workspace.allowed_signers
    return read_allowed_signers(path) if path is not None else ()


def run_folder(workspace: Workspace, run: str) -> Path:
    """Return the folder of a run, or say which runs there are."""
    folder = workspace.runs / run
    if Path(run).name != run or not has_journal(folder):
        known = ", ".join(one.run for one in runs_of(workspace)) or "none yet"
        raise InputError(f"{run}: no such run; there are: {known}")
    return folder


def new_run_name(workspace: Workspace, mode: Mode) -> str:
    """Name a run after the second it begins in, or the next one where a run has that name."""
    begins = now()
    while (workspace.runs / (name := f"{mode.value}-{begins:%Y%m%d-%H%M%S}")).exists():
        begins += dt.timedelta(seconds=1)
    return name


def runs_of(workspace: Workspace) -> Iterator[RunState]:
    """Yield every run of the workspace, oldest first, each from its verified journal."""
    states = []
    for folder in run_folders(workspace.runs):
        with open_journal(folder) as journal:
            states.append(fold(journal.load()))
    # A journal without its first line is a run that never started: nothing was touched.
    states = [state for state in states if state.plan]
    yield from sorted(states, key=lambda state: (state.started_at, state.run))


def is_paused(root: Path, name: str) -> bool:
    """Tell whether somebody made a run stand still."""
    with open_journal(run_folder(load_workspace(root), name)) as journal:
        return fold(journal.load()).paused


def go_on_with(
    root: Path, name: str, *, as_json: bool, messages: Sequence[Mapping[str, Any]],
    waits: bool = True,
) -> int:  # fmt: skip
    """Take over a run, tell it `messages`, and move it on; seal it where only that is missing."""
    workspace = load_workspace(root)
    folder = run_folder(workspace, name)
    with workspace_lock(workspace.root):
        with open_journal(folder) as journal:
            ended = fold(journal.load()).ended
            for message in () if ended else messages:
                journal.post({**message, "by": actor()})
        if ended:
            return end(workspace, folder, interrupted=False, as_json=as_json)
        surroundings = surroundings_of(workspace, as_json=as_json)
        return move_on(
            workspace, lambda: resume_run(folder, surroundings), as_json=as_json, waits=waits
        )


def move_on(
    workspace: Workspace, opened: Callable[[], Coordinator], *, as_json: bool, waits: bool = True
) -> int:
    """Drive a run until it ends or stops; interruptions are counted from the first moment."""
    with interruptible() as interrupts, whoever_listens(), _closing(opened()) as run:
        state = drive(run, interrupts, _on_blocked(as_json=as_json, waits=waits))
        folder = run.journal.folder
        if state.ended:
            return end(workspace, folder, interrupted=bool(interrupts.count), as_json=as_json)
        if state.word == "blocked" and not interrupts.count:
            return EXIT_FOUND
        if state.paused:
            click.echo(f"{state.run}: paused; `exitkit resume {state.run}` goes on", err=True)
        else:
            line = f"{state.run}: stopped; `exitkit abort {state.run}` undoes the rest"
            click.echo(line, err=True)
        return EXIT_INTERRUPTED if interrupts.count or not state.paused else EXIT_FOUND


def leave_to_workers(workspace: Workspace, start: Start, surroundings: Surroundings) -> int:
    """Write the first line of a run and let go of it; a worker takes it from there."""
    if not workspace.journal_url:
        raise InputError("--leave: no worker can reach a file; set journal: url: in exitkit.yaml")
    start_run(workspace.runs, start, surroundings).close()
    click.echo(f"{start.run}: begun; `exitkit worker` goes on, on any host")
    return EXIT_CLEAN


def end(workspace: Workspace, folder: Path, *, interrupted: bool, as_json: bool) -> int:
    """Seal the evidence, show the verdicts and return the exit code."""
    conclusion = conclude(workspace, folder, now)
    state, _, verdicts = judged(folder, now())
    show_end(state, verdicts, conclusion, as_json=as_json)
    if interrupted:
        return EXIT_INTERRUPTED
    missed = any(one.verdict is MilestoneVerdict.MISSED for one in verdicts)
    clean = state.ended in ("completed", "aborted") and not state.incidents
    return EXIT_CLEAN if clean and not missed else EXIT_FOUND


@contextmanager
def _closing(run: Coordinator) -> Iterator[Coordinator]:
    try:
        yield run
    except ExitkitError:
        click.echo(f"{run.journal.run}: not ended; `exitkit status` shows it", err=True)
        raise
    finally:
        run.close()


def _on_blocked(*, as_json: bool, waits: bool) -> Callable[[RunState], bool]:
    """Say once what is waited for; wait for people, but not for a decision nobody may see."""
    told: list[str] = []

    def on_blocked(state: RunState) -> bool:
        active = [state.step(name) for name in state.active]
        if not as_json and told != [state.head]:
            told[:] = [state.head]
            show_waiting(state)
        return waits and any(step.progress is StepProgress.WAITING for step in active)

    return on_blocked
