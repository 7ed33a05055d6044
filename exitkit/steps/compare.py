"""Read back from a target what was restored there, item by item, and say what is not equal.

Params: those of the `restore` step it checks (`what`, `target`, `assets`, `rename`), and
`canaries` or `canary_pattern`. The step succeeds when the comparison ran; the criteria of its
milestone test `items_compared`, `items_different`, `items_missing`, `canaries_expected`,
`canaries_found` and `losses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.plugins import restorer_of
from exitkit.ports import StepContext
from exitkit.store.holdings import selection_problems


class CompareStep:
    """Compare a target with the bundle."""

    kind: ClassVar[str] = "compare"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there."""
        yield from selection_problems(step)

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Compare; writes nothing."""
        restorer, target = restorer_of(step, context.targets)
        return restorer.compare(step, target, context)

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was written."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Compare again: reading twice does no harm."""
        return False
