"""Look on a target for records planted at the source: what no import report can invent.

Params: those of the `restore` step (`what`, `target`, `assets`, `rename`), and `canaries`, a list
of words, or `canary_pattern`, a regular expression whose matches in the bundle are the words to
find. Metrics: `canaries_expected`, `canaries_found`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.plugins import restorer_of
from exitkit.ports import StepContext
from exitkit.store.holdings import selection_problems


class CanaryStep:
    """Find planted records on the target."""

    kind: ClassVar[str] = "canary"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there; no canary at all would always be found."""
        yield from selection_problems(step)
        if not step.params.get("canaries") and not step.params.get("canary_pattern"):
            yield "`canaries` or `canary_pattern` is missing"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Read the target and report the canaries alone."""
        restorer, target = restorer_of(step, context.targets)
        metrics = restorer.compare(step, target, context).metrics
        expected, found = metrics["canaries_expected"], metrics["canaries_found"]
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{found} of {expected} canaries found",
            {"canaries_expected": expected, "canaries_found": found},
        )

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was written."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Look again: reading twice does no harm."""
        return False
