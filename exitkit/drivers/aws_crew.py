"""Share a large sweep among processes, one per core: reading answers takes more than waiting."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import Item
from exitkit.drivers.aws_crew_member import sweep_share
from exitkit.drivers.aws_plan import Plan
from exitkit.ports import Context, Source

LARGE = 100
"""With fewer calls than this, starting processes takes longer than it saves."""
USUAL_REGIONS = 17
"""As many regions does a new account have enabled; more are opted into."""
USUAL_CALLS = 10
"""As many lists has a service."""
MOST = 8
"""More processes than this ask faster than AWS lets one account ask."""


@dataclass(slots=True)
class Crew:
    """Processes of ours that take one account after the other, each its share of the units.

    They hand over through what is kept of the sweep, so one that dies costs only what it had not
    reached: that is asked by whoever reads it.
    """

    source: Source
    context: Context
    size: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def is_able(self) -> bool:
        """Tell whether there are cores to share among, and a place to hand over at."""
        return self.size > 1 and self.context.kept is not None

    def sweep(self, plan: Plan, see: Callable[[Item], None]) -> None:
        """Make the calls of a plan, where there are enough to share, and show what we find."""
        if not self.is_able or len(plan.roots) < LARGE:
            return
        self.start()
        account = plan.account.id
        self.context.progress(
            f"{len(plan.roots)} list calls in account {account}, {self.size} processes"
        )
        task = _task(self.source, self.context, plan)
        waiting = [
            process
            for number, process in enumerate(self.processes, start=1)
            if _told(process, {**task, "part": [number, self.size]})
        ]
        sweep_share({**task, "part": [0, self.size]}, plan, see)
        for process in waiting:
            if process.stdout and not process.stdout.readline():
                self.context.progress("a process ended early; what it left is asked here")

    def start(self) -> None:
        """Start every process beside ours that is not there, or no longer."""
        self.processes = [one for one in self.processes if one.poll() is None]
        while len(self.processes) < self.size - 1:
            others = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "exitkit.drivers.aws_crew_member"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    env={**others, **self.context.environ},
                )
            )  # fmt: skip

    def leave(self) -> None:
        """End the processes: one whose orders end, ends."""
        for process in self.processes:
            if process.stdin:
                with suppress(OSError):  # one that died left its orders unread
                    process.stdin.close()
        for process in self.processes:
            process.wait()
            if process.stdout:
                process.stdout.close()


@contextmanager
def crew_of(source: Source, context: Context) -> Iterator[Crew]:
    """Gather a crew of as many processes as there are cores for us."""
    crew = Crew(source, context, min(MOST, _cores()))
    if crew.is_able and _likely_calls(source) >= LARGE:
        crew.start()  # they get ready while accounts are opened
    try:
        yield crew
    finally:
        crew.leave()


def _likely_calls(source: Source) -> int:
    """Return about how many list calls one account takes, before anything is read or asked.

    A process started for too few calls costs a moment of another core.
    """
    services = source.settings.get("services") or ["*"]
    regions = source.settings.get("regions") or ["*"]
    calls = sum(1 if ":" in name and "*" not in name else USUAL_CALLS for name in services)
    return calls * sum(USUAL_REGIONS if "*" in name else 1 for name in regions)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _told(process: subprocess.Popen[bytes], task: Mapping[str, Any]) -> bool:
    if process.stdin is None:
        return False
    try:
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
    except OSError:
        return False
    return True


def _task(source: Source, context: Context, plan: Plan) -> dict[str, Any]:
    """Return all that a process has to know; credentials it finds for itself, as we did."""
    account: Account = plan.account
    return {
        "source": {"id": source.id, "settings": dict(source.settings), "base": str(source.base)},
        "account": {
            "id": account.id, "partition": account.partition, "region": account.region,
            "opened_by": [dict(entry) for entry in account.opened_by],
        },
        "regions": list(plan.selection.regions),
        "services": list(plan.selection.services),
        "depth": plan.selection.depth,
        "now": context.now.isoformat(),
        "kept": str(context.kept),
        "mask_key": context.mask_key.hex(),
        "limits": dataclasses.asdict(context.limits),
    }  # fmt: skip
