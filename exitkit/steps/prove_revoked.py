"""Prove that a party's rights are gone: look at the source again, and count what is left of them.

Params: `sources`, ids of exitkit.yaml; optional `holder` (default `provider`), a party of
`access.holders` in contract.yaml. Reads only. Metrics: `rights_checked`, `rights_left`,
`calls_failed`, `revoked` (true where none is left and every call was answered: what could not be
looked at is never proved).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.access_holders import SUPPLIER, Right, attributed, holders_of
from exitkit.model.holdings import Access
from exitkit.model.ledger import Call
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, StepStatus
from exitkit.plugins import load_by_name
from exitkit.ports import Collector, Context, StepContext
from exitkit.store.records import access_record
from exitkit.workspace.files import load_contract, load_workspace
from exitkit.workspace.masking_key import load_masking_key

MOST_ITEMS = 200


class ProveRevokedStep:
    """Look for the rights that should be gone."""

    kind: ClassVar[str] = "prove-revoked"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Without a source there is nothing to look at."""
        if not step.params.get("sources"):
            yield "`sources` is missing: the ids of the sources to look at again"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Collect the named sources anew and attribute every right."""
        workspace = load_workspace(context.workspace)
        holders = holders_of(load_contract(workspace.contract_file).document)
        wanted = str(step.params.get("holder", SUPPLIER))
        if wanted not in {holder.name for holder in holders}:
            reason = f"contract.yaml gives no marks for {wanted!r}; add them to access.holders"
            return Outcome(StepStatus.FAILED, reason)
        left: list[Right] = []
        checked = failed = 0
        for name in step.params["sources"]:
            if name not in context.sources:
                return Outcome(StepStatus.FAILED, f"no source {name!r} in exitkit.yaml")
            source = context.sources[name]
            collector: Collector = load_by_name("collectors", source.type)
            spool = context.attempt_dir / "spool"
            spool.mkdir(exist_ok=True)
            looking = Context(
                dt.datetime.now(dt.UTC), spool, load_masking_key(workspace.masking_key),
                context.environ, workspace.limits, context.progress,
            )  # fmt: skip
            for found in collector.collect(source, looking):
                if isinstance(found, Access):
                    checked += 1
                    right = attributed(access_record(found), holders)
                    if right.holder == wanted and right.is_open:
                        left.append(right)
                elif isinstance(found, Call):
                    failed += found.outcome.needs_acknowledgement
        return _outcome(wanted, left, checked, failed)

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was written."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Look again: reading twice does no harm."""
        return False


def _outcome(wanted: str, left: list[Right], checked: int, failed: int) -> Outcome:
    items = [
        ItemResult(
            f"{right.record['principalPlace']['nativeId']}: {right.record['permission']} on "
            f"{right.record['resource']}",
            "extra",
            right.because,
        )
        for right in left[:MOST_ITEMS]
    ]
    return Outcome(
        StepStatus.SUCCEEDED,
        f"{len(left)} rights of {wanted} left among {checked}; {failed} calls failed",
        {
            "rights_checked": checked, "rights_left": len(left), "calls_failed": failed,
            "revoked": not left and not failed,
        },
        tuple(items),
    )  # fmt: skip
