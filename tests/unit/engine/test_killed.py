"""Killed at two hundred random instants, a run loses no event and does no step twice."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine import supervise
from exitkit.engine.journals import has_journal, read_journal
from exitkit.engine.run import Interrupts, drive
from exitkit.engine.state import RunState, fold
from exitkit.engine.verify_run import journal_faults
from exitkit.model.plan import Mode, Plan
from exitkit.store.signers import Signers

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]
KILLS = int(os.environ.get("EXITKIT_KILLS", "200"))
SEED = int(os.environ.get("EXITKIT_KILL_SEED", "20261125"))
LONGEST_LIFE_S = 0.16
STEPS = 12
EFFECT = 'echo "did $EXITKIT_STEP" >> "$EXITKIT_WORKSPACE/effects"; sleep 0.05'
ASKED = 'grep -qx "did $EXITKIT_STEP" "$EXITKIT_WORKSPACE/effects"'


def no_wait(state: RunState) -> bool:
    return False


class Killed:
    """Runs one after the other, each coordinated by processes that are killed."""

    def __init__(self, workshop: Any, plan: Plan, mode: Mode, fresh_url: Callable[[], str]) -> None:
        self.workshop = workshop
        self.plan = plan
        self.chance = random.Random(SEED)
        self.fresh_url = fresh_url
        self.kills = 0
        self.mode = mode
        self.seen: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return Path(self.workshop.root) / "runs" / "acme-rehearsal-1"

    def coordinate(self) -> None:
        """Start the run or go on with it."""
        begun = has_journal(self.folder)
        run = self.workshop.resume() if begun else self.workshop.start(self.plan, mode=self.mode)
        drive(run, Interrupts(), no_wait)
        run.close()

    def kill_one(self) -> None:
        """Fork a coordinator from this process, which is warm, and kill it at some instant."""
        child = os.fork()
        if child == 0:
            try:
                self.coordinate()
            finally:
                os._exit(0)
        time.sleep(self.chance.uniform(0.0, LONGEST_LIFE_S))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        # One that had ended before it was killed does not count.
        self.kills += os.WIFSIGNALED(status)
        self.look()

    def look(self) -> None:
        """See that nothing which was ever durable is gone; now and then a step dies too."""
        if not has_journal(self.folder):
            # Killed between the folder and the journal: the run never began.
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        events = read_journal(self.folder)
        now = tuple(event.digest for event in events)
        assert now[: len(self.seen)] == self.seen, f"seed {SEED}: kill {self.kills} lost events"
        self.seen = now
        if not now:
            shutil.rmtree(self.folder)
        elif self.chance.random() < 0.1:
            for step in fold(events).steps.values():
                if step.job and supervise.is_alive(step.job):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(step.job.pid, signal.SIGKILL)

    def clear(self) -> None:
        """Make room for another run."""
        self.folder.rename(self.folder.with_name(f"before-{self.kills}"))
        (self.workshop.root / "effects").unlink()
        if self.workshop.journal_url:
            self.workshop.journal_url = self.fresh_url()
        self.seen = ()


@pytest.mark.parametrize("mode", Mode)
def test_killed_at_random_instants_nothing_is_lost_and_nothing_done_twice(
    in_memory: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, mode: Mode,
    fresh_url: Callable[[], str],
) -> None:  # fmt: skip
    steps = [
        make_step(
            f"s{n}", argv=["sh", "-c", EFFECT], probe=["sh", "-c", ASKED], on_interrupt="probe",
            effect="external-write", needs=[f"s{n - 2}"] if n > 1 else [],
        )
        for n in range(STEPS)
    ]  # fmt: skip
    plan = make_plan(make_milestone("M1", steps))
    killed = Killed(in_memory, plan, mode, fresh_url)
    # Two hundred for the file that most runs have; a database is killed less often.
    while killed.kills < KILLS // (8 if in_memory.journal_url else 2):
        killed.kill_one()
        if killed.seen and fold(read_journal(killed.folder)).ended:
            assert_once(read_journal(killed.folder), in_memory.effects(), mode)
            killed.clear()
    killed.coordinate()
    assert_once(read_journal(killed.folder), in_memory.effects(), mode)


def assert_once(events: Any, effects: list[str], mode: Mode) -> None:
    names = [f"s{n}" for n in range(STEPS)]
    assert fold(events).ended == "completed", f"seed {SEED}"
    assert list(journal_faults(events, Signers())) == [], f"seed {SEED}"
    done = Counter(event.step for event in events if event.type == "step.succeeded")
    assert done == dict.fromkeys(names, 1), f"seed {SEED}"
    did = Counter(line for line in effects if line.startswith("did"))
    assert did == {f"did {name}": 1 for name in names}, f"seed {SEED}"
    undid = {line.removeprefix("undid ") for line in effects if line.startswith("undid")}
    assert undid == (set(names) if mode is Mode.REHEARSAL else set()), f"seed {SEED}"
