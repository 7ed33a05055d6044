"""Check that every applicable aspect gets exactly one verdict, and that facts carry their own."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from exitkit.assess.exportability import verdicts
from exitkit.knowledge.kinds import aspects_of, kind_of
from exitkit.knowledge.portability import Knowledge, load_knowledge
from exitkit.model.asset import Asset, Ref
from exitkit.model.verdict import Aspect, Draft, Exportability, Gap, Level, Responsible

KNOWLEDGE = load_knowledge()
ESTATE = [
    ("aws", "AWS::EC2::Instance", {"InstanceId": "i-1"}),
    ("aws", "AWS::EC2::VPC", {"VpcId": "vpc-1"}),
    ("aws", "AWS::EC2::Subnet", {"SubnetId": "s-1"}),
    ("aws", "AWS::EC2::SecurityGroup", {"GroupId": "sg-1"}),
    ("aws", "AWS::EC2::RouteTable", {"RouteTableId": "rtb-1"}),
    ("aws", "AWS::EC2::Volume", {"VolumeId": "vol-1"}),
    ("aws", "AWS::EC2::KeyPair", {"KeyPairId": "key-1"}),
    ("aws", "AWS::S3::Bucket", {"Name": "b"}),
    ("aws", "AWS::IAM::Role", {"RoleName": "r"}),
    ("aws", "AWS::IAM::User", {"UserName": "u"}),
    ("aws", "AWS::IAM::ManagedPolicy", {"PolicyName": "p"}),
    ("aws", "AWS::KMS::Key", {"KeyId": "k", "Origin": "AWS_KMS"}),
    ("aws", "AWS::Lambda::Function", {"FunctionName": "f"}),
    ("aws", "AWS::DynamoDB::Table", {"TableName": "t"}),
    ("aws", "AWS::RDS::DBInstance", {"DBInstanceIdentifier": "d"}),
    ("aws", "AWS::SQS::Queue", {"QueueUrl": "q"}),
    ("aws", "AWS::SNS::Topic", {"TopicArn": "t"}),
    ("aws", "AWS::SecretsManager::Secret", {"Name": "s"}),
    ("aws", "AWS::SSM::Parameter", {"Name": "p"}),
    ("aws", "AWS::Logs::LogGroup", {"logGroupName": "l"}),
    ("aws", "AWS::Route53::HostedZone", {"Id": "z"}),
    ("azure", "Microsoft.Compute/virtualMachines", {"id": "vm"}),
    ("azure", "Microsoft.Network/virtualNetworks", {"id": "vn"}),
    ("azure", "Microsoft.Network/networkSecurityGroups", {"id": "nsg"}),
    ("azure", "Microsoft.Storage/storageAccounts", {"id": "sa"}),
    ("azure", "Microsoft.KeyVault/vaults", {"id": "kv"}),
    ("azure", "Microsoft.Authorization/roleAssignments", {"id": "ra"}),
    ("azure", "Microsoft.Resources/resourceGroups", {"id": "rg"}),
    ("network", "cisco_ios/Device", {"hostname": "r1"}),
]


def asset(provider: str, native_type: str, config: dict[str, Any], number: int = 0) -> Asset:
    ref = Ref(provider, "scope", "", native_type, f"{native_type}-{number}")
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    return Asset(ref, kind_of(native_type), ref.native_id, config, now)


def estate() -> list[Asset]:
    return [asset(*row, number) for number, row in enumerate(ESTATE)]


def judge(knowledge: Knowledge, *findings: Draft | Gap) -> dict[tuple[Ref, Aspect], Exportability]:
    said = [(one, [found for found in findings if found.ref == one.ref]) for one in estate()]
    rows = list(verdicts(said, knowledge, aspects_of))
    found = {(row.asset, row.aspect): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_applicable_aspect_gets_exactly_one_verdict() -> None:
    counts = Counter((row.asset, row.aspect) for row in judge(KNOWLEDGE).values())
    expected = {(one.ref, aspect) for one in estate() for aspect in aspects_of(one.kind)}
    assert set(counts) == expected


def test_at_most_a_tenth_of_a_typical_estate_is_unknown() -> None:
    rows = judge(KNOWLEDGE).values()
    unknown = [row for row in rows if row.level is Level.UNKNOWN]
    assert len(unknown) * 10 <= len(rows), sorted(
        {(r.asset.native_type, r.aspect) for r in unknown}
    )


def test_what_does_not_leave_well_says_why_and_what_to_do() -> None:
    for row in judge(KNOWLEDGE).values():
        if row.level.needs_reason:
            assert all((row.reason, row.text, row.workaround, row.responsible)), row


@pytest.mark.parametrize("fact_id", sorted(fact.id for fact in KNOWLEDGE.facts))
def test_deleting_one_fact_makes_exactly_its_records_unknown(fact_id: str) -> None:
    before, after = judge(KNOWLEDGE), judge(KNOWLEDGE.without(fact_id))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {key for key, row in before.items() if row.source.startswith(f"{fact_id}: ")}
    assert all(after[key].level is Level.UNKNOWN for key in changed)


def test_what_an_extractor_holds_outweighs_every_fact() -> None:
    bucket = next(one.ref for one in estate() if one.ref.native_type == "AWS::S3::Bucket")
    draft = Draft(bucket, Aspect.DATA, Level.IMPORTABLE, "s3:GetObject", "application/octet-stream")
    row = judge(KNOWLEDGE, draft)[bucket, Aspect.DATA]
    assert (row.level, row.basis, row.reason) == (Level.IMPORTABLE, "extractor", "")
    assert row.loss, "caveats about the way out stay"


def test_a_gap_keeps_its_own_words() -> None:
    bucket = next(one.ref for one in estate() if one.ref.native_type == "AWS::S3::Bucket")
    gap = Gap(
        bucket, Aspect.DATA, Level.NONE, "permission-denied", "s3:GetObject was refused",
        Responsible.CUSTOMER, "Grant s3:GetObject.",
    )  # fmt: skip
    row = judge(KNOWLEDGE, gap)[bucket, Aspect.DATA]
    assert (row.reason, row.text) == ("permission-denied", "s3:GetObject was refused")


def test_a_draft_below_importable_takes_its_reason_from_the_fact() -> None:
    vpc = next(one.ref for one in estate() if one.ref.native_type == "AWS::EC2::VPC")
    draft = Draft(vpc, Aspect.CONFIGURATION, Level.OPEN, "ec2:DescribeVpcs", "application/json")
    row = judge(KNOWLEDGE, draft)[vpc, Aspect.CONFIGURATION]
    assert (row.reason, row.source.split(":")[0]) == ("semantic-loss", "aws-configuration")


def test_a_draft_never_borrows_the_reason_of_what_is_not_held() -> None:
    volume = next(one.ref for one in estate() if one.ref.native_type == "AWS::EC2::Volume")
    draft = Draft(volume, Aspect.DATA, Level.PROPRIETARY, "blocks", "application/octet-stream")
    row = judge(KNOWLEDGE, draft)[volume, Aspect.DATA]
    assert (row.reason, row.source) == ("format-closed", "")


def test_an_aspect_nobody_expected_is_still_recorded_once() -> None:
    vpc = next(one.ref for one in estate() if one.ref.native_type == "AWS::EC2::VPC")
    draft = Draft(vpc, Aspect.DOCUMENTATION, Level.OPEN, "wiki", "text/markdown")
    assert judge(KNOWLEDGE, draft)[vpc, Aspect.DOCUMENTATION].level is Level.OPEN
