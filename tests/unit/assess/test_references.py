"""Tell from configurations alone how assets hang together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from exitkit.assess.references import Index, names_of, references
from exitkit.knowledge.aws_relations import load_meanings
from exitkit.model.asset import Asset, Ref

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
KEY = "0b6c2f3e-1111-4222-8333-444455556666"
ROLE = "arn:aws:iam::123456789012:role/worker"


def asset(
    native_type: str, native_id: str, arn: str = "", region: str = "r", **config: Any
) -> Asset:
    ref = Ref("aws", "123456789012", region, f"AWS::{native_type}", native_id)
    identifiers = (("arn", arn),) if arn else ()
    return Asset(ref, "other", native_id, config, NOW, identifiers=identifiers)


OTHERS = (
    asset("EC2::VPC", "vpc-0a1b2c3d4e5f60718"),
    asset("EC2::Instance", "i-0a1b2c3d4e5f60718"),
    asset("KMS::Key", KEY, f"arn:aws:kms:r:123456789012:key/{KEY}"),
    asset("IAM::Role", "worker", ROLE, ""),
    asset("S3::Bucket", "worker", "arn:aws:s3:::worker"),
    asset("Lambda::Function", "worker", "arn:aws:lambda:r:123456789012:function:worker"),
    asset("Route53::HostedZone", "Z123", "", ""),
)


def index_of(assets: Iterable[Asset]) -> Index:
    found = list(assets)
    names = [named for asset in found for named in names_of(asset)]
    # The first of two that share a name has it.
    by_id = {named.name: named for named in reversed(names)}
    return Index(by_id, {asset.ref for asset in found})


def told(one: Asset) -> set[tuple[str, str, str]]:
    relations, _ = references(one, index_of([*OTHERS, one]), load_meanings())
    return {
        (row.subject.native_id, row.relation, row.object.native_type.removeprefix("AWS::"))
        for row in relations
    }


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (asset("EC2::Subnet", "s", VpcId="vpc-0a1b2c3d4e5f60718"), ("s", "memberOf", "EC2::VPC")),
        (asset("SQS::Queue", "q", KmsMasterKeyId=KEY), ("q", "encryptedWith", "KMS::Key")),
        (asset("ECS::Service", "e", RoleArn=ROLE), ("e", "dependsOn", "IAM::Role")),
        (
            asset("CloudTrail::Trail", "t", S3BucketName="worker"),
            ("t", "storesDataIn", "S3::Bucket"),
        ),
        (
            asset("Events::Rule", "u", T=["arn:aws:lambda:r:123456789012:function:worker:live"]),
            ("u", "connectsTo", "Lambda::Function"),
        ),
        (
            asset("EC2::Volume", "v", Attachments=[{"InstanceId": "i-0a1b2c3d4e5f60718"}]),
            ("i-0a1b2c3d4e5f60718", "storesDataIn", "EC2::Volume"),
        ),
        (
            asset("IAM::ManagedPolicy", "p", Statement=[{"Resource": "arn:aws:s3:::worker/in/*"}]),
            ("worker", "governedBy", "IAM::ManagedPolicy"),
        ),
        (
            asset("Route53::RecordSet", "Z123|www|A"),
            ("Z123|www|A", "memberOf", "Route53::HostedZone"),
        ),
    ],
    ids=lambda value: value.ref.native_type if isinstance(value, Asset) else "",
)
def test_a_reference_becomes_the_relation_it_means(
    one: Asset, expected: tuple[str, str, str]
) -> None:
    assert told(one) == {expected}


def test_a_word_that_is_also_somebodys_name_is_no_reference() -> None:
    assert (
        told(asset("EC2::Instance", "i-1", Purpose="worker", Tags=[{"Value": "worker"}])) == set()
    )


def test_what_leads_nowhere_is_reported_unless_it_is_a_pattern_or_the_providers() -> None:
    foreign = "arn:aws:sns:r:999999999999:alarms"
    one = asset(
        "CloudWatch::Alarm", "a",
        Actions=[foreign, "arn:aws:sns:r:999999999999:*", ROLE],
        Policy="arn:aws:iam::aws:policy/ReadOnlyAccess",
        Trust="arn:aws:iam::999999999999:root",
    )  # fmt: skip
    _, unresolved = references(one, index_of([*OTHERS, one]), load_meanings())
    assert unresolved == (foreign,)


def test_every_relation_of_the_table_is_one_of_the_vocabulary() -> None:
    from exitkit.store.shipped import RELATIONS

    meanings = load_meanings()
    turned = [word for by_type in meanings.turned.values() for word in by_type.values()]
    said = {*meanings.members.values(), *meanings.objects.values(), *turned, meanings.default}
    assert said <= RELATIONS.keys()
