"""Hold what one process needs to move a run on: its journal, its surroundings, its children."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exitkit.engine.frontier import Frontier
from exitkit.engine.series import DISTRIBUTION
from exitkit.engine.state import RunState, apply, fold
from exitkit.engine.step_state import NEVER, StepState
from exitkit.engine.supervise import boot_id, host
from exitkit.errors import InputError
from exitkit.model.plan import Milestone, Plan, Step
from exitkit.model.run import Event
from exitkit.ports import Limits, Source, Target
from exitkit.store.canonical import timestamp
from exitkit.store.journal import Journal
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.store.ssh_signature import AllowedSigner

ENGINE_KINDS = ("wait-for-approval", "wait-until", "wait-for")
"""Steps that the engine itself begins: people, dates and facts have no process."""
CLOCK_SLACK = dt.timedelta(seconds=60)


def steady_s() -> float:
    """Return seconds that no setting of the clock moves, time asleep included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run is lent by its workspace and by whoever runs it.

    `actor` is written into every event; `on_event` sees each event once it is durable. `steady`
    counts seconds whatever becomes of `clock`. `anchors` are the dates of the exit that are known.
    `journal_url` is the database that keeps the journals of new runs; without it each has a file.
    """

    workspace: Path
    sources: Sequence[Source]
    targets: Mapping[str, Target]
    trusted_keys: Sequence[Ed25519PublicKey]
    mask_key: bytes
    environ: Mapping[str, str]
    actor: str
    clock: Callable[[], dt.datetime]
    on_event: Callable[[Event], None] = lambda event: None
    limits: Limits = field(default_factory=Limits)
    allowed_signers: Sequence[AllowedSigner] = ()
    steady: Callable[[], float] = steady_s
    anchors: Mapping[str, dt.date] = field(default_factory=dict)
    journal_url: str = ""


@dataclass(slots=True)
class Coordinator:
    """One process that moves one run on; several may try, the journal lets one win."""

    journal: Journal
    surroundings: Surroundings
    state: RunState
    refusals: Mapping[str, str]
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    spoken: dict[str, float] = field(default_factory=dict)
    looked_at: tuple[dt.datetime, float] | None = None
    known_frontier: Frontier | None = None
    to_undo: list[Step] | None = None

    @property
    def plan(self) -> Plan:
        """The plan this run was started with, as its journal holds it."""
        if self.state.plan is None:
            raise InputError(f"{self.journal.run}: its journal is empty; start a new rehearsal")
        return self.state.plan

    @property
    def bundle(self) -> Path:
        """The sealed bundle the run restores from."""
        return self.surroundings.workspace / self.state.bundle_path

    def record(
        self, kind: str, data: Mapping[str, Any], *, milestone: str = "", step: str = "",
        attempt: int = 0,
    ) -> Event:  # fmt: skip
        """Make one event durable, then believe it."""
        now = self.surroundings.clock()
        self.watch_clock(now)
        event = self.journal.append(
            kind, at=now, actor=self.surroundings.actor, data=data,
            milestone=milestone, step=step, attempt=attempt,
        )  # fmt: skip
        self._believe(event)
        return event

    def _believe(self, event: Event) -> None:
        before = self.state.plan
        self.state = apply(self.state, event)
        if self.state.plan is not before:
            self.known_frontier = None
        elif event.step and self.known_frontier is not None:
            self.known_frontier.note(event.step, self.state.step(event.step))
        self.surroundings.on_event(event)

    def watch_clock(self, now: dt.datetime) -> None:
        """Record a clock that was set: whoever reads the dates of the journal has to know."""
        steady = self.surroundings.steady()
        if self.looked_at is None:
            # Another process wrote the last line: all that can be seen is time running backwards.
            jump = min(now - self.state.at, dt.timedelta()) if self.state.at != NEVER else None
        else:
            wall, before = self.looked_at
            jump = now - wall - dt.timedelta(seconds=steady - before)
        self.looked_at = (now, steady)
        if jump is None or abs(jump) <= CLOCK_SLACK:
            return
        data = {"jump_s": int(jump.total_seconds()), "before": timestamp(self.state.at)}
        event = self.journal.append(
            "clock.anomaly", at=now, actor=self.surroundings.actor, data=data
        )  # fmt: skip
        self._believe(event)

    def record_step(self, kind: str, step: Step, data: Mapping[str, Any]) -> Event:
        """Record an event of the current attempt of a step."""
        return self.record(
            f"step.{kind}", data, milestone=self.milestone_of(step).id, step=step.id,
            attempt=self.of(step).attempt,
        )  # fmt: skip

    def of(self, step: Step) -> StepState:
        """Where a step stands."""
        return self.state.step(step.id)

    def milestone_of(self, step: Step) -> Milestone:
        """The milestone a step works for."""
        return self.frontier.milestone_of(step.id)

    @property
    def frontier(self) -> Frontier:
        """What may be worked on now."""
        if self.known_frontier is None:
            self.known_frontier = Frontier(
                self.plan, self.state, lambda step: step.kind in ENGINE_KINDS
            )
        return self.known_frontier

    def active_steps(self) -> list[Step]:
        """The steps that are neither untouched nor settled, or have a process."""
        found = (self.frontier.step(name) for name in self.state.active)
        return [step for step in found if step is not None]

    def jobs(self) -> list[Step]:
        """The steps that have a process now."""
        return [step for step in self.active_steps() if self.of(step).job is not None]

    def attempt_dir(self, step: Step) -> Path:
        """Where the current attempt of a step keeps its files."""
        folder = self.journal.folder / "artifacts" / step.id / str(self.of(step).attempt)
        return folder.absolute()

    def scrub(self, text: str) -> str:
        """Take secrets out of a text that is about to be written down."""
        return Redactor(CREDENTIAL_PATTERNS, self.surroundings.mask_key).apply(text)

    def close(self) -> None:
        """Let go of the journal and of children that have ended; others work on without us."""
        for child in self.children.values():
            child.poll()
        self.journal.close()


def open_run(
    journal: Journal,
    surroundings: Surroundings,
    refusals_of: Callable[[Plan, RunState], Mapping[str, str]],
) -> Coordinator:
    """Take over a run that was started before, by whomever; others are fenced off from here."""
    state = fold(journal.stream())
    coordinator = Coordinator(journal, surroundings, state, {})
    coordinator.refusals = refusals_of(coordinator.plan, state)
    if not state.ended:
        coordinator.record("coordinator.started", coordinator_document())
    return coordinator


def coordinator_document() -> dict[str, Any]:
    """Say which process coordinates, so that a reader can tell its events from a later one's."""
    return {
        "exitkit": version(DISTRIBUTION), "pid": os.getpid(), "boot_id": boot_id(), "host": host(),
    }  # fmt: skip
