"""Derive how the rights of a party are taken back, in which order, and how that is proved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.access_holders import Right

Record = Mapping[str, Any]

_ORDER = ("trust", "key", "sudo", "user", "assignment", "other")
"""Ways in before what they lead to: a trust that stays would bring a removed user back."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One thing to take away; `rights` is how many access records end with it.

    `action` is in the provider's own words and is typed by a person: exitkit never does it.
    """

    kind: str
    subject: str
    where: str
    action: str
    rights: int
    probe: str


def revocation_plan(rights: Iterable[Right], source_of: Mapping[str, str]) -> list[Revocation]:
    """Return what to take away, ways in first; `source_of` gives the source by scope."""
    groups: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for right in rights:
        if right.is_open:
            groups[_step(right.record)] += 1
    plan = [
        Revocation(
            kind, subject, where, action, count,
            probe="`prove-revoked` step" + (f" of source {source}" if source else ""),
        )
        for (kind, subject, where, action), count in groups.items()
        for source in [source_of.get(where.partition("/")[2].partition("/")[0], "")]
    ]  # fmt: skip
    return sorted(plan, key=lambda one: (_ORDER.index(one.kind), one.where, one.subject))


def _step(record: Record) -> tuple[str, str, str, str]:
    place = record["principalPlace"]
    provider, name = str(place["name"]), str(place["nativeId"])
    where = f"{provider}/{place['scope']}"
    via = [str(one) for one in record.get("via", ())]
    permission = str(record["permission"])
    if permission.startswith("assumed-by:"):
        trusted = permission.split(":", 2)[2]
        action = f"take {trusted} out of the trust policy: aws iam update-assume-role-policy"
        return "trust", f"{name} trusts {trusted}", where, f"{action} --role-name {name}"
    if provider == "aws":
        kind = "user" if str(record["principalType"]) == "user" else "other"
        action = f"aws iam delete-{record['principalType']} for {name}, after its keys and policies"
        return kind, name, where, action
    if provider == "azure":
        action = f"az role assignment delete --assignee {name} --scope {record['resource']}"
        return "assignment", name, where, action
    if provider == "hosts" and via[:1] == ["sudo"]:
        return "sudo", name, where, f"remove the rule of {name.rpartition('/')[2]} from {via[1]}"
    if provider == "hosts":
        file = via[0] if via else "authorized_keys"
        key = name.partition("/")[2]
        return "key", f"{record['resource']}: {key}", where, f"remove the key {key} from {file}"
    return "other", name, where, f"take {permission} on {record['resource']} from {name}"
