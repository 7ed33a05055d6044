"""Open every account of a source, and account for each one that could not be opened."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import botocore.session

from exitkit.drivers.aws_calls import Failure, one_answer
from exitkit.drivers.aws_clients import create_client
from exitkit.drivers.aws_credentials import Opener, opener_of
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_organization import LIST, Member, Wanted, members, wanted_of
from exitkit.drivers.aws_partitions import partition_of_arn
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits, Source

IDENTITY = "sts:GetCallerIdentity"
ROLE = "sts:AssumeRole"


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account somebody let us read.

    `session` is shared by all clients; creating one is not documented as thread-safe, hence `lock`.
    `opened_by` are entries of `accounts:`; each but the first is a role taken from the one before.
    """

    id: str
    partition: str
    region: str
    endpoint_url: str | None
    session: botocore.session.Session = field(repr=False, compare=False)
    lock: threading.Lock = field(repr=False, compare=False, default_factory=threading.Lock)
    opened_by: tuple[Mapping[str, str], ...] = ({},)

    def client(self, service: str, region: str, limits: Limits) -> Any:
        """Return a new client; close it when its work is done."""
        with self.lock:
            return create_client(self.session, service, region, self.endpoint_url, limits)


Opened = Account | Call
"""An account, or the ledger line of one that is not opened; or of the call that listed them."""

_opened: dict[str, list[Opened]] = {}
_opened_lock = threading.Lock()


def open_accounts(source: Source, environ: Mapping[str, str], limits: Limits) -> list[Opened]:
    """Open every account the settings name; one named twice is opened once.

    Extractors ask for the same source again and again: the answer is kept for the process.
    """
    credentials = sorted(item for item in environ.items() if item[0].startswith("AWS_"))
    key = repr((source.id, source.settings, credentials))
    with _opened_lock:
        if key not in _opened:
            _opened[key] = list(_once_each(_open_each(source, environ, limits)))
        return _opened[key]


def account_of(source: Source, scope: str, environ: Mapping[str, str], limits: Limits) -> Account:
    """Return the account an asset of this source was found in."""
    opened = open_accounts(source, environ, limits)
    return next(one for one in opened if isinstance(one, Account) and one.id == scope)


def reopened(
    source: Source,
    environ: Mapping[str, str],
    limits: Limits,
    account: Mapping[str, Any],
) -> Account:
    """Open an account once more in another process, which is known to open."""
    loader = ReadOnlyLoader(load_catalog().read_set(), environ)
    opener = opener_of(source, loader, environ, limits)
    session = opener.session(account["opened_by"][0])
    for entry in account["opened_by"][1:]:
        session = opener.in_role(session, entry["role_arn"], entry["external_id"] or None)
    known = account["id"], account["partition"], account["region"]
    return Account(*known, opener.endpoint_url, session)


def _once_each(found: Iterator[Opened]) -> Iterator[Opened]:
    seen = set()
    for one in found:
        if isinstance(one, Call) or one.id not in seen:
            yield one
        if isinstance(one, Account):
            seen.add(one.id)


def _open_each(source: Source, environ: Mapping[str, str], limits: Limits) -> Iterator[Opened]:
    loader = ReadOnlyLoader(load_catalog().read_set(), environ)
    opener = opener_of(source, loader, environ, limits)
    organization = wanted_of(source.settings)
    for entry in source.settings.get("accounts") or ([] if organization else [{}]):
        yield _open(entry, opener, source.id)
    if organization:
        yield from _open_organization(organization, opener, source.id)


def _open(entry: Mapping[str, str], opener: Opener, source: str) -> Opened:
    """Open an entry of `accounts:`, and find out which account that is."""
    name = ",".join(f"{key}={value}" for key, value in sorted(entry.items())) or "default"
    role = entry.get("role_arn", "")

    def identity() -> tuple[botocore.session.Session, str, Mapping[str, Any]]:
        session = opener.session(entry)
        region = opener.region(session, partition_of_arn(role) if role else "")
        return session, region, opener.caller(session, region)

    # Where there is a role, taking it is what can fail.
    operation = ROLE if role else IDENTITY
    answer = one_answer(identity, operation)
    if isinstance(answer, Failure):
        return _not_opened(source, name, operation, answer, role)
    session, region, caller = answer
    if entry.get("account_id", caller["Account"]) != caller["Account"]:
        reason = f"these credentials are those of account {caller['Account']}"
        return Call(source, name, "", IDENTITY, CallOutcome.REFUSED, reason=reason)
    partition = partition_of_arn(caller["Arn"])
    return Account(
        caller["Account"], partition, region, opener.endpoint_url, session, opened_by=(entry,)
    )


def _open_organization(wanted: Wanted, opener: Opener, source: str) -> Iterator[Opened]:
    """Open the accounts of an organization side by side; whatever goes wrong, the others go on."""
    lead = _open({"profile": wanted.profile} if wanted.profile else {}, opener, source)
    if isinstance(lead, Call):
        yield lead
        return
    home = load_catalog().services["organizations"].home.get(lead.partition, lead.region)
    client = lead.client("organizations", home, opener.limits)
    found: list[Member] = []
    try:
        for one in members(client, wanted):
            if isinstance(one, Member):
                found.append(one)
            else:
                operation, failure = one
                yield _not_opened(source, lead.id, operation, failure, "")
    finally:
        client.close()
    if found:
        yield Call(source, lead.id, "", LIST, CallOutcome.COLLECTED, len(found))
    with ThreadPoolExecutor(opener.limits.workers) as pool:
        yield from pool.map(lambda member: _enter(member, lead, wanted, opener, source), found)


def _enter(member: Member, lead: Account, wanted: Wanted, opener: Opener, source: str) -> Opened:
    """Take the role in one account of the organization, unless it is the one we are in."""
    role = wanted.role_arn(lead.partition, member.id)
    if member.reason:
        reason = f"{member.name}: {member.reason}" if member.name else member.reason
        return Call(source, member.id, "", ROLE, CallOutcome.EXCLUDED, binding=role, reason=reason)
    if member.id == lead.id:
        return lead

    def identity() -> tuple[botocore.session.Session, Mapping[str, Any]]:
        with lead.lock:
            session = opener.in_role(lead.session, role, wanted.external_id or None)
        return session, opener.caller(session, lead.region)

    answer = one_answer(identity, ROLE)
    if isinstance(answer, Failure):
        return _not_opened(source, member.id, ROLE, answer, role)
    entry = {"role_arn": role, "external_id": wanted.external_id}
    return Account(
        member.id, lead.partition, lead.region, lead.endpoint_url, answer[0],
        opened_by=(*lead.opened_by, entry),
    )  # fmt: skip


def _not_opened(source: str, scope: str, operation: str, failure: Failure, role: str) -> Call:
    reason = f"{role}: {failure.reason}" if role else failure.reason
    return Call(
        source, scope, "", operation, failure.outcome,
        binding=role, permission=failure.permission, reason=reason,
    )  # fmt: skip
