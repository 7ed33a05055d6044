"""Hold the order in which a plan moves things against what relies on what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exitkit.assess.waves import waves
from exitkit.model.plan import Plan


@dataclass(frozen=True, slots=True)
class TooEarly:
    """A step may move an asset before another step has moved what it relies on."""

    step: str
    asset: str
    relies_on: str
    moved_by: str


def moved_too_early(
    plan: Plan, moves: Mapping[str, Iterable[str]], relies: Iterable[tuple[str, str]]
) -> Iterator[TooEarly]:
    """Yield, once for each pair of steps, what is not sure to be moved after what it relies on.

    `moves` are the assets by step. What relies on each other in a circle moves in any order, and
    a reliance through assets that no step moves counts like one of its own.
    """
    mover: dict[str, str] = {}
    for step, assets in moves.items():
        for asset in assets:
            mover.setdefault(asset, step)
    below: dict[str, list[str]] = defaultdict(list)
    for relying, relied_on in relies:
        below[relying].append(relied_on)
    before = {step: steps_before(plan, step) for step in set(mover.values())}
    together = _circles(below)
    told: set[tuple[str, str]] = set()
    for asset, step in mover.items():
        for other in _moved_below(asset, below, mover):
            first = mover[other]
            is_sure = first == step or first in before[step]
            in_circle = together.get(asset, asset) == together.get(other, other)
            if not is_sure and not in_circle and (step, first) not in told:
                told.add((step, first))
                yield TooEarly(step, asset, other, first)


def steps_before(plan: Plan, name: str) -> set[str]:
    """Return every step that is over before the step `name` begins."""
    milestones = {one.id: one for one in plan.milestones}
    homes = {step.id: one for one in plan.milestones for step in one.steps}
    needs = {step.id: step.needs for step in plan.steps()}
    steps, seen = set[str](), set[str]()
    left = [name]
    while left:
        step = left.pop()
        left.extend(set(needs[step]) - steps)
        steps.update(needs[step])
        waits_for = [*homes[step].depends_on]
        while waits_for:
            milestone = milestones[waits_for.pop()]
            if milestone.id not in seen:
                seen.add(milestone.id)
                waits_for.extend(milestone.depends_on)
                earlier = {one.id for one in milestone.steps}
                left.extend(earlier - steps)
                steps |= earlier
    return steps


def _moved_below(
    asset: str, below: Mapping[str, list[str]], mover: Mapping[str, str]
) -> Iterator[str]:
    """Yield the moved assets that `asset` relies on, looking through those that no step moves."""
    seen, left = {asset}, list(below.get(asset, ()))
    while left:
        other = left.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in mover:
            yield other
        else:
            left.extend(below.get(other, ()))


def _circles(below: Mapping[str, list[str]]) -> dict[str, str]:
    """Return, for assets that rely on each other in a circle, one name for the circle."""
    assets = set(below) | {one for others in below.values() for one in others}
    edges = ((one, other) for one, others in below.items() for other in others)
    groups = (group for wave in waves(assets, edges) for group in wave if len(group) > 1)
    return {asset: group[0] for group in groups for asset in group}
