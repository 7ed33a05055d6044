"""Ask an account on loopback which regions it has, and account for those it has switched off."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Source

LIST_QUEUES = "sqs:ListQueues"


@pytest.fixture(scope="module")
def account() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as running:
        yield running


@pytest.fixture(scope="module")
def shut(account: aws_account.AwsAccount) -> dict[str, str]:
    """Make somebody who may list queues and not regions."""
    iam = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=account.endpoint_url,
        aws_access_key_id=account.admin["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=account.admin["AWS_SECRET_ACCESS_KEY"],
    )
    iam.create_user(UserName="shut")
    statement = {"Effect": "Allow", "Action": LIST_QUEUES, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="shut", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="shut")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def lines(
    account: aws_account.AwsAccount, folder: Path, regions: list[str], keys: dict[str, str]
) -> list[Call]:
    settings = {
        "endpoint_url": account.endpoint_url,
        "regions": regions,
        "services": [LIST_QUEUES],
    }
    context = Context(dt.datetime(2026, 11, 20, tzinfo=dt.UTC), folder, b"k" * 32, keys)
    found = AwsCollector().collect(Source("prod", "aws", settings, folder), context)
    return [line for line in found if isinstance(line, Call)]


def asked_in(found: list[Call]) -> list[str]:
    return sorted(line.region for line in found if line.operation == LIST_QUEUES)


def test_a_region_that_is_not_enabled_has_its_line_and_is_not_asked(
    account: aws_account.AwsAccount, tmp_path: Path
) -> None:
    found = lines(account, tmp_path, ["eu-central-*"], account.admin)
    assert asked_in(found) == ["eu-central-1"]
    (line,) = [one for one in found if one.operation.startswith("region:")]
    assert (line.operation, line.outcome) == ("region:eu-central-2", CallOutcome.EXCLUDED)
    assert "not enabled" in line.reason


def test_a_region_named_outright_that_is_not_there_keeps_the_run_from_being_clean(
    account: aws_account.AwsAccount, tmp_path: Path
) -> None:
    found = lines(account, tmp_path, ["eu-west-1", "eu-wset-2"], account.admin)
    assert asked_in(found) == ["eu-west-1"]
    (line,) = [one for one in found if one.is_open]
    assert line.operation == "region:eu-wset-2"


def test_all_regions_are_those_of_the_accounts_own_partition(
    account: aws_account.AwsAccount, tmp_path: Path
) -> None:
    regions = asked_in(lines(account, tmp_path, ["*"], account.admin))
    assert "eu-west-1" in regions
    assert not [name for name in regions if name.startswith(("cn-", "us-gov-"))]


def test_who_may_not_list_the_regions_gets_those_the_sdk_knows_and_a_refused_line(
    account: aws_account.AwsAccount, shut: dict[str, str], tmp_path: Path
) -> None:
    aws_account.enforce(account)
    try:
        found = lines(account, tmp_path, ["eu-central-*", "eu-west-1"], shut)
    finally:
        aws_account.relax(account)
    assert asked_in(found) == ["eu-central-1", "eu-central-2", "eu-west-1"]
    (line,) = [one for one in found if one.is_open]
    assert (line.operation, line.permission) == ("ec2:DescribeRegions", "ec2:DescribeRegions")
    assert "looked at every region that the settings or the SDK name" in line.reason
