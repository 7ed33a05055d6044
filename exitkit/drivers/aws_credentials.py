"""Make sessions as the SDK would, in the right partition, that take roles and renew themselves."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from exitkit.drivers.aws_clients import CONNECT_S, create_client, reading_session
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_partitions import (
    STANDARD,
    first_region,
    partition_of,
    partition_of_arn,
    partition_of_patterns,
)
from exitkit.ports import Limits, Source

SESSION_NAME = "exitkit"
_creating = threading.Lock()
"""Many roles are taken from one session at a time, and it is not documented as thread-safe."""


@dataclass(frozen=True, slots=True)
class Opener:
    """What all accounts of a source have in common when they are opened.

    `partition` is empty where neither the settings nor a role say which one is meant.
    """

    loader: ReadOnlyLoader
    environ: Mapping[str, str]
    endpoint_url: str | None
    partition: str
    limits: Limits

    def session(self, entry: Mapping[str, str]) -> botocore.session.Session:
        """Make the session of an entry of `accounts:`, in its role where it names one."""
        base = self._session(entry.get("profile"))
        role = entry.get("role_arn")
        return self.in_role(base, role, entry.get("external_id")) if role else base

    def _session(self, profile: str | None) -> botocore.session.Session:
        """Make a session as the SDK would in `environ`, with our loader and text timestamps."""
        profile = profile or self.environ.get("AWS_PROFILE")
        session = botocore.session.Session(profile=profile)
        for variable, name in (
            ("config_file", "AWS_CONFIG_FILE"),
            ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE"),
        ):
            if name in self.environ:
                session.set_config_variable(variable, self.environ[name])
        if "AWS_ACCESS_KEY_ID" in self.environ and not profile:
            session.set_credentials(
                self.environ["AWS_ACCESS_KEY_ID"],
                self.environ.get("AWS_SECRET_ACCESS_KEY", ""),
                self.environ.get("AWS_SESSION_TOKEN"),
            )
        return reading_session(session, self.loader)

    def in_role(
        self, base: botocore.session.Session, role: str, external_id: str | None
    ) -> botocore.session.Session:
        """Return a session that acts as `role` and renews itself, however long the run takes."""
        arguments = {"RoleSessionName": SESSION_NAME}
        if external_id:
            arguments["ExternalId"] = external_id
        region = self.region(base, partition_of_arn(role))

        def create(service: str, **settings: Any) -> Any:
            config = Config(
                connect_timeout=CONNECT_S,
                read_timeout=self.limits.call_deadline_s,
                retries={"mode": "standard", "total_max_attempts": 3},
            )
            given = {"region_name": region, "endpoint_url": self.endpoint_url, "config": config}
            with _creating:
                return base.create_client(service, **{**given, **settings})

        fetcher = AssumeRoleCredentialFetcher(
            create, base.get_credentials(), role, arguments, cache=_Nothing()
        )
        credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        session = reading_session(botocore.session.Session(), self.loader)
        session.set_config_variable("region", region)
        session.register_component(
            "credential_provider", CredentialResolver([_AssumedRole(credentials)])
        )
        return session

    def region(self, session: botocore.session.Session, partition: str = "") -> str:
        """Return the region to ask first: the one named, if it is of the partition meant."""
        named = self.environ.get("AWS_REGION") or self.environ.get("AWS_DEFAULT_REGION")
        named = named or session.get_config_variable("region")
        partition = partition or self.partition
        if named and partition in ("", partition_of(named)):
            return str(named)
        return first_region(partition or STANDARD)

    def caller(self, session: botocore.session.Session, region: str) -> Mapping[str, Any]:
        """Ask whose credentials these are: the one call that needs no permission at all."""
        client = create_client(session, "sts", region, self.endpoint_url, self.limits)
        try:
            answer: Mapping[str, Any] = client.get_caller_identity()
            return answer
        finally:
            client.close()


def opener_of(
    source: Source, loader: ReadOnlyLoader, environ: Mapping[str, str], limits: Limits
) -> Opener:
    """Read from the settings what all accounts of the source have in common."""
    endpoint = source.settings.get("endpoint_url") or environ.get("AWS_ENDPOINT_URL")
    partition = partition_of_patterns(source.settings.get("regions") or ())
    return Opener(loader, environ, endpoint, partition, limits)


class _Nothing(dict[str, Any]):
    """A cache that keeps nothing: credentials that AWS calls expired must not come back."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Forget it."""


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    METHOD = "exitkit-assume-role"

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> DeferredRefreshableCredentials:
        return self._credentials
