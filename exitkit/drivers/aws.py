"""Open AWS accounts with the SDK's own rules for credentials, and make clients that only read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from exitkit.drivers.aws_calls import Failure, one_answer
from exitkit.drivers.aws_clients import create_client, reading_session
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.ledger import CallOutcome
from exitkit.ports import Limits, Source

HOME_REGION = "us-east-1"
SESSION_NAME = "exitkit"


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account somebody let us read.

    `session` is shared by all clients; creating one is not documented as thread-safe, hence `lock`.
    """

    id: str
    partition: str
    region: str
    endpoint_url: str | None
    session: botocore.session.Session = field(repr=False, compare=False)
    lock: threading.Lock = field(repr=False, compare=False, default_factory=threading.Lock)

    def client(self, service: str, region: str, limits: Limits) -> Any:
        """Return a new client; close it when its work is done."""
        with self.lock:
            return create_client(self.session, service, region, self.endpoint_url, limits)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry of `accounts:` that could not be opened."""

    entry: str
    failure: Failure


_opened: dict[str, list[Account | Refusal]] = {}
_opened_lock = threading.Lock()


def open_accounts(
    source: Source, environ: Mapping[str, str], limits: Limits
) -> list[Account | Refusal]:
    """Open every entry of `accounts:`; an account listed twice is opened once.

    Extractors ask for the same source again and again: the answer is kept for the process.
    """
    credentials = sorted(item for item in environ.items() if item[0].startswith("AWS_"))
    key = repr((source.id, source.settings, credentials))
    with _opened_lock:
        if key not in _opened:
            _opened[key] = list(_open_each(source, environ, limits))
        return _opened[key]


def account_of(source: Source, scope: str, environ: Mapping[str, str], limits: Limits) -> Account:
    """Return the account an asset of this source was found in."""
    opened = open_accounts(source, environ, limits)
    return next(one for one in opened if isinstance(one, Account) and one.id == scope)


def _open_each(
    source: Source, environ: Mapping[str, str], limits: Limits
) -> Iterator[Account | Refusal]:
    seen = set()
    loader = ReadOnlyLoader(load_catalog().read_set(), environ)
    endpoint = source.settings.get("endpoint_url") or environ.get("AWS_ENDPOINT_URL")
    for entry in source.settings.get("accounts") or [{}]:
        opened = _open(entry, endpoint, loader, environ, limits)
        if isinstance(opened, Refusal):
            yield opened
        elif opened.id not in seen:
            seen.add(opened.id)
            yield opened


def _open(
    entry: Mapping[str, str],
    endpoint: str | None,
    loader: ReadOnlyLoader,
    environ: Mapping[str, str],
    limits: Limits,
) -> Account | Refusal:
    """Find out whose credentials these are: the one call that needs no permission at all."""
    name = ",".join(f"{key}={value}" for key, value in sorted(entry.items())) or "default"

    def identity() -> tuple[botocore.session.Session, str, Mapping[str, Any]]:
        session = _session(entry, loader, environ)
        if role := entry.get("role_arn"):
            session = _assumed(session, role, entry.get("external_id"), loader, environ)
        region = _region(session, environ)
        client = create_client(session, "sts", region, endpoint, limits)
        try:
            return session, region, client.get_caller_identity()
        finally:
            client.close()

    answer = one_answer(identity, "sts:GetCallerIdentity")
    if isinstance(answer, Failure):
        return Refusal(name, answer)
    session, region, caller = answer
    if entry.get("account_id", caller["Account"]) != caller["Account"]:
        reason = f"these credentials are those of account {caller['Account']}"
        return Refusal(name, Failure(CallOutcome.REFUSED, reason))
    return Account(caller["Account"], caller["Arn"].split(":")[1], region, endpoint, session)


def _session(
    entry: Mapping[str, str], loader: ReadOnlyLoader, environ: Mapping[str, str]
) -> botocore.session.Session:
    """Make a session as the SDK would in `environ`, with our loader and text timestamps."""
    profile = entry.get("profile") or environ.get("AWS_PROFILE")
    session = botocore.session.Session(profile=profile)
    for variable, name in (
        ("config_file", "AWS_CONFIG_FILE"),
        ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE"),
    ):
        if name in environ:
            session.set_config_variable(variable, environ[name])
    if "AWS_ACCESS_KEY_ID" in environ and not profile:
        session.set_credentials(
            environ["AWS_ACCESS_KEY_ID"],
            environ.get("AWS_SECRET_ACCESS_KEY", ""),
            environ.get("AWS_SESSION_TOKEN"),
        )
    return reading_session(session, loader)


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    METHOD = "exitkit-assume-role"

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> DeferredRefreshableCredentials:
        return self._credentials


def _assumed(
    base: botocore.session.Session,
    role: str,
    external_id: str | None,
    loader: ReadOnlyLoader,
    environ: Mapping[str, str],
) -> botocore.session.Session:
    """Return a session that acts as `role` and renews itself, however long the run takes."""
    arguments = {"RoleSessionName": SESSION_NAME}
    if external_id:
        arguments["ExternalId"] = external_id
    region = _region(base, environ)

    def create(service: str, **settings: Any) -> Any:
        endpoint = environ.get("AWS_ENDPOINT_URL")
        return base.create_client(
            service, **{"region_name": region, "endpoint_url": endpoint, **settings}
        )

    fetcher = AssumeRoleCredentialFetcher(create, base.get_credentials(), role, arguments)
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    session = reading_session(botocore.session.Session(), loader)
    session.register_component(
        "credential_provider", CredentialResolver([_AssumedRole(credentials)])
    )
    return session


def _region(session: botocore.session.Session, environ: Mapping[str, str]) -> str:
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return named or session.get_config_variable("region") or HOME_REGION
