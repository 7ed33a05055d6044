"""Ask the directory when each user signed in last, which no role assignment tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.drivers.azure import Answer, DirectoryReader
from exitkit.drivers.azure_access import day_of

OPERATION = "Microsoft.Graph/users/signInActivity:GET"
PERMISSION = "AuditLog.Read.All, User.Read.All"
PATH = "/v1.0/users?$select=id,signInActivity&$top=500"
UNLICENSED = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
TIMES = ("lastSignInDateTime", "lastNonInteractiveSignInDateTime", "lastSuccessfulSignInDateTime")


@dataclass(frozen=True, slots=True)
class SignIns:
    """The day of the last sign-in by object id, and the answer that ended the list."""

    days: Mapping[str, dt.date]
    users: int
    last: Answer

    @property
    def is_unlicensed(self) -> bool:
        """Whether the tenant has no license that keeps sign-ins."""
        return self.last.code == UNLICENSED


def sign_ins_of(directory: DirectoryReader) -> SignIns:
    """Read the users of the directory with their last sign-in, by whatever way they came in."""
    days: dict[str, dt.date] = {}
    users = 0
    last = Answer(0, {})
    for last in directory.listed(PATH):
        for row in last.body.get("value", ()) if last.status == 200 else ():
            users += 1
            if day := _day(row.get("signInActivity")):
                days[str(row.get("id")).lower()] = day
    return SignIns(days, users, last)


def _day(activity: Any) -> dt.date | None:
    told = activity if isinstance(activity, Mapping) else {}
    return max(filter(None, (day_of(told.get(member)) for member in TIMES)), default=None)
