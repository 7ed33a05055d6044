"""Keep steps from crowding each other: at most so many at once, per target, account and pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.engine.coordinator import Coordinator
from exitkit.model.plan import Step

AT_ONCE = 2
"""Steps that run side by side where the plan does not say."""


def is_full(run: Coordinator) -> bool:
    """Tell whether no further step may begin, whatever it is."""
    return len(run.jobs()) >= int(_limits(run).get("total", AT_ONCE))


def has_room(run: Coordinator, step: Step) -> bool:
    """Tell whether this step may begin beside those that have a process."""
    if is_full(run):
        return False
    taken = Counter(pool for other in run.jobs() for pool in _pools(other))
    limits = _limits(run)
    return all(taken[pool] < _size(limits, pool) for pool in _pools(step))


def _pools(step: Step) -> Iterator[tuple[str, str]]:
    for kind in ("target", "account"):
        if step.params.get(kind):
            yield f"per_{kind}", str(step.params[kind])
    if step.pool:
        yield "named", step.pool


def _size(limits: Mapping[str, Any], pool: tuple[str, str]) -> int:
    kind, name = pool
    if kind == "named":
        return int(limits.get("named", {}).get(name, 1))
    # Without a word in the plan only the total binds.
    return int(limits.get(kind, limits.get("total", AT_ONCE)))


def _limits(run: Coordinator) -> Mapping[str, Any]:
    limits: Mapping[str, Any] = run.plan.document.get("pools", {})
    return limits
