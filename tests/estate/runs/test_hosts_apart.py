"""Hosts that share a folder and a database lead a run one after the other, whatever wire breaks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from exitkit.demo.databases import RunningDatabase
from exitkit.model.run import Event
from exitkit.store.journal_file import FileJournal
from tests.estate.runs.conftest import Office, furnish
from tests.estate.runs.machines import SERVER, Network, database_on, network, until

DO = 'echo "did $EXITKIT_STEP on $(hostname)" >> effects'
WAIT = f"{DO}; until [ -e go-on ]; do sleep 0.05; done"
CREATE = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"
# Three minutes later, as far as the commands know: those of a run have this one clock.
LATER = """
import datetime
from exitkit.cli import main, run_commands
now = run_commands.now
run_commands.now = lambda: now() + datetime.timedelta(minutes=3)
main.main()
"""
A, B, DOOMED = "runner-a", "runner-b", "runner-c"


@dataclass
class Site(Office):
    """The office of several hosts: what is typed there is typed on one of them."""

    net: Network
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def on(self, host: str, *words: str) -> subprocess.Popen[str]:
        """Start Python on a host."""
        process = self.net.hosts[host].start(
            sys.executable, *words, environ=self.environ, cwd=self.root
        )
        self.started.append(process)
        return process

    def exitkit(self, host: str, *words: str) -> str:
        """Type a command on a host, and return what it said."""
        return self.on(host, "-m", "exitkit", *words).communicate()[0]

    def begin(self, *steps: dict[str, Any]) -> None:
        """Begin a rehearsal of these steps and leave it to workers."""
        self.plan(*steps)
        said = self.exitkit(A, "rehearse", "--yes", "--leave")
        assert "begun" in said, said

    def led_by(self) -> str:
        """The host that leads the run, as people on the second one see it."""
        status = json.loads(self.exitkit(B, "status", self.run_name, "--json"))
        return str(status["ledBy"]).partition(",")[0]

    def events(self) -> tuple[Event, ...]:
        """The lines of the journal, verified, as the second host reads them."""
        copy = self.root / f"{uuid4().hex}.db"
        said = self.exitkit(B, "journal", "copy", self.run_name, str(copy))
        assert "both heads" in said, said
        return FileJournal.read_only(copy)

    def sealed(self) -> bool:
        """Whether the evidence of a run lies beside the snapshot."""
        return (self.root / "bundles" / "acme-000002" / "signatures").is_dir()


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> str:
    """End what runs behind the door to a machine, and return what it said."""
    for inside in psutil.Process(process.pid).children() if process.poll() is None else ():
        inside.send_signal(number)
    return process.communicate()[0]


@pytest.fixture(scope="module")
def wired() -> Iterator[tuple[Network, RunningDatabase]]:
    with network(A, B, DOOMED) as net, database_on(net.server) as database:
        yield net, database


@pytest.fixture
def site(wired: tuple[Network, RunningDatabase], tmp_path: Path) -> Iterator[Site]:
    net, database = wired
    schema = f"s{uuid4().hex}"
    place = f"postgresql://exitkit@{SERVER}:{database.port}/postgres"
    environ = {**os.environ, "PGPASSWORD": database.password}
    site = Site(tmp_path, f"{place}?options=-csearch_path%3D{schema}", environ, net)
    furnish(site)
    site.share_journals()
    assert site.on(B, "-c", CREATE, place, f"CREATE SCHEMA {schema}").wait() == 0
    yield site
    net.mend(A)
    for process in site.started:
        if process.stdout and not process.stdout.closed:
            end(process)


def step(name: str, script: str = DO, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "kind": "command", "effect": "external-write", "timeout": "1m",
        "argv": ["sh", "-c", script], "undo": ["true"], **more,
    }  # fmt: skip


def claims(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Who led the run from when on, and which host ran which attempt at which step."""
    return [
        (event.step or "lead", event.data["host"])
        for event in events
        if event.type == "coordinator.started"
        or (event.type == "step.spawned" and event.data["action"] != "undo")
    ]


def test_a_host_cut_off_amid_a_step_loses_its_run_to_another_and_comes_back(site: Site) -> None:
    site.begin(step("a"), step("b", WAIT, needs=["a"]), step("c", needs=["b"]))
    first = site.on(A, "-m", "exitkit", "worker")
    until(lambda: f"did b on {A}" in site.effects(), "the second step")
    second = site.on(B, "-m", "exitkit", "worker")
    assert site.led_by() == A
    site.net.cut(A)
    (site.root / "go-on").touch()
    until(site.sealed, "the evidence")
    site.net.mend(A)
    assert site.effects() == [f"did a on {A}", f"did b on {A}", f"did c on {B}"]
    assert claims(site.events()) == [("lead", A), ("a", A), ("b", A), ("lead", B), ("c", B)]
    assert "whole" in site.exitkit(B, "verify-run", site.run_name)
    assert "holds the evidence" in end(second, signal.SIGTERM)
    # Whoever was cut off is of use again, and said once what it had lost.
    for name in ("d", "e"):
        shutil.rmtree(site.root / "runs")
        site.begin(step(name))
        until(lambda name=name: f"did {name} on {A}" in site.effects(), "a run it leads again")
    said = end(first, signal.SIGTERM)
    assert said.count("the connection is lost") == 1, said
    assert "Traceback" not in said, said


def test_a_host_that_comes_back_in_time_finds_that_it_lost(site: Site) -> None:
    site.begin(step("a", WAIT), step("b", needs=["a"]))
    first = site.on(A, "-m", "exitkit", "worker")
    until(lambda: f"did a on {A}" in site.effects(), "the step")
    site.net.cut(A)
    second = site.on(B, "-m", "exitkit", "resume", site.run_name)
    until(lambda: site.led_by() == B, "the other host")
    (site.root / "go-on").touch()
    assert second.wait() == 0, second.communicate()
    site.net.mend(A)
    assert first.stdout is not None
    assert any("somebody else leads it now" in line for line in iter(first.stdout.readline, ""))
    assert site.effects() == [f"did a on {A}", f"did b on {B}"]
    assert claims(site.events()) == [("lead", A), ("a", A), ("lead", B), ("b", B)]


def test_what_a_host_had_begun_when_it_lost_power_is_asked_about(site: Site) -> None:
    asked = ["grep", "-q", f"did a on {DOOMED}", "effects"]
    site.begin(
        step("a", f"{DO}; sleep 600", timeout="5s", on_interrupt="probe", probe=asked),
        step("b", needs=["a"]),
    )
    site.on(DOOMED, "-m", "exitkit", "worker")
    until(lambda: f"did a on {DOOMED}" in site.effects(), "the step")
    site.net.hosts[DOOMED].power_off()
    # Nobody can know that it is off: until its time is over the step counts as at work.
    later = site.on(B, "-c", LATER, "resume", site.run_name).communicate()[0]
    assert "completed" in later, later
    assert site.effects() == [f"did a on {DOOMED}", f"did b on {B}"]
    assert claims(site.events()) == [
        ("lead", DOOMED),
        ("a", DOOMED),
        ("lead", B),
        ("a", B),
        ("b", B),
    ]
