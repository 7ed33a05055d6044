"""Read a plan the way a run would, and say what would stop it, without running anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit import plugins
from exitkit.assess.anchors import scenario_anchors
from exitkit.assess.schedule import out_of_order
from exitkit.model.contract import Contract
from exitkit.model.plan import Effect, Milestone, Plan, Step
from exitkit.ports import Restorer, StepKind, Target
from exitkit.workspace.schema_faults import suggest
from exitkit.workspace.yaml_lines import Where

_ANY_DAY = dt.date(2027, 1, 4)


@dataclass(frozen=True, slots=True)
class PlanRemark:
    """One thing about the plan.

    `weight` is `wrong` (a run cannot start), `weak` (a milestone cannot be proved) or `note`.
    """

    where: Where
    text: str
    weight: str


def plan_remarks(plan: Plan, contract: Contract, targets: Sequence[Target]) -> Iterator[PlanRemark]:
    """Yield what is wrong with the plan or weak about it, in plan order."""
    if plan.contract != contract.id:
        text = f'"{plan.contract}" is not the contract; contract.yaml has id "{contract.id}"'
        yield PlanRemark(("contract_ref",), text, "wrong")
    kinds: dict[str, StepKind] = {plugin.kind: plugin for plugin in plugins.load_all("steps")}
    restorers: dict[str, Restorer] = {one.what: one for one in plugins.load_all("restorers")}
    ground = {target.id: target for target in targets}
    yield from _scenarios(plan)
    yield from _order(plan, contract)
    for index, milestone in enumerate(plan.milestones):
        yield from _weak(milestone, ("milestones", index))
        for position, step in enumerate(milestone.steps):
            here: Where = ("milestones", index, "steps", position)
            yield from _step(step, here, kinds)
            yield from _restored(step, here, restorers, ground)


def _scenarios(plan: Plan) -> Iterator[PlanRemark]:
    scenarios = plan.document.get("scenarios", ())
    if scenarios and not any(one.get("stressed") for one in scenarios):
        text = "no stressed scenario: the plan relies on a provider that helps; add one"
        yield PlanRemark(("scenarios",), text, "note")


def _order(plan: Plan, contract: Contract) -> Iterator[PlanRemark]:
    """Days need a start; any will do to see whether a milestone is due before what it needs."""
    scenarios = plan.document.get("scenarios", ())
    planned: Mapping[str, Any] = next((s for s in scenarios if not s.get("stressed")), {})
    anchors = scenario_anchors(plan, contract, planned, _ANY_DAY)
    place = {one.id: index for index, one in enumerate(plan.milestones)}
    for milestone, before in out_of_order(plan, anchors):
        text = f"{milestone.id} is due before {before.id}, which it depends on; move one of them"
        yield PlanRemark(("milestones", place[milestone.id], "deadline"), text, "weak")


def _weak(milestone: Milestone, here: Where) -> Iterator[PlanRemark]:
    if not milestone.criteria:
        text = f"{milestone.id} has no criterion: no rehearsal can prove it; add one"
        yield PlanRemark((*here, "criteria"), text, "weak")
    if milestone.criteria and not milestone.steps:
        text = f"{milestone.id} has no step: nothing measures its criteria; add the steps"
        yield PlanRemark(here, text, "weak")


RENAMED = {
    "access-revoked": 'kind "access-revoked" is now "prove-revoked"; rename it, keep its `doors`, '
    "and measure `revoked`",
}
"""Kinds that plans of earlier versions may still name, and what to write instead."""


def _step(step: Step, here: Where, kinds: Mapping[str, StepKind]) -> Iterator[PlanRemark]:
    kind = kinds.get(step.kind)
    if kind is None:
        text = (
            RENAMED.get(step.kind) or f'no kind "{step.kind}"; {suggest(step.kind, sorted(kinds))}'
        )
        yield PlanRemark((*here, "kind"), text, "wrong")
        return
    absent = plugins.missing(kind.needs)
    for module, extra in absent:
        text = f"{module} is not installed; pip install 'exitkit-reversibility[{extra}]'"
        yield PlanRemark((*here, "kind"), text, "wrong")
    if absent:
        return
    for text in kind.problems(step):
        yield PlanRemark(here, text, "wrong")
    if not kind.reversible or step.effect is Effect.DESTRUCTIVE:
        text = f"{step.id} cannot be undone: a rehearsal shows it and refuses to run it"
        yield PlanRemark(here, text, "note")


def _restored(
    step: Step, here: Where, restorers: Mapping[str, Restorer], targets: Mapping[str, Target]
) -> Iterator[PlanRemark]:
    """Check what is restored and where to, for the steps that say so."""
    what, name = step.params.get("what"), step.params.get("target")
    restorer = restorers.get(what) if isinstance(what, str) else None
    if isinstance(what, str) and restorer is None:
        text = f'nothing restores "{what}"; {suggest(what, sorted(restorers))}'
        yield PlanRemark((*here, "what"), text, "wrong")
    if name is not None and not isinstance(name, str):
        yield PlanRemark((*here, "target"), "`target` is one name of `targets:`", "wrong")
        return
    if isinstance(name, str) and name not in targets:
        text = f'no target "{name}" in exitkit.yaml; {suggest(name, sorted(targets))}'
        yield PlanRemark((*here, "target"), text, "wrong")
        return
    kind = targets[name].type if isinstance(name, str) else ""
    if restorer is not None and kind and kind not in restorer.target_types:
        wanted = " or ".join(restorer.target_types)
        text = f'"{name}" is of type {kind}; {what} can be restored to {wanted}'
        yield PlanRemark((*here, "target"), text, "wrong")
