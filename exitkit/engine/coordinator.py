"""Hold what one process needs to move a run on: its journal, its surroundings, its children."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exitkit.engine.series import DISTRIBUTION
from exitkit.engine.state import RunState, StepState, apply, fold
from exitkit.engine.supervise import boot_id
from exitkit.errors import InputError
from exitkit.model.plan import Milestone, Plan, Step
from exitkit.model.run import Event
from exitkit.ports import Limits, Source, Target
from exitkit.store.journal import Journal
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

JOURNAL = "journal.db"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run is lent by its workspace and by whoever runs it.

    `actor` is written into every event; `on_event` sees each event once it is durable.
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


@dataclass(slots=True)
class Coordinator:
    """One process that moves one run on; several may try, the journal lets one win."""

    journal: Journal
    surroundings: Surroundings
    state: RunState
    refusals: Mapping[str, str]
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

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
        event = self.journal.append(
            kind, at=self.surroundings.clock(), actor=self.surroundings.actor, data=data,
            milestone=milestone, step=step, attempt=attempt,
        )  # fmt: skip
        self.state = apply(self.state, event)
        self.surroundings.on_event(event)
        return event

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
        return next(m for m in self.plan.milestones if step in m.steps)

    def attempt_dir(self, step: Step) -> Path:
        """Where the current attempt of a step keeps its files."""
        folder = self.journal.path.parent / "artifacts" / step.id / str(self.of(step).attempt)
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
    state = fold(journal.load())
    coordinator = Coordinator(journal, surroundings, state, {})
    coordinator.refusals = refusals_of(coordinator.plan, state)
    if not state.ended:
        coordinator.record("coordinator.started", coordinator_document())
    return coordinator


def coordinator_document() -> dict[str, Any]:
    """Say which process coordinates, so that a reader can tell its events from a later one's."""
    return {"exitkit": version(DISTRIBUTION), "pid": os.getpid(), "boot_id": boot_id()}
