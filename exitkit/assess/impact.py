"""Weigh a gap by what hangs on it: who relies on the assets that cannot leave well."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from exitkit.model.verdict import Level

IMPACT_LEVELS = (
    Level.NONE, Level.NOT_ATTEMPTED, Level.UNKNOWN, Level.DESCRIBED, Level.PROPRIETARY, Level.OPEN,
)  # fmt: skip
"""Levels that need a reason, in the order they hurt: lost for certain before not known."""
IMPACT_ORDER = (
    f"level ({', '.join(IMPACT_LEVELS)}), then the number of other assets that rely on those "
    "concerned, then the number of verdicts"
)
"""What the order of gaps means; printed with it."""

_RELIES_ON = frozenset(
    {"connectsTo", "dependsOn", "encryptedWith", "licensedBy", "managedBy", "memberOf", "runsOn",
     "storesDataIn"}
)  # fmt: skip
_CARRIES = frozenset({"contains", "grants"})


def dependents(
    relations: Iterable[Mapping[str, Any]], wanted: Collection[str]
) -> dict[str, frozenset[str]]:
    """Return which assets rely directly on each wanted one, by the records of `relations`.

    Who `dependsOn`, `runsOn`, `storesDataIn` ... another relies on it; what another `contains`, or
    what it `grants` rights to, relies on the container and on the one that grants.
    """
    found: dict[str, set[str]] = {}
    for row in relations:
        kind = row["relation"]
        if kind in _RELIES_ON:
            relying, relied_on = str(row["from"]), str(row["to"])
        elif kind in _CARRIES:
            relying, relied_on = str(row["to"]), str(row["from"])
        else:
            continue
        if relied_on in wanted and relying != relied_on:
            found.setdefault(relied_on, set()).add(relying)
    return {asset: frozenset(relying) for asset, relying in found.items()}
