"""Open an account of AWS, or of what speaks like it, that a rehearsal may write to, and read it.

What a playbook wrote is read back by other code than wrote it, on the provider's own interface.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from exitkit.assess.cloud_network import GROUP, POLICY, ROLE, SUBNET, VPC, NativeRecord
from exitkit.errors import CannotRun, InputError

FIRST_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class AwsGround:
    """One account in one region, with its login."""

    who: str
    account: str
    region: str
    endpoint_url: str
    session: boto3.session.Session = field(repr=False)

    def identities(self) -> frozenset[str]:
        """Name the account and its address in the words of `Collector.identities`."""
        names = {f"aws-account:{self.account}"}
        return frozenset(
            names | ({f"endpoint:{self.endpoint_url}"} if self.endpoint_url else set())
        )

    def environ(self) -> dict[str, str]:
        """Return what a playbook needs to reach this account, and nothing that leads elsewhere."""
        login = self.session.get_credentials()
        if login is None:
            raise CannotRun(f"{self.who}: no credentials; name `access_key_env` or `profile`")
        keys = login.get_frozen_credentials()
        environ = {
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            # Without these a module would go on to the user's own accounts.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if keys.token:
            environ["AWS_SESSION_TOKEN"] = keys.token
        return environ | ({"AWS_ENDPOINT_URL": self.endpoint_url} if self.endpoint_url else {})

    def network_records(self) -> tuple[NativeRecord, ...]:
        """Read networks, filters, policies and roles as the account describes them."""
        try:
            return tuple(self._network_records())
        except (ClientError, BotoCoreError) as fault:
            raise CannotRun(f"{self.who}: {fault}; check its login and permissions") from fault

    def _network_records(self) -> Iterator[NativeRecord]:
        ec2 = self.client("ec2")
        for native_type, operation, member in (
            (VPC, "describe_vpcs", "Vpcs"),
            (SUBNET, "describe_subnets", "Subnets"),
            (GROUP, "describe_security_groups", "SecurityGroups"),
        ):
            for page in ec2.get_paginator(operation).paginate():
                yield from (NativeRecord(native_type, one) for one in page[member])
        yield from self._identity_records(self.client("iam"))

    def _identity_records(self, iam: Any) -> Iterator[NativeRecord]:
        for page in iam.get_paginator("list_policies").paginate(Scope="Local"):
            for policy in page["Policies"]:
                version = iam.get_policy_version(
                    PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"]
                )["PolicyVersion"]
                text = {"Document": _document(version["Document"]), "IsDefaultVersion": True}
                yield NativeRecord(POLICY, {**policy, "PolicyVersionList": [text]})
        for page in iam.get_paginator("list_roles").paginate():
            for role in page["Roles"]:
                yield NativeRecord(ROLE, {**role, **_details(iam, role)})

    def client(self, service: str) -> Any:
        """Return a client of one service in this account."""
        config = Config(
            connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 4},
            inject_host_prefix=not self.endpoint_url,
        )  # fmt: skip
        return self.session.client(service, endpoint_url=self.endpoint_url or None, config=config)


def open_ground(settings: Mapping[str, Any], environ: Mapping[str, str], who: str) -> AwsGround:
    """Log in to the account of a target of type `aws` and ask whose it is."""
    endpoint = str(settings.get("endpoint_url") or "").rstrip("/")
    region = str(settings.get("region") or environ.get("AWS_REGION") or FIRST_REGION)
    try:
        session = boto3.session.Session(
            profile_name=settings.get("profile"), region_name=region, **_login(settings, environ)
        )
        sts = session.client("sts", endpoint_url=endpoint or None)
        account = str(sts.get_caller_identity()["Account"])
    except (ClientError, BotoCoreError) as fault:
        raise CannotRun(f"{who}: {fault}; check its login") from fault
    return AwsGround(who, account, region, endpoint, session)


def _login(settings: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    login = {}
    for name, key in (
        ("access_key_env", "aws_access_key_id"),
        ("secret_key_env", "aws_secret_access_key"),
        ("session_token_env", "aws_session_token"),
    ):
        variable = settings.get(name)
        if variable and not environ.get(variable):
            raise InputError(f"{variable} is not set; export the key it should hold")
        if variable:
            login[key] = environ[variable]
    return login


def _details(iam: Any, role: Mapping[str, Any]) -> dict[str, Any]:
    name = role["RoleName"]
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    inline = iam.get_paginator("list_role_policies").paginate(RoleName=name)
    return {
        "AssumeRolePolicyDocument": _document(role["AssumeRolePolicyDocument"]),
        "AttachedManagedPolicies": [one for page in attached for one in page["AttachedPolicies"]],
        "RolePolicyList": [
            {
                "PolicyName": policy,
                "PolicyDocument": _document(
                    iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                ),
            }
            for page in inline
            for policy in page["PolicyNames"]
        ],
        "Tags": iam.list_role_tags(RoleName=name).get("Tags", []),
    }


def _document(text: Any) -> Any:
    """Return a policy as a document; some makers send it as a document, some as quoted text."""
    return json.loads(unquote(text)) if isinstance(text, str) else text
