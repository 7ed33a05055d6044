"""Networks and roles move from one implementation of AWS to another, and leave it again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.demo.second_aws import ACCOUNT_ID, SecondAws, running_second_aws
from exitkit.drivers.ansible_collections import fetch_collections
from exitkit.model.asset import Asset, Ref
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.cloud_network import CloudNetworkRestorer
from exitkit.restorers.secrets import SecretsRestorer
from exitkit.steps.restore import RestoreStep

SOURCE_ACCOUNT = "123456789012"
ASSETS = {"native_type": "AWS::*", "names": ["*"]}
PARAMS = {
    "what": "cloud-network", "target": "sandbox", "assets": ASSETS,
    "rename": "{name}-rehearsal", "canary_pattern": "EXITKIT-CANARY-[A-Z]+",
}  # fmt: skip
STEP = Step("restore-network", "restore", PARAMS)


@pytest.fixture(scope="module")
def second() -> Iterator[SecondAws]:
    fetch_collections()
    with running_second_aws() as running:
        yield running


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What a collector finds in an account with two groups that name each other."""
    spool = tmp_path_factory.mktemp("spool")
    with aws_account.running() as account:
        seed(account)
        services = ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups",
                    "iam:GetAccountAuthorizationDetails"]  # fmt: skip
        settings = {"endpoint_url": account.endpoint_url, "regions": ["eu-west-1"],
                    "services": services}  # fmt: skip
        context = Context(dt.datetime(2026, 11, 20, tzinfo=dt.UTC), spool, b"k" * 32, account.admin)
        return list(AwsCollector().collect(Source("prod", "aws", settings, spool), context))


def seed(account: aws_account.AwsAccount) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service, region_name="eu-west-1", endpoint_url=account.endpoint_url,
            aws_access_key_id=account.admin["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=account.admin["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    ec2, iam = client("ec2"), client("iam")
    tags = [{"Key": "Name", "Value": "crm"}, {"Key": "note", "Value": "EXITKIT-CANARY-NETWORK"},
            {"Key": "hostile", "Value": "{{ lookup('pipe', 'touch /tmp/was-run') }}"}]  # fmt: skip
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=tags)
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone="eu-west-1b")
    web, db = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("web", "db")
    )
    everyone = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}  # fmt: skip
    for group, port, peers in (
        (web, 443, everyone),
        (web, 9100, {"UserIdGroupPairs": [{"GroupId": db}]}),
        (db, 5432, {"UserIdGroupPairs": [{"GroupId": web}, {"GroupId": db}]}),
    ):
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}],
        )
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"AWS": f"arn:aws:iam::{SOURCE_ACCOUNT}:root"}}  # fmt: skip
    iam.create_role(
        RoleName="worker", Path="/crm/", Tags=[{"Key": "note", "Value": "EXITKIT-CANARY-ROLE"}],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )  # fmt: skip
    for name, action in (("own", "sqs:*"), ("inline", "s3:GetObject")):
        allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        if name == "own":
            arn = iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
            iam.attach_role_policy(RoleName="worker", PolicyArn=arn)
        else:
            iam.put_role_policy(RoleName="worker", PolicyName=name, PolicyDocument=text)


