"""Read a plan the way a run would, and say what would stop it, without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exitkit import plugins
from exitkit.model.contract import Contract
from exitkit.model.plan import Effect, Milestone, Plan, Step
from exitkit.ports import StepKind, Target
from exitkit.workspace.schema_faults import suggest
from exitkit.workspace.yaml_lines import Where


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
    for index, milestone in enumerate(plan.milestones):
        yield from _weak(milestone, ("milestones", index))
        for position, step in enumerate(milestone.steps):
            here: Where = ("milestones", index, "steps", position)
            yield from _step(step, here, kinds, [target.id for target in targets])


def _weak(milestone: Milestone, here: Where) -> Iterator[PlanRemark]:
    if not milestone.criteria:
        text = f"{milestone.id} has no criterion: no rehearsal can prove it; add one"
        yield PlanRemark((*here, "criteria"), text, "weak")
    if milestone.criteria and not milestone.steps:
        text = f"{milestone.id} has no step: nothing measures its criteria; add the steps"
        yield PlanRemark(here, text, "weak")


def _step(
    step: Step, here: Where, kinds: dict[str, StepKind], targets: Sequence[str]
) -> Iterator[PlanRemark]:
    kind = kinds.get(step.kind)
    if kind is None:
        text = f'no kind "{step.kind}"; {suggest(step.kind, sorted(kinds))}'
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
    target = step.params.get("target")
    if isinstance(target, str) and target not in targets:
        text = f'no target "{target}" in exitkit.yaml; {suggest(target, targets)}'
        yield PlanRemark((*here, "target"), text, "wrong")
    if not kind.reversible or step.effect is Effect.DESTRUCTIVE:
        text = f"{step.id} cannot be undone: a rehearsal shows it and refuses to run it"
        yield PlanRemark(here, text, "note")
