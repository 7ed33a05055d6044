"""Find the accounts of an organization, and say of each one left out why it was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from exitkit.drivers.aws_calls import Failure, one_answer, pages

LIST = "organizations:ListAccounts"
LIST_BELOW = "organizations:ListAccountsForParent"
ACTIVE = "ACTIVE"
MOST_UNITS = 2_000
"""An organization holds at most 2,000 units by default; more is an answer that goes in circles."""


@dataclass(frozen=True, slots=True)
class Member:
    """One account of an organization; `reason` says why it is not opened, if it is not."""

    id: str
    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The `organization:` setting of a source."""

    role_name: str
    external_id: str = ""
    profile: str = ""
    accounts: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()
    organizational_units: Sequence[str] = ()

    def role_arn(self, partition: str, account: str) -> str:
        """Return the role in one of the accounts; a name may hold the path of the role."""
        return f"arn:{partition}:iam::{account}:role/{self.role_name.strip('/')}"

    def why_not(self, account: Mapping[str, Any], below: frozenset[str] | None) -> str:
        """Say why an account is left out; empty where it is not."""
        names = str(account["Id"]), str(account.get("Name", ""))
        state = account.get("State") or account.get("Status") or ACTIVE
        if below is not None and names[0] not in below:
            return "left out by organization: it is in none of organizational_units:"
        if not _match(names, self.accounts):
            return "left out by organization: accounts: does not name it"
        if pattern := _match(names, self.exclude):
            return f'left out by organization: exclude: "{pattern}"'
        if state != ACTIVE:
            return f"the account is {state}: nobody can enter it until it is active again"
        return ""


def _match(names: tuple[str, ...], patterns: Sequence[str]) -> str:
    found = (p for p in patterns for name in names if fnmatchcase(name, p))
    return next(found, "")


def wanted_of(settings: Mapping[str, Any]) -> Wanted | None:
    """Return the `organization:` setting, if the source has one."""
    given = settings.get("organization")
    return Wanted(**given) if given else None


def members(client: Any, wanted: Wanted) -> Iterator[Member | tuple[str, Failure]]:
    """Yield every account of the organization in order of id; and each listing that failed."""
    listed = one_answer(lambda: _accounts(client), LIST)
    if isinstance(listed, Failure):
        yield LIST, listed
        return
    below: frozenset[str] | None = None
    if wanted.organizational_units:
        found = one_answer(lambda: _below(client, wanted.organizational_units), LIST_BELOW)
        if isinstance(found, Failure):
            yield LIST_BELOW, found
            return
        below = found
    for account in sorted(listed, key=lambda row: str(row["Id"])):
        reason = wanted.why_not(account, below)
        yield Member(str(account["Id"]), str(account.get("Name", "")), reason)


def _accounts(client: Any) -> list[Mapping[str, Any]]:
    found = pages(client, "ListAccounts", {}, lambda: None)
    return [row for page in found for row in page["Accounts"]]


def _below(client: Any, units: Sequence[str]) -> frozenset[str]:
    """Return the accounts in these units and in the units within them."""
    waiting, seen = list(units), set(units)
    found: set[str] = set()
    while waiting:
        parent = {"ParentId": waiting.pop()}
        for page in pages(client, "ListAccountsForParent", parent, lambda: None):
            found.update(str(row["Id"]) for row in page["Accounts"])
        for page in pages(client, "ListOrganizationalUnitsForParent", parent, lambda: None):
            inner = {str(row["Id"]) for row in page["OrganizationalUnits"]} - seen
            seen |= inner
            waiting += sorted(inner)
        if len(seen) > MOST_UNITS:
            raise ValueError(f"more than {MOST_UNITS} organizational units")
    return frozenset(found)
