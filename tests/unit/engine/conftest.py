"""Build small plans of commands, with an effect counter that no journal knows of."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from exitkit.demo.databases import RunningDatabase, running_database
from exitkit.engine.coordinator import Coordinator, Surroundings
from exitkit.engine.journals import read_journal
from exitkit.engine.run import Interrupts, Start, drive, resume_run, start_run
from exitkit.engine.state import RunState
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Event
from exitkit.store.keys import generate_key, load_public
from exitkit.workspace.plan_file import plan_from_document

RUN = "acme-rehearsal-1"
COUNT = 'echo "$1 $EXITKIT_STEP" >> "$EXITKIT_WORKSPACE/effects"'


def command_step(name: str, **more: Any) -> dict[str, Any]:
    """Return a step that appends one line to the counter, and another when it is undone."""
    return {
        "id": name,
        "kind": "command",
        "effect": "external-write",
        "timeout": "1m",
        "argv": ["sh", "-c", COUNT, "sh", "did"],
        "undo": ["sh", "-c", COUNT, "sh", "undid"],
        **more,
    }


def milestone(name: str, steps: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": name,
        "deadline": {"anchor": "TREH"},
        "criteria": [],
        "steps": list(steps),
        **more,
    }


def plan_of(*milestones: Mapping[str, Any]) -> Plan:
    return plan_from_document(
        {
            "schema": "exitkit/plan/1",
            "id": "P",
            "version": "1",
            "contract_ref": "C",
            "milestones": list(milestones),
        }
    )


@dataclass
class Workshop:
    """A workspace folder with a key, and the verbs the tests need."""

    root: Path
    events: list[Event] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None
    open_runs: list[Coordinator] = field(default_factory=list)
    journal_url: str = ""

    def surroundings(self, **more: Any) -> Surroundings:
        return Surroundings(
            **{
                "workspace": self.root,
                "sources": (),
                "targets": {},
                "mask_key": bytes(32),
                "trusted_keys": [load_public(self.root / "keys" / "exitkit.pub")],
                "environ": dict(os.environ),
                "actor": "user:test",
                "on_event": self._seen,
                "clock": lambda: dt.datetime.now(dt.UTC),
                "journal_url": self.journal_url,
            }
            | more
        )

    def _seen(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def start(self, plan: Plan, mode: Mode = Mode.REHEARSAL, **more: Any) -> Coordinator:
        start = Start(RUN, plan, mode, "urn:exitkit:bundle:sha256:0", "bundles/b", "user:test")
        return self._opened(start_run(self.root / "runs", start, self.surroundings(**more)))

    def resume(self, **more: Any) -> Coordinator:
        return self._opened(resume_run(self.root / "runs" / RUN, self.surroundings(**more)))

    def rehearse(self, plan: Plan, **more: Any) -> RunState:
        return drive(self.start(plan, **more), Interrupts())

    def events_kept(self) -> tuple[Event, ...]:
        """The events as the journal has them, verified."""
        return read_journal(self.root / "runs" / RUN)

    def effects(self) -> list[str]:
        path = self.root / "effects"
        return path.read_text().splitlines() if path.exists() else []

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def of_type(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]

    def _opened(self, run: Coordinator) -> Coordinator:
        self.open_runs.append(run)
        return run


@pytest.fixture(scope="session")
def database() -> Iterator[RunningDatabase]:
    """One PostgreSQL for all journals; the password is where libpq looks for it."""
    with running_database(18) as database:
        os.environ["PGPASSWORD"] = database.password
        yield database
        del os.environ["PGPASSWORD"]


@pytest.fixture
def fresh_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Make a schema of its own in the database, empty, and say how to reach it."""

    def make() -> str:
        database: RunningDatabase = request.getfixturevalue("database")
        schema = f"s{uuid4().hex}"
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        place = f"exitkit@127.0.0.1:{database.port}/postgres"
        return f"postgresql://{place}?options=-csearch_path%3D{schema}"

    return make


@pytest.fixture(params=["file", "postgresql"])
def workshop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """A workshop for each place that can keep a journal: every test runs on both."""
    generate_key(tmp_path / "keys" / "exitkit.pem", tmp_path / "keys" / "exitkit.pub")
    workshop = Workshop(tmp_path)
    if request.param == "postgresql":
        workshop.journal_url = request.getfixturevalue("fresh_url")()
    yield workshop
    for run in workshop.open_runs:
        run.close()


@pytest.fixture
def in_memory(workshop: Workshop) -> Iterator[Workshop]:
    """A workshop whose thousands of events are durable in memory, where there is such a folder."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and os.access(memory, os.W_OK) else workshop.root
    with tempfile.TemporaryDirectory(prefix="exitkit-test-", dir=parent) as name:
        keys = Path(name) / "keys"
        keys.mkdir()
        for path in (workshop.root / "keys").iterdir():
            (keys / path.name).write_bytes(path.read_bytes())
        workshop.root = Path(name)
        yield workshop


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    return plan_of


@pytest.fixture
def make_step() -> Callable[..., dict[str, Any]]:
    return command_step


@pytest.fixture
def make_milestone() -> Callable[..., dict[str, Any]]:
    return milestone
