"""Wait for people: the run goes on only after a trusted key signed what the step states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.plan import Effect, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext


class WaitForApproval:
    """`statement` is what is signed, `parties` how many different keys must sign it.

    The engine asks, waits and checks signatures itself: no process lives while people think.
    """

    kind: ClassVar[str] = "wait-for-approval"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing or of the wrong shape."""
        statement = step.params.get("statement")
        if not isinstance(statement, str) or not statement.strip():
            yield "statement: missing; write the sentence that people sign"
        parties = step.params.get("parties", 1)
        if isinstance(parties, bool) or not isinstance(parties, int) or parties < 1:
            yield "parties: not a number of people; write 1 or more"
        roles = step.params.get("roles", [])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            yield "roles: not a list of names; write roles: [exit-lead]"
        if step.effect is not Effect.NONE:
            yield f"effect: {step.effect.value}; an approval has none, leave it out"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Refuse: a signature in the inbox ends this step, never a process."""
        return Outcome(StepStatus.REFUSED, "waits for `exitkit approve`")

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Leave a word that was given as it was given."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Say no: only the journal knows."""
        return False
