"""Change the plan of a run under way: what is finished stays finished, and stays what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.engine import rehearse
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress
from exitkit.errors import ExitkitError
from exitkit.model.plan import Plan
from exitkit.store.canonical import storable
from exitkit.store.journal import Message
from exitkit.workspace.plan_file import checked_plan_from_document

_MAY_CHANGE = (StepProgress.PENDING, StepProgress.HELD, StepProgress.FAILED)


def objections(state: RunState, new: Plan) -> Iterator[str]:
    """Yield why a run may not go on by this plan; nothing where it may."""
    old = state.plan
    if old is None:
        return
    if new.digest == old.digest:
        yield "it is the plan that the run has already"
    if (new.id, new.contract) != (old.id, old.contract):
        yield f"it is another plan, {new.id} for {new.contract}"
    homes = {step.id: (one.id, step) for one in new.milestones for step in one.steps}
    for milestone in old.milestones:
        for step in milestone.steps:
            # An attempt that is over and will be made again may be made differently.
            begun = state.step(step.id)
            if begun.progress in _MAY_CHANGE:
                if begun.attempt and step.id not in homes:
                    yield f"step {step.id} has begun and is no longer there"
            elif homes.get(step.id) != (milestone.id, step):
                yield f"step {step.id} is {begun.progress.value} and is no longer what it was"
    kept = {one.id: one for one in new.milestones}
    for milestone in old.milestones:
        same = kept.get(milestone.id) == milestone
        if state.milestones.get(milestone.id) == "reached" and not same:
            yield f"milestone {milestone.id} was reached and is no longer what it was"


def take_in_amendment(run: Coordinator, message: Message) -> None:
    """Go on by another plan, or say why not; either way the journal holds who asked."""
    by = str(message.body.get("by", ""))
    try:
        document = _mapping(message.body.get("plan"))
        plan = checked_plan_from_document(document)
        faults = list(objections(run.state, plan))
        if run.state.stopping:
            faults.append("the run goes no further forward")
        if not faults:
            rehearse.check(plan, run.surroundings, run.state.mode)
    except ExitkitError as error:
        faults = [run.scrub(str(error))]
    if faults:
        run.record("plan.amend_rejected", {"why": faults[0], "by": by, "inbox": message.id})
        return
    targets = rehearse.used_targets(plan, run.state.mode)
    run.record(
        "plan.amended",
        {
            "plan": storable(dict(document)), "plan_digest": plan.digest,
            "previous_digest": run.plan.digest, "targets": list(targets),
            "by": by, "reason": str(message.body.get("reason", "")), "inbox": message.id,
        },
    )  # fmt: skip


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
