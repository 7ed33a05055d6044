"""Prove that a party is out: look at the sources again for rights left, and try every door it had.

Params: `sources`, ids of exitkit.yaml, with optional `holder` (default `provider`), a party of
`access.holders` in contract.yaml; `doors`, a list of `{name, try: [program, ...], refusal: regular
expression, control: [program, ...]}` with optional `env`, names of variables. At least one of
`sources` and `doors`. Reads only. `try` logs in as the party did; `refusal` is what the door
answers when it turns somebody away (`Permission denied`); `control` reaches the same door in a way
that must still work, so that a dead network is not taken for a locked door.
Metrics: `rights_checked`, `rights_left`, `calls_failed`, `doors_closed`, `doors_open`,
`doors_unclear`, and `revoked`: no right is left, every call was answered and every door is closed.
What could not be looked at is never proved.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exitkit.assess.access_holders import SUPPLIER, Right, attributed, holders_of
from exitkit.assess.network_access import network_access
from exitkit.drivers.doors import DOOR_RESULTS, door_problems, tried_doors
from exitkit.model.asset import Asset
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
    """Look for the rights that should be gone, and knock at the doors that should be closed."""

    kind: ClassVar[str] = "prove-revoked"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Without a source and a door there is nothing to look at."""
        if not step.params.get("sources") and "doors" not in step.params:
            yield "`sources` and `doors` are missing: name what to look at again, or what to try"
        if "doors" in step.params:
            yield from door_problems(step.params["doors"])

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Collect the named sources anew and attribute every right; then try each door."""
        found: _Rights | Outcome = _Rights()
        if step.params.get("sources"):
            found = _looked_at(step, context)
        if isinstance(found, Outcome):
            return found
        doors = tried_doors(step.params.get("doors", ()), context, step.params.get("env", ()))
        return _outcome(str(step.params.get("holder", SUPPLIER)), found, doors)

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was written."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Look again: reading twice does no harm."""
        return False


@dataclass(frozen=True, slots=True)
class _Rights:
    """What is left of a party's rights, among how many, and how many calls failed."""

    left: tuple[Right, ...] = ()
    checked: int = 0
    failed: int = 0


def _looked_at(step: Step, context: StepContext) -> _Rights | Outcome:
    workspace = load_workspace(context.workspace)
    holders = holders_of(load_contract(workspace.contract_file).document)
    wanted = str(step.params.get("holder", SUPPLIER))
    if wanted not in {holder.name for holder in holders}:
        reason = f"contract.yaml gives no marks for {wanted!r}; add them to access.holders"
        return Outcome(StepStatus.FAILED, reason)
    unknown = [name for name in step.params["sources"] if name not in context.sources]
    if unknown:
        return Outcome(StepStatus.FAILED, f"no source {unknown[0]!r} in exitkit.yaml")
    spool = context.attempt_dir / "spool"
    spool.mkdir(exist_ok=True)
    looking = Context(
        dt.datetime.now(dt.UTC), spool, load_masking_key(workspace.masking_key),
        context.environ, workspace.limits, context.progress,
    )  # fmt: skip
    rights: dict[str, Access] = {}
    assets: list[Asset] = []
    failed = 0
    for name in step.params["sources"]:
        source = context.sources[name]
        collector: Collector = load_by_name("collectors", source.type)
        for found in collector.collect(source, looking):
            if isinstance(found, Access):
                rights.setdefault(found.urn, found)
            elif isinstance(found, Asset):
                assets.append(found)
            elif isinstance(found, Call):
                failed += found.outcome.needs_acknowledgement
    for path in network_access(assets):
        rights.setdefault(path.urn, path)
    held = [attributed(access_record(right), holders) for right in rights.values()]
    left = tuple(right for right in held if right.holder == wanted and right.is_open)
    return _Rights(left, len(held), failed)


def _outcome(wanted: str, rights: _Rights, doors: list[ItemResult]) -> Outcome:
    items = [
        ItemResult(
            f"{right.record['principalPlace']['nativeId']}: {right.record['permission']} on "
            f"{right.record['resource']}",
            "extra",
            right.because,
        )
        for right in rights.left[:MOST_ITEMS]
    ]
    count = {word: sum(door.result == word for door in doors) for word in DOOR_RESULTS}
    closed, open_, unclear = (count[word] for word in DOOR_RESULTS)
    said = (
        f"{len(rights.left)} rights of {wanted} left among {rights.checked}; "
        f"{rights.failed} calls failed"
    )
    if doors:
        said += f"; {closed} doors closed, {open_} open, {unclear} unclear"
    return Outcome(
        StepStatus.SUCCEEDED,
        said,
        {
            "rights_checked": rights.checked, "rights_left": len(rights.left),
            "calls_failed": rights.failed, "doors_closed": closed, "doors_open": open_,
            "doors_unclear": unclear,
            "revoked": not rights.left and not rights.failed and closed == len(doors),
        },
        (*items, *doors),
    )  # fmt: skip