@pytest.fixture
def target(second: SecondAws, tmp_path: Path) -> Target:
    return Target("sandbox", "aws", second.settings, tmp_path)


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_network_is_built_twice_alike_read_back_and_taken_away(
    second: SecondAws,
    target: Target,
    found: list[Finding],
    bundle_of: Callable[..., Path],
    context_of: Callable[..., StepContext],
) -> None:
    restorer = CloudNetworkRestorer()
    said: list[str] = []
    context = replace(
        context_of(bundle_of(found), {"sandbox": target}, second.environ), progress=said.append
    )
    before = restorer.inventory(target, context.environ)
    outcome = restorer.restore(STEP, target, context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert outcome.metrics["first_run_changed"]
    assert outcome.metrics["second_run_changed"] == 0
    assert outcome.measurements[0].items == outcome.metrics["items_restored"] == 7
    assert outcome.measurements[0].duration_ms > 0
    assert "cloud: Build the roles: changed" in said

    compare = replace(STEP, kind="compare")
    same = restorer.compare(compare, target, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0, same.items
    assert (same.metrics["canaries_expected"], same.metrics["canaries_found"]) == (2, 2)
    assert any("made by the provider in every account" in loss for loss in same.losses)
    assert not Path("/tmp/was-run").exists()

    iam = client_of(second, "iam")
    role = iam.get_role(RoleName="worker-rehearsal")["Role"]
    assert ACCOUNT_ID in json.dumps(role["AssumeRolePolicyDocument"])
    assert SOURCE_ACCOUNT not in json.dumps(role["AssumeRolePolicyDocument"])

    again = restorer.restore(STEP, target, context_of(context.bundle, {}, second.environ, "other"))
    assert again.status is StepStatus.FAILED
    assert "is not ours" in again.message
    iam.delete_role_policy(RoleName="worker-rehearsal", PolicyName="inline")
    [broken] = [
        item
        for item in restorer.compare(compare, target, context).items
        if item.result == "different"
    ]
    assert (broken.item, broken.detail) == ("role worker-rehearsal", "other inline")

    assert secret_files(context, second) == []
    restorer.undo(STEP, {}, target, context)
    assert restorer.inventory(target, context.environ) == before
    assert restorer.undo(STEP, {}, target, context).message == "it is gone already"


def secret_files(context: StepContext, second: SecondAws) -> list[Path]:
    secret = second.environ["SANDBOX_AWS_SECRET"].encode()
    return [
        path for path in context.attempt_dir.rglob("*")
        if path.is_file() and secret in path.read_bytes()
    ]  # fmt: skip


def client_of(second: SecondAws, service: str) -> Any:
    return boto3.client(
        service, region_name="eu-central-1", endpoint_url=second.endpoint_url,
        aws_access_key_id=ACCOUNT_ID, aws_secret_access_key="x",
    )  # fmt: skip


def test_a_target_is_told_by_its_account_and_its_address(second: SecondAws, target: Target) -> None:
    assert CloudNetworkRestorer().identities(target, second.environ) == {
        f"aws-account:{ACCOUNT_ID}", f"endpoint:{second.endpoint_url}",
    }  # fmt: skip


def test_an_account_behind_another_address_is_the_same_account(
    second: SecondAws, target: Target, tmp_path: Path
) -> None:
    elsewhere = second.endpoint_url.replace("127.0.0.1", "localhost")
    source = Source("prod", "aws", {"endpoint_url": elsewhere, "regions": ["eu-west-1"]}, tmp_path)
    environ = {"AWS_ACCESS_KEY_ID": ACCOUNT_ID, "AWS_SECRET_ACCESS_KEY": "x"}
    context = Context(dt.datetime(2026, 11, 20, tzinfo=dt.UTC), tmp_path, b"k" * 32, environ)
    theirs = AwsCollector().identities(source, context)
    ours = CloudNetworkRestorer().identities(target, second.environ)
    assert theirs & ours == {f"aws-account:{ACCOUNT_ID}"}


def test_secrets_get_fresh_values_in_the_other_account_and_leave_again(
    second: SecondAws,
    target: Target,
    bundle_of: Callable[..., Path],
    context_of: Callable[..., StepContext],
    tmp_path: Path,
) -> None:
    client = client_of(second, "secretsmanager")
    client.create_secret(Name="theirs", SecretString="was here before")
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    findings = [
        Asset(Ref("aws", SOURCE_ACCOUNT, "eu-west-1", "AWS::SecretsManager::Secret", f"arn:{name}"),
              "secret", name, {"Name": name}, now)
        for name in ("crm/db", "EXITKIT-CANARY-SECRET")
    ]  # fmt: skip
    assets = {"native_type": "AWS::SecretsManager::Secret", "names": ["*"]}
    step = Step("secrets", "restore", {**PARAMS, "what": "secrets", "assets": assets})
    context = context_of(bundle_of(findings), {"sandbox": target}, second.environ)
    restorer = SecretsRestorer()
    before = restorer.inventory(target, second.environ)
    assert [line.split(" version ")[0] for line in before] == ["secret theirs"]
    outcome = RestoreStep().run(step, context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    same = restorer.compare(step, target, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0
    assert (same.metrics["canaries_expected"], same.metrics["canaries_found"]) == (1, 1)
    assert len(same.proofs) == 2
    values = [
        client.get_secret_value(SecretId=f"{name}-rehearsal")["SecretString"]
        for name in ("crm/db", "EXITKIT-CANARY-SECRET")
    ]
    said = repr((outcome, same)) + "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )
    assert len({*values}) == 2
    assert not [value for value in values if value in said]
    other = context_of(context.bundle, {"sandbox": target}, second.environ, "another/step")
    assert "is not ours" in RestoreStep().run(step, other).message
    restorer.undo(step, {"names": ["theirs", "crm/db-rehearsal"]}, target, other)
    assert len(restorer.inventory(target, second.environ)) == 3, "only the maker's undo removes"
    restorer.undo(step, {}, target, context)
    assert restorer.inventory(target, second.environ) == before
