"""Time steps of a run beside the bare processes they are: python steps.py [STEPS] [ROUNDS].

Round by round in one run: `true` by itself, a Python that does nothing and calls `true`, and a run
whose steps are `true`. What the run takes more than the bare Python is what the engine costs.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from exitkit.engine.coordinator import Surroundings
from exitkit.engine.run import Interrupts, Start, drive, start_run
from exitkit.model.plan import Mode
from exitkit.workspace.plan_file import plan_from_document

CALLS = "import subprocess; subprocess.run(['true'])"


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    parts: dict[str, Callable[[int], None]] = {
        "true": lambda count: bare(["true"], count),
        "Python that calls true": lambda count: bare([sys.executable, "-c", CALLS], count),
        "a step of a run": run,
    }
    walls: dict[str, list[float]] = {name: [] for name in parts}
    cpus: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, part in parts.items():
            before, began = spent_s(), time.monotonic()
            part(steps)
            walls[name].append((time.monotonic() - began) / steps)
            cpus[name].append((spent_s() - before) / steps)
    print("| each | wall ms | processor ms |\n|---|---|---|")
    for name in parts:
        wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
        print(f"| {name} | {wall * 1000:.0f} | {cpu * 1000:.0f} |")


def spent_s() -> float:
    """Return the processor seconds of this process and of all children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def bare(argv: list[str], count: int) -> None:
    for _ in range(count):
        subprocess.run(argv, check=True)


def run(count: int) -> None:
    steps = [{"id": f"s{n}", "kind": "command", "argv": ["true"]} for n in range(count)]
    milestone = {
        "id": "M1", "title": "All", "deadline": {"anchor": "TS"}, "criteria": [], "steps": steps
    }  # fmt: skip
    plan = plan_from_document(
        {"id": "P", "version": "1", "contract_ref": "C", "pools": {"total": 1},
         "milestones": [milestone]}
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        surroundings = Surroundings(
            workspace=Path(name), sources=(), targets={}, trusted_keys=(), mask_key=bytes(32),
            environ=dict(os.environ), actor="user:bench", clock=lambda: dt.datetime.now(dt.UTC),
        )  # fmt: skip
        start = Start("bench-1", plan, Mode.EXIT, "", "", "user:bench")
        begun = start_run(Path(name) / "runs", start, surroundings)
        state = drive(begun, Interrupts())
        begun.close()
    assert state.ended == "completed"


if __name__ == "__main__":
    main()
