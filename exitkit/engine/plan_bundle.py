"""Hold a plan against what is to be moved: the order of its steps, and its budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exitkit.assess.extrapolation import Extrapolation, Volume, extrapolate, volumes_of
from exitkit.assess.move_order import moved_too_early
from exitkit.assess.waves import reliances
from exitkit.engine.budget import limits_of, size_bytes
from exitkit.engine.extrapolation import transfers_of
from exitkit.engine.plan_check import PlanRemark
from exitkit.engine.rehearse import steps_of
from exitkit.errors import InputError
from exitkit.model.plan import Mode, Plan, Step
from exitkit.store.holdings import chosen, selection_problems
from exitkit.store.reader import Bundle
from exitkit.workspace.plan_file import seconds
from exitkit.workspace.yaml_lines import Where

_RESTORES = ("restore", "playbook")


def bundle_remarks(plan: Plan, bundle: Bundle, rehearsed: Bundle | None) -> Iterator[PlanRemark]:
    """Yield what the newest bundle says against the plan.

    Times are reckoned by the rates that the last rehearsal measured, where there was one.
    """
    places = _places(plan)
    moves: dict[str, tuple[str, ...]] = {}
    for step in plan.steps():
        try:
            moves[step.id] = _moved_by(step, bundle)
        except InputError as error:
            text = str(error).removeprefix(f"step {step.id}: ")
            yield PlanRemark((*places[step.id], "assets"), text, "weak")
    yield from _order(plan, bundle, moves, places)
    for mode in Mode:
        yield from _budget(plan, mode, bundle, rehearsed, moves)


def _moved_by(step: Step, bundle: Bundle) -> tuple[str, ...]:
    if step.kind not in _RESTORES or any(selection_problems(step)):
        return ()
    return tuple(holding.urn for holding in chosen(bundle, step))


def _places(plan: Plan) -> Mapping[str, Where]:
    return {
        step.id: ("milestones", index, "steps", position)
        for index, one in enumerate(plan.milestones)
        for position, step in enumerate(one.steps)
    }


def _order(
    plan: Plan,
    bundle: Bundle,
    moves: Mapping[str, Sequence[str]],
    places: Mapping[str, Where],
) -> Iterator[PlanRemark]:
    names = {str(row["@id"]): str(row["name"]) for row in bundle.records("assets")}
    relies = reliances(bundle.records("relations"))
    for one in moved_too_early(plan, moves, relies):
        asset, other = names.get(one.asset, one.asset), names.get(one.relies_on, one.relies_on)
        text = (
            f"{one.step} may move {asset} before {one.moved_by} moved {other}, which it relies on;"
            f" add needs: [{one.moved_by}]"
        )
        yield PlanRemark(places[one.step], text, "weak")


def _budget(
    plan: Plan,
    mode: Mode,
    bundle: Bundle,
    rehearsed: Bundle | None,
    moves: Mapping[str, Sequence[str]],
) -> Iterator[PlanRemark]:
    limits = limits_of(plan, mode)
    if not limits:
        return
    wanted = {asset for step in steps_of(plan, mode) for asset in moves.get(step.id, ())}
    volumes = _volumes(bundle, wanted)
    here: Where = ("budget", mode.value)
    total = sum(volume.size_bytes for volume in volumes.values())
    if "volume" in limits and total > size_bytes(limits["volume"]):
        text = f"its steps move {total} bytes, more than {limits['volume']}; raise it or move less"
        yield PlanRemark((*here, "volume"), text, "weak")
    if "time" in limits:
        found = extrapolate(transfers_of(rehearsed) if rehearsed else (), volumes)
        yield from _time(found, limits["time"], (*here, "time"))


def _time(found: Extrapolation, limit: str, here: Where) -> Iterator[PlanRemark]:
    likely_ms = found.likely_ms if found.likely_ms is not None else found.low_ms
    if likely_ms is not None and likely_ms > seconds(limit) * 1000:
        least = "" if found.likely_ms is not None else "at least "
        text = f"its steps move for {least}{-(-likely_ms // 1000)} s by the rates of the last"
        yield PlanRemark(
            here, f"{text} rehearsal, more than {limit}; raise it or move less", "weak"
        )
    elif found.unknown_categories:
        text = f"no rehearsal measured a rate for {', '.join(found.unknown_categories)}"
        yield PlanRemark(here, f"{text}: whether {limit} are enough is not known", "note")


def _volumes(bundle: Bundle, wanted: set[str]) -> Mapping[str, Volume]:
    assets = (row for row in bundle.records("assets") if row["@id"] in wanted)
    datasets = (row for row in bundle.records("datasets") if row["asset"] in wanted)
    return volumes_of(assets, datasets)
