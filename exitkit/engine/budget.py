"""Stop a run that takes longer, or moves more, than its plan allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.engine.coordinator import Coordinator
from exitkit.model.plan import Mode, Plan
from exitkit.workspace.plan_file import seconds

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}  # fmt: skip


def limits_of(plan: Plan, mode: Mode) -> Mapping[str, str]:
    """Return what the plan lets a run of that mode use: `time`, `volume`, both or neither."""
    limits: Mapping[str, str] = plan.document.get("budget", {}).get(mode.value, {})
    return limits


def size_bytes(text: str) -> int:
    """Return the bytes of `500MB`, `200GiB`."""
    unit = text.lstrip("0123456789")
    return int(text.removesuffix(unit)) * UNITS[unit]


def keep_within_budget(run: Coordinator) -> None:
    """Record, once, what is used up: a rehearsal then undoes, an exit stands still."""
    if run.state.stopping or run.state.paused:
        return
    for what, limit, used in _used_up(run):
        if what not in run.state.over_budget:
            run.record("budget.exceeded", {"what": what, "limit": limit, "used": used})


def _used_up(run: Coordinator) -> Iterator[tuple[str, Any, str]]:
    limits = limits_of(run.plan, run.state.mode)
    if "volume" in limits and run.state.moved_bytes > size_bytes(limits["volume"]):
        yield "volume", limits["volume"], f"{run.state.moved_bytes} B"
    if "time" in limits:
        used_s = _lasted_s(run)
        if used_s > seconds(limits["time"]):
            # A clock that was set has used up nothing; that it was is not recorded yet.
            run.watch_clock(run.surroundings.clock())
            used_s = _lasted_s(run)
        if used_s > seconds(limits["time"]):
            yield "time", limits["time"], f"{used_s} s"


def _lasted_s(run: Coordinator) -> int:
    lasted = run.surroundings.clock() - run.state.started_at
    return int(lasted.total_seconds()) - run.state.jumped_s
