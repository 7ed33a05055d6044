"""Say who holds which role of Azure, until when, and who may take one that he does not hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exitkit.model.asset import Ref
from exitkit.model.holdings import Access

PROVIDER = "azure"
ELIGIBLE = "eligible: takes it when he wants it"
Row = Mapping[str, Any]


def assigned(
    scope: str, rows: Iterable[Row], roles: Mapping[str, str], ends: Mapping[str, dt.date]
) -> Iterator[Access]:
    """Yield the role assignments, with the day on which each ends where that is known."""
    for row in rows:
        end = ends.get(str(row.get("id")).lower())
        yield _right(scope, row.get("properties", {}), roles, end)


def eligible(scope: str, rows: Iterable[Row], roles: Mapping[str, str]) -> Iterator[Access]:
    """Yield the roles that somebody does not hold and may take (Privileged Identity Management)."""
    for row in rows:
        properties = row.get("properties", {})
        yield _right(scope, properties, roles, day_of(properties.get("endDateTime")), ELIGIBLE)


def ends_of(rows: Iterable[Row]) -> dict[str, dt.date]:
    """Return the last day of each role assignment that has one, by its id."""
    ends: dict[str, dt.date] = {}
    for row in rows:
        properties = row.get("properties", {})
        day = day_of(properties.get("endDateTime"))
        if day and (native_id := properties.get("originRoleAssignmentId")):
            ends[str(native_id).lower()] = day
    return ends


def _right(
    scope: str, properties: Row, roles: Mapping[str, str], end: dt.date | None, *via: str
) -> Access:
    principal_type = str(properties.get("principalType") or "Unknown")
    role_id = str(properties.get("roleDefinitionId", ""))
    principal = Ref(
        PROVIDER, scope, "", f"Microsoft.Graph/{principal_type}", str(properties["principalId"])
    )
    return Access(
        principal, principal_type,
        permission=roles.get(role_id.rpartition("/")[2].lower()) or role_id,
        resource=str(properties.get("scope", "")), via=(*via, role_id),
        conditions=str(properties.get("condition") or ""), expires_on=end,
    )  # fmt: skip


def day_of(instant: Any) -> dt.date | None:
    """Return the day of an instant as Azure writes it; None where it says nothing of the kind."""
    try:
        return dt.datetime.fromisoformat(str(instant or "")).date()
    except ValueError:
        return None
