"""Deploy the exported definitions into another maker's AWS, take stock there, and compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from exitkit.engine.harvest import Harvest
from exitkit.engine.iac_export import iac_contents

REGION, ACCOUNT = "eu-west-1", "123456789012"
WANTED = (
    "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::InternetGateway", "AWS::EC2::RouteTable",
    "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress",
    "AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::ManagedPolicy",
    "AWS::IAM::InstanceProfile", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table",
)  # fmt: skip
"""What goes there and back: network, access, buckets and tables."""
NOT_THERE = ("AWS::IAM::Group", "AWS::EC2::SecurityGroupIngress")
"""Types that the CloudFormation of the other maker lacks: the test makes them by their calls."""
BORN_WITH = ("172.31.", "00000001")
"""What shows that a thing belongs to the default network of an account, here and there."""
LOST = {
    # The other maker's CloudFormation drops these without a word.
    "BucketExitData": ["LifecycleConfiguration", "Tags"],
    "ManagedPolicyReadData": ["Description"],
    # The first maker's answers leave this one out.
    "SubnetBack": ["EnableDns64"],
    "SubnetFront": ["EnableDns64"],
}
"""What differs after the journey, and nothing else may."""
Client = Callable[[str], Any]
Resources = dict[str, Any]


@pytest.fixture(scope="module")
def left(harvest: Harvest) -> Resources:
    return wanted(harvest)


@pytest.fixture(scope="module")
def arrived(
    left: Resources,
    second_aws: str,
    client_at: Callable[[str], Client],
    collect_at: Callable[[str], Harvest],
) -> Resources:
    """Deploy what was exported, and export what is there then."""
    client = client_at(second_aws)
    deploy(left, client)
    return wanted(collect_at(second_aws))


def wanted(harvest: Harvest) -> Resources:
    """Return the resources to create of an account, without what it was born with."""
    found: Resources = {}
    for one in iac_contents(harvest.assets.in_order(), {ref.native_type for ref in harvest.assets}):
        if "/create-" in one.path:
            assert isinstance(one.body, bytes)
            found |= json.loads(one.body)["Resources"]
    return {
        name: row
        for name, row in found.items()
        if row["Type"] in WANTED and not any(mark in name + str(row) for mark in BORN_WITH)
    }


def deploy(resources: Resources, client: Client) -> None:
    """Make everything: in one stack what the other maker knows, the rest by its calls."""
    known = {name: row for name, row in resources.items() if row["Type"] not in NOT_THERE}
    groups = {name: row for name, row in resources.items() if row["Type"] == "AWS::IAM::Group"}
    names = {name: row["Properties"]["GroupName"] for name, row in groups.items()}
    for name in names.values():
        client("iam").create_group(GroupName=name)
    cloudformation = client("cloudformation")
    body = json.dumps({"Resources": resolved(known, names)})
    cloudformation.create_stack(
        StackName="back", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="back", WaiterConfig={"Delay": 1, "MaxAttempts": 100}
    )
    rows = cloudformation.describe_stack_resources(StackName="back")["StackResources"]
    ids = {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}
    for row in groups.values():
        for policy in resolved(row["Properties"], ids).get("ManagedPolicyArns", []):
            client("iam").attach_group_policy(
                GroupName=row["Properties"]["GroupName"], PolicyArn=policy
            )
    for row in resources.values():
        if row["Type"] == "AWS::EC2::SecurityGroupIngress":
            allow(client("ec2"), resolved(row["Properties"], ids))


def allow(ec2: Any, rule: Mapping[str, Any]) -> None:
    pair = {"GroupId": rule["SourceSecurityGroupId"], "UserId": ACCOUNT}
    permission = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort")}
    ec2.authorize_security_group_ingress(
        GroupId=rule["GroupId"], IpPermissions=[{**permission, "UserIdGroupPairs": [pair]}]
    )


def resolved(value: Any, ids: Mapping[str, str]) -> Any:
    """Put ids in place of the references that the stack does not resolve."""
    if isinstance(value, dict):
        (name, target), *rest = [*value.items(), ("", "")]
        if not rest[:-1] and name == "Ref" and target in ids:
            return ids[target]
        if not rest[:-1] and name == "Fn::GetAtt" and target[0] in ids:
            return ids[target[0]]
        return {name: resolved(part, ids) for name, part in value.items()}
    return [resolved(part, ids) for part in value] if isinstance(value, list) else value


def test_network_access_buckets_and_tables_come_back_as_they_left(
    left: Resources, arrived: Resources
) -> None:
    assert {row["Type"] for row in left.values()} == {*WANTED}
    assert sorted(arrived) == sorted(left)
    different = {
        key: {name: (before.get(name), after.get(name)) for name in {**before, **after}
              if before.get(name) != after.get(name)}
        for key, row in left.items()
        if (before := row.get("Properties", {})) != (after := arrived[key].get("Properties", {}))
    }  # fmt: skip
    assert {key: sorted(members) for key, members in different.items()} == LOST
