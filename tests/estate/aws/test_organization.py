"""Take stock of an AWS organization on loopback: every account is looked at or has its line."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for, caller_policy, policy_documents
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Finding, Source

LEAD = "123456789012"
ROLE = "OrganizationAccountAccessRole"
REGION = "eu-west-1"
SERVICES = ["sqs:ListQueues"]
NAMES = ("shop", "warehouse", "closed", "locked", "sandbox-1", "elsewhere")


@dataclass(frozen=True, slots=True)
class Organization:
    """What was built: account ids by name, a unit, and the keys of who may look."""

    endpoint: str
    ids: dict[str, str]
    unit: str
    keys: dict[str, str]
    keys_of_shop: dict[str, str]


def client(service: str, account: aws_account.AwsAccount, keys: dict[str, str]) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=account.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


def put_into(account: aws_account.AwsAccount, admin: dict[str, str], member: str) -> dict[str, str]:
    """Give the account a queue, and its role exactly what the policy says; return its keys."""
    role = f"arn:aws:iam::{member}:role/{ROLE}"
    sts = client("sts", account, admin)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
    client("sqs", account, keys).create_queue(QueueName=f"orders-{member}")
    documents = policy_documents(actions_for(load_catalog(), SERVICES))
    for number, document in enumerate(documents):
        client("iam", account, keys).put_role_policy(
            RoleName=ROLE, PolicyName=f"read-{number}", PolicyDocument=json.dumps(document)
        )
    return environment(keys)


def environment(keys: dict[str, str]) -> dict[str, str]:
    names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
    names["SessionToken"] = "AWS_SESSION_TOKEN"
    return {variable: keys[name] for name, variable in names.items() if name in keys}


@pytest.fixture(scope="module")
def organization() -> Iterator[Organization]:
    with aws_account.running() as account:
        admin = {
            "AccessKeyId": account.admin["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": account.admin["AWS_SECRET_ACCESS_KEY"],
        }
        aws = client("organizations", account, admin)
        aws.create_organization(FeatureSet="ALL")
        root = aws.list_roots()["Roots"][0]["Id"]
        upper = aws.create_organizational_unit(ParentId=root, Name="business")
        unit = upper["OrganizationalUnit"]["Id"]
        lower = aws.create_organizational_unit(ParentId=unit, Name="production")
        inner = lower["OrganizationalUnit"]["Id"]
        ids, keys_in = {}, {}
        for name in NAMES:
            made = aws.create_account(AccountName=name, Email=f"{name}@example.org", RoleName=ROLE)
            ids[name] = made["CreateAccountStatus"]["AccountId"]
            keys_in[name] = put_into(account, admin, ids[name])
            parent = root if name == "elsewhere" else inner
            if parent != root:
                aws.move_account(
                    AccountId=ids[name], SourceParentId=root, DestinationParentId=parent
                )
        aws.close_account(AccountId=ids["closed"])
        iam = client("iam", account, admin)
        iam.create_user(UserName="collector")
        own = [caller_policy(load_catalog(), ROLE)]
        own += policy_documents(actions_for(load_catalog(), SERVICES))
        locked = f"arn:aws:iam::{ids['locked']}:role/{ROLE}"
        deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": locked}
        own.append({"Version": "2012-10-17", "Statement": [deny]})
        for number, document in enumerate(own):
            iam.put_user_policy(
                UserName="collector", PolicyName=f"p{number}", PolicyDocument=json.dumps(document)
            )
        client("sqs", account, admin).create_queue(QueueName="lead")
        key = iam.create_access_key(UserName="collector")["AccessKey"]
        aws_account.enforce(account)
        yield Organization(account.endpoint_url, ids, unit, environment(key), keys_in["shop"])


def context_of(folder: Path, keys: dict[str, str]) -> Context:
    return Context(dt.datetime(2026, 11, 20, tzinfo=dt.UTC), folder, b"k" * 32, keys)


def collected(
    organization: Organization,
    folder: Path,
    beside: list[dict[str, str]] | None = None,
    keys: dict[str, str] | None = None,
    **settings: Any,
) -> list[Finding]:
    given = {
        "endpoint_url": organization.endpoint,
        "regions": [REGION],
        "services": SERVICES,
        "accounts": beside or [],
        "organization": {"role_name": ROLE, **settings},
    }
    context = context_of(folder, keys or organization.keys)
    return list(AwsCollector().collect(Source("org", "aws", given, folder), context))


def scopes(findings: list[Finding]) -> list[str]:
    return sorted(finding.ref.scope for finding in findings if isinstance(finding, Asset))


def lines_of(findings: list[Finding], scope: str) -> list[Call]:
    return [f for f in findings if isinstance(f, Call) and f.scope == scope]


@pytest.fixture(scope="module")
def findings(organization: Organization, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    return collected(organization, tmp_path_factory.mktemp("all"), exclude=["sandbox-*"])


def test_every_account_that_can_be_entered_is_taken_stock_of_once(
    findings: list[Finding], organization: Organization
) -> None:
    wanted = [organization.ids[name] for name in ("shop", "warehouse", "elsewhere")]
    assert scopes(findings) == sorted([LEAD, *wanted])


def test_the_listing_counts_every_account(findings: list[Finding]) -> None:
    (listing,) = [
        f for f in findings if isinstance(f, Call) and f.operation == "organizations:ListAccounts"
        and f.outcome is CallOutcome.COLLECTED
    ]  # fmt: skip
    assert (listing.scope, listing.count) == (LEAD, len(NAMES) + 1)


def test_a_suspended_account_is_excluded_with_its_reason(
    findings: list[Finding], organization: Organization
) -> None:
    (line,) = lines_of(findings, organization.ids["closed"])
    assert line.outcome is CallOutcome.EXCLUDED
    assert line.reason.startswith("closed: the account is SUSPENDED")


def test_an_account_whose_role_cannot_be_taken_is_refused_and_names_the_role(
    findings: list[Finding], organization: Organization
) -> None:
    (line,) = lines_of(findings, organization.ids["locked"])
    assert (line.outcome, line.permission) == (CallOutcome.REFUSED, "sts:AssumeRole")
    assert line.reason.startswith(f"arn:aws:iam::{organization.ids['locked']}:role/{ROLE}: ")


def test_an_account_left_out_by_its_name_is_excluded_with_the_pattern(
    findings: list[Finding], organization: Organization
) -> None:
    (line,) = lines_of(findings, organization.ids["sandbox-1"])
    assert line.outcome is CallOutcome.EXCLUDED
    assert '"sandbox-*"' in line.reason


def test_nothing_but_the_locked_account_is_open(findings: list[Finding]) -> None:
    assert [f.operation for f in findings if isinstance(f, Call) and f.is_open] == [
        "sts:AssumeRole"
    ]


def test_a_unit_stands_for_the_accounts_in_the_units_below_it(
    organization: Organization, tmp_path: Path
) -> None:
    units = [organization.unit]
    found = collected(organization, tmp_path, organizational_units=units, exclude=["locked"])
    assert scopes(found) == sorted(
        organization.ids[name] for name in ("shop", "warehouse", "sandbox-1")
    )
    (line,) = lines_of(found, organization.ids["elsewhere"])
    assert "organizational_units" in line.reason


def test_ids_and_names_are_patterns_alike(organization: Organization, tmp_path: Path) -> None:
    wanted = ["ware*", organization.ids["shop"][:-1] + "?"]
    assert scopes(collected(organization, tmp_path, accounts=wanted)) == sorted(
        organization.ids[name] for name in ("shop", "warehouse")
    )


def test_a_rehearsal_may_write_to_no_account_of_the_organization(
    organization: Organization, tmp_path: Path
) -> None:
    given = {"endpoint_url": organization.endpoint, "organization": {"role_name": ROLE}}
    context = context_of(tmp_path, organization.keys)
    names = AwsCollector().identities(Source("org", "aws", given, tmp_path), context)
    assert {f"aws-account:{one}" for one in (LEAD, *organization.ids.values())} <= names


def test_an_account_named_beside_the_organization_is_opened_once(
    organization: Organization, tmp_path: Path
) -> None:
    role = f"arn:aws:iam::{organization.ids['shop']}:role/{ROLE}"
    found = collected(organization, tmp_path, beside=[{"role_arn": role}], accounts=["shop"])
    assert scopes(found) == [organization.ids["shop"]]


def test_who_may_not_list_the_organization_is_told_which_permission_is_missing(
    organization: Organization, tmp_path: Path
) -> None:
    found = collected(organization, tmp_path, keys=organization.keys_of_shop)
    (line,) = found
    assert isinstance(line, Call)
    assert (line.operation, line.outcome) == ("organizations:ListAccounts", CallOutcome.REFUSED)
    assert line.permission == "organizations:ListAccounts"
