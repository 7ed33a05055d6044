"""Wait for a date, with no process living until it comes.

Params, one of: `at` (a date or an instant), `after` (a period counted from when the wait begins,
`P30D`, `P14WD`, `PT4H`), or `anchor` with `offset` and `calendar` as in a deadline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.dates import parse_period
from exitkit.errors import InputError
from exitkit.model.plan import Effect, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.store.canonical import instant


class WaitUntil:
    """A rehearsal does not wait: it says what it would wait for, and goes on."""

    kind: ClassVar[str] = "wait-until"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing or no date."""
        given = [name for name in ("at", "after", "anchor") if name in step.params]
        if len(given) != 1:
            yield "write one of `at:` (a date), `after:` (a period) or `anchor:` (with `offset:`)"
        if "at" in given:
            try:
                instant(str(step.params["at"]))
            except ValueError:
                yield f"at: {step.params['at']!r} is no date; write 2027-01-31"
        for name in ("after", "offset"):
            if name in step.params:
                try:
                    parse_period(str(step.params[name]))
                except InputError as error:
                    yield f"{name}: {error}"
        if step.effect is not Effect.NONE:
            yield f"effect: {step.effect.value}; a wait has none, leave it out"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Refuse: the clock ends this step, never a process."""
        return Outcome(StepStatus.REFUSED, "waits for its date")

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was done."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Say no: only the clock knows."""
        return False
