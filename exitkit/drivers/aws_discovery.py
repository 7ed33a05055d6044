"""Call what no type of the catalog describes, and take stock of what answers: it is unmapped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import Item
from exitkit.drivers.aws_plan import Selection, discovery_plan
from exitkit.drivers.aws_sweep import Sweep
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Context, Finding

MOST_NAMES = 100
"""Names kept of the items of one call; how many there are is always said."""
LONGEST_NAME = 200
UNMAPPED = "unmapped: its items are of a type the catalog does not know"


def discover(
    account: Account, selection: Selection, assets: Iterable[Asset], context: Context
) -> Iterator[Finding]:
    """Yield a ledger line for every call, and an asset with its gap for each that finds something.

    What the catalog found under the same ARN is mapped, and not counted again.
    """
    known = {value for asset in assets for scheme, value in asset.identifiers if scheme == "arn"}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    plan = discovery_plan(account, load_catalog(), selection)
    calls: list[Call] = []
    for one in Sweep(plan, context.limits, context.progress).run():
        if isinstance(one, Call):
            calls.append(one)
        elif (name := name_of(one)) not in known:
            found[one.row.native_type, one.region].append(name)
    unmapped = {operation for operation, _ in found}
    for call in calls:
        listed = call.outcome is CallOutcome.COLLECTED and call.operation in unmapped
        yield replace(call, reason=_joined(UNMAPPED, call.reason)) if listed else call
    for (operation, region), names in sorted(found.items()):
        ref = Ref("aws", account.id, region, operation, f"unmapped:{operation}")
        yield from _unmapped(ref, sorted(set(names)), len(names), context)


def name_of(item: Item) -> str:
    """Return what an item of unknown type is called: its ARN, else its id, else its name."""
    for ending in ("arn", "id", "name"):
        found = _ending_in(ending, item.config)
        if found:
            return found[:LONGEST_NAME]
    return item.native_id[:LONGEST_NAME]


def _ending_in(ending: str, config: Mapping[str, Any]) -> str:
    """Return the first text whose member is named so, best one that is named just so."""
    named = {name.lower(): value for name, value in config.items() if isinstance(value, str)}
    return named.get(ending) or next(
        (value for name, value in named.items() if name.endswith(ending) and value), ""
    )


def _joined(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def _unmapped(ref: Ref, names: list[str], count: int, context: Context) -> Iterator[Finding]:
    config = {"count": count, "names": names[:MOST_NAMES]}
    yield Asset(
        ref, kind_of(ref.native_type), ref.native_type, config, context.now, status="unknown"
    )
    yield Gap(
        ref, Aspect.CONFIGURATION, Level.NONE, "not-supported-by-tool",
        f"Unmapped: {ref.native_type} answers {count} items of a type the catalog does not know.",
        Responsible.TOOL, "Look them up in the console; then report the type, or add a row for it.",
        method="discovery", confidence="medium",
    )  # fmt: skip
