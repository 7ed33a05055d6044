"""Keep fresh secrets in the store of an account that a rehearsal may write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from exitkit.drivers.aws_ground import AwsGround
from exitkit.errors import CannotRun

OWNER = "exitkit:step"
"""The tag that says which step made a secret: only that step's undo removes it."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret of the store, without its value; `version` changes whenever the value does."""

    name: str
    owner: str
    version: str


class AwsSecretStore:
    """Secrets Manager of one account."""

    def __init__(self, ground: AwsGround) -> None:
        self._client, self._who = ground.client("secretsmanager"), ground.who

    def secrets(self) -> Mapping[str, StoredSecret]:
        """Return what is in the store by name."""
        found: dict[str, StoredSecret] = {}
        with self._faults():
            for page in self._client.get_paginator("list_secrets").paginate():
                for one in page["SecretList"]:
                    found[one["Name"]] = _stored(one)
        return found

    def create(self, name: str, value: str, owner: str) -> None:
        """Make a secret that is not there yet."""
        tags = [{"Key": OWNER, "Value": owner}]
        with self._faults():
            self._client.create_secret(Name=name, SecretString=value, Tags=tags)

    def value(self, name: str) -> str:
        """Return the value of a secret that a step of ours made."""
        with self._faults():
            return str(self._client.get_secret_value(SecretId=name).get("SecretString", ""))

    def delete(self, name: str) -> None:
        """Delete a secret at once: a waiting one would still hold its name."""
        with self._faults():
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as fault:
            raise CannotRun(f"{self._who}: {fault}; check its login and permissions") from fault


def _stored(one: Mapping[str, Any]) -> StoredSecret:
    tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()}
    versions = one.get("SecretVersionsToStages") or {}
    current = next((v for v, stages in versions.items() if "AWSCURRENT" in stages), "")
    return StoredSecret(str(one["Name"]), str(tags.get(OWNER, "")), current)
