"""Judge what a difference between two records means: a verdict that fell, a right that is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.access_holders import SUPPLIER, Holder, attributed
from exitkit.assess.difference import FieldChange, record_changes, step
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Level

Record = Mapping[str, Any]
Judge = Callable[[Record, Record], Iterator[tuple[str, "Finding"]]]

KINDS = (
    "supplier-access-gained", "supplier-access-lost",
    "call-refused", "call-answered", "asset-added", "asset-removed", "asset-unseen",
    "asset-seen", "asset-replaced", "asset-changed",
    "stays-behind", "verdict-worse", "verdict-better", "verdict-reason",
    "access-gained", "access-lost", "license-added", "license-removed", "license-changed",
    "automation-added", "automation-removed", "automation-changed", "dataset-added",
    "dataset-removed", "dataset-changed",
)  # fmt: skip
"""Every kind of change, in the order in which they are told; the supplier's rights come first."""
HURTING = ("call-refused", "asset-unseen", "stays-behind", "verdict-worse")
"""Changes that make it harder to leave, or harder to know."""


@dataclass(frozen=True, slots=True)
class Thing:
    """The asset that a change is about, as people know it."""

    id: str
    native_type: str = ""
    native_id: str = ""
    name: str = ""
    scope: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change between two bundles; `kind` has its words in report/words/diff.yaml.

    `subject` names what is not an asset (a call, a permission, a product); `old` and `new` are
    levels, outcomes or ids; `reason` says why, in the words of the newer record.
    """

    kind: str
    thing: Thing | None = None
    aspect: str = ""
    subject: str = ""
    old: str = ""
    new: str = ""
    reason: str = ""
    fields: tuple[FieldChange, ...] = ()

    @property
    def hurts(self) -> bool:
        """Whether the change makes it harder to leave."""
        return self.kind in HURTING


@dataclass(frozen=True, slots=True)
class Finding:
    """A change before it is known which asset it is about."""

    kind: str
    aspect: str = ""
    subject: str = ""
    old: str = ""
    new: str = ""
    reason: str = ""
    fields: tuple[FieldChange, ...] = ()


def call_changes(before: Record, after: Record) -> Iterator[Change]:
    """Tell of a call that nobody answers for since, or no longer."""
    was, now = _is_open(before), _is_open(after)
    if was is now:
        return
    row = after if now else before
    place = "/".join(row[name] for name in ("source", "scope", "region") if row.get(name))
    yield Change(
        kind="call-refused" if now else "call-answered",
        subject=f"{place} {row['operation']}",
        old=str(before.get("outcome", "")),
        new=str(after.get("outcome", "")),
        reason=str(row.get("permission") or row.get("reason") or ""),
    )


def _is_open(row: Record) -> bool:
    if not row:
        return False
    return CallOutcome(row["outcome"]).needs_acknowledgement and "acknowledgement" not in row


def _verdict(before: Record, after: Record) -> Iterator[tuple[str, Finding]]:
    """Tell what became of a verdict; one that is gone went with its asset."""
    if not after:
        return
    old, new = str(before.get("level", "")), str(after["level"])
    kind = ""
    if new == Level.NONE and old != Level.NONE:
        kind = "stays-behind"
    elif before and step(before, after):
        kind = "verdict-better" if step(before, after) > 0 else "verdict-worse"
    elif before and before.get("reasonCode") != after.get("reasonCode"):
        kind = "verdict-reason"
    if kind:
        reason = str(after.get("reasonText", ""))
        found = Finding(kind, str(after["aspect"]), old=old, new=new, reason=reason)
        yield str(after["asset"]), found


def right_judge(holders: Sequence[Holder] = ()) -> Judge:
    """Return the judge of access records; a right of the provider, by its marks, is told apart.

    Only what is gained or lost counts: the day of the last use is no change.
    """

    def judge(before: Record, after: Record) -> Iterator[tuple[str, Finding]]:
        if bool(before) is bool(after):
            return
        row = after or before
        right = attributed(row, holders)
        is_supplier = right.holder == SUPPLIER
        word = "access-gained" if after else "access-lost"
        reason = str(row["principalType"])
        yield (
            str(row["principal"]),
            Finding(
                kind=f"supplier-{word}" if is_supplier else word,
                subject=f"{row['effect']} {row['permission']} on {row['resource']}",
                reason=f"{reason}, {right.because}" if is_supplier else reason,
            ),
        )

    return judge


def _holding(what: str, named: str) -> Judge:
    """Return the judge of a table with one record for an asset; `named` is what to call it by."""

    def judge(before: Record, after: Record) -> Iterator[tuple[str, Finding]]:
        row = after or before
        word = "changed" if before and after else "added" if after else "removed"
        changes = tuple(record_changes(before, after)) if before and after else ()
        found = Finding(f"{what}-{word}", subject=str(row.get(named, "")), fields=changes)
        yield str(row["asset"]), found

    return judge


JUDGES: Mapping[str, Judge] = {
    "exportability": _verdict,
    "access": right_judge(),
    "licenses": _holding("license", "product"),
    "automation": _holding("automation", "language"),
    "datasets": _holding("dataset", "format"),
}
"""What to make of a difference in each table whose records belong to an asset."""
