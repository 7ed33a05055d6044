"""Put something of the bundle back on foreign ground, read it back, and take it away again.

Params: `what` (a restorer), `target` (an id of `targets:`), `assets` (`{native_type, names}`) and
what the restorer adds, such as `rename`. A step of exit-plan.yaml reads
`{id: restore-objects, kind: restore, effect: external-write, what: objects,
target: sandbox-store, assets: {native_type: "AWS::S3::Bucket", names: ["*"]}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.plugins import restorer_of
from exitkit.ports import StepContext
from exitkit.store.holdings import selection_problems
from exitkit.store.quota import EXCEEDED, QuotaExceeded, volume_of, within_quota


class RestoreStep:
    """Restore from the bundle into a target."""

    kind: ClassVar[str] = "restore"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there."""
        yield from selection_problems(step)

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Restore and read back; what the target's quota does not allow is not begun."""
        restorer, target = restorer_of(step, context.targets)
        size = volume_of(step, context) if target.settings.get("quota") else 0
        try:
            with within_quota(target, context, size):
                return restorer.restore(step, target, context)
        except QuotaExceeded as fault:
            return Outcome(StepStatus.FAILED, str(fault), {EXCEEDED: True})

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Leave the target as it was."""
        restorer, target = restorer_of(step, context.targets)
        return restorer.undo(step, touched, target, context)

    def probe(self, step: Step, context: StepContext) -> bool:
        """Everything is there and equal."""
        restorer, target = restorer_of(step, context.targets)
        metrics = restorer.compare(step, target, context).metrics
        return not metrics["items_different"] and not metrics["items_missing"]
