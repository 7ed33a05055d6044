"""Count only what is the customer's own, by its right type, and under every parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.drivers.aws_answers import Item, items_of
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_operations import load_uncalled
from exitkit.knowledge.kinds import aspects_of, kind_of
from exitkit.model.verdict import Aspect

CATALOG = load_catalog()
CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/aws_ownership.yaml").read_text(encoding="utf-8")
)
BOUND_TO_THE_OWNER = {
    "AWS::AppStream::Image": {"Type": "PRIVATE"},
    "AWS::AuditManager::Control": {"controlType": "Custom"},
    "AWS::Bedrock::CustomModel": {"isOwned": True},
    "AWS::BedrockAgentCore::BrowserCustom": {"type": "CUSTOM"},
    "AWS::Billing::BillingView": {"billingViewTypes": ["CUSTOM"]},
    "AWS::CloudFront::CachePolicy": {"Type": "custom"},
    "AWS::Connect::View": {"Type": "CUSTOMER_MANAGED"},
    "AWS::EC2::FpgaImage": {"Owners": ["self"]},
    "AWS::EC2::Image": {"Owners": ["self"]},
    "AWS::EC2::Snapshot": {"OwnerIds": ["self"]},
    "AWS::GameLift::Location": {"Filters": ["CUSTOM"]},
    "AWS::SSM::Document": {"Filters": [{"Key": "Owner", "Values": ["Self"]}]},
    "AWS::SSM::PatchBaseline": {"Filters": [{"Key": "OWNER", "Values": ["Self"]}]},
    "AWS::WellArchitected::Lens": {"LensType": "CUSTOM_SELF"},
    "AWS::WorkSpaces::WorkspaceImage": {"ImageType": "OWNED"},
}
"""Types that the service itself is asked to leave out others' of."""
OFFERED = (
    "polly:DescribeVoices", "ec2:DescribePrefixLists", "ec2:DescribeVpcEndpointServices",
    "service-quotas:ListServices", "rds:DescribeReservedDBInstancesOfferings",
    "eks:ListAccessPolicies", "wafv2:ListAvailableManagedRuleGroups",
)  # fmt: skip
IMPLICIT = {
    "AWS::Athena::NamedQuery": {"WorkGroup": "AWS::Athena::WorkGroup"},
    "AWS::ECS::ContainerInstance": {"cluster": "AWS::ECS::Cluster"},
    "AWS::ECS::Daemon": {"clusterArn": "AWS::ECS::Cluster"},
    "AWS::ECS::Service": {"cluster": "AWS::ECS::Cluster"},
    "AWS::AppSync::DataSource": {"apiId": "AWS::AppSync::GraphQLApi"},
    "AWS::AppSync::FunctionConfiguration": {"apiId": "AWS::AppSync::GraphQLApi"},
    "AWS::AppSync::Resolver": {
        "apiId": "AWS::AppSync::GraphQLApi",
        "typeName": "AWS::AppSync::Type",
    },
    "AWS::DeviceFarm::DevicePool": {"arn": "AWS::DeviceFarm::Project"},
    "AWS::DeviceFarm::NetworkProfile": {"arn": "AWS::DeviceFarm::Project"},
    "AWS::DeviceFarm::Upload": {"arn": "AWS::DeviceFarm::Project"},
    "AWS::Lambda::WebFunctionEndpoint": {"functionName": "AWS::Lambda::WebFunction"},
    "AWS::Events::Rule": {"EventBusName": "AWS::Events::EventBus"},
    "AWS::IAM::AccessKey": {"UserName": "AWS::IAM::User"},
    "AWS::IAM::MFADevice": {"UserName": "AWS::IAM::User"},
    "AWS::IAM::SSHPublicKey": {"UserName": "AWS::IAM::User"},
    "AWS::IAM::SigningCertificate": {"UserName": "AWS::IAM::User"},
    "AWS::IoTSiteWise::Asset": {"assetModelId": "AWS::IoTSiteWise::AssetModel"},
}
"""Calls that without this argument answer for the caller or for a default only, or not at all."""


def kept(native_type: str, answer: dict[str, Any]) -> list[str]:
    row = CATALOG.types[native_type]
    items = (
        Item(row, "123456789012", "aws", "eu-west-1", config) for config in items_of(row, answer)
    )
    return [item.native_id for item in items if item.is_wanted]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_of_an_answer_each_type_keeps_its_own(case: dict[str, Any]) -> None:
    assert {name: kept(name, case["answer"]) for name in case["keeps"]} == case["keeps"]


def test_services_are_asked_for_the_customers_own() -> None:
    assert {name: dict(CATALOG.types[name].bind) for name in BOUND_TO_THE_OWNER} == (
        BOUND_TO_THE_OWNER
    )


def test_what_is_offered_to_everybody_is_never_asked_for() -> None:
    called = {f"{service}:{operation}" for service, operation in CATALOG.read_set()}
    offered = {name for name, reason in load_uncalled().ignored if reason == "offered"}
    assert set(OFFERED) <= offered
    assert not called & offered


def test_nothing_of_the_catalog_counts_quotas() -> None:
    assert [row.native_type for row in CATALOG.rows() if row.service == "service-quotas"] == []


def test_a_reservation_is_of_another_kind_than_what_it_is_for() -> None:
    for reserved, thing in (
        ("AWS::EC2::ReservedInstances", "AWS::EC2::Instance"),
        ("AWS::RDS::ReservedDBInstance", "AWS::RDS::DBInstance"),
        ("AWS::ElastiCache::ReservedCacheNode", "AWS::ElastiCache::CacheCluster"),
        ("AWS::Redshift::ReservedNode", "AWS::Redshift::Cluster"),
    ):
        assert CATALOG.types[reserved].operation != CATALOG.types[thing].operation
        assert (kind_of(reserved), kind_of(thing) == "commercial.commitment") == (
            "commercial.commitment", False,
        )  # fmt: skip


@pytest.mark.parametrize(
    "native_type",
    [
        "AWS::Backup::RecoveryPoint", "AWS::EC2::RecycledSnapshot", "AWS::EC2::RecycledVolume",
        "AWS::Glacier::Vault", "AWS::Neptune::DBClusterSnapshot", "AWS::RDS::ClusterSnapshot",
        "AWS::RDS::DBInstanceAutomatedBackup", "AWS::Redshift::Snapshot",
        "AWS::StorageGateway::Volume", "AWS::WorkMail::User",
    ],
)  # fmt: skip
def test_what_holds_data_has_data_to_leave_with(native_type: str) -> None:
    assert native_type in CATALOG.types
    assert Aspect.DATA in aspects_of(kind_of(native_type))


def test_a_call_with_an_implicit_scope_is_made_for_every_parent() -> None:
    assert {name: dict(CATALOG.types[name].parent) for name in IMPLICIT} == IMPLICIT


def test_a_call_with_an_implicit_scope_is_widened_where_one_call_can_answer_for_all() -> None:
    types = CATALOG.types
    assert types["AWS::IAM::ServiceSpecificCredential"].bind == {"AllUsers": True}
    assert types["AWS::SageMaker::ModelPackage"].bind == {"ModelPackageType": "Both"}
    assert types["AWS::ServiceCatalog::CloudFormationProvisionedProduct"].bind == {
        "AccessLevelFilter": {"Key": "Account", "Value": "self"}
    }
    assert "CompositeAlarm" in types["AWS::CloudWatch::CompositeAlarm"].bind["AlarmTypes"]
    assert (
        "EC_prime256v1"
        in types["AWS::CertificateManager::Certificate"].bind["Includes"]["keyTypes"]
    )
    assert "METRIC_MATH" in types["AWS::CloudWatch::AnomalyDetector"].bind["AnomalyDetectorTypes"]


def test_what_stands_before_a_distribution_is_asked_of_the_one_region_that_knows() -> None:
    for name in ("IPSet", "LoggingConfiguration", "RegexPatternSet", "RuleGroup", "WebACL"):
        row = CATALOG.types[f"AWS::WAFv2::{name}"]
        assert row.bind == {"Scope": "REGIONAL"}
        assert [(dict(more.bind), dict(more.home)) for more in row.also] == [
            ({"Scope": "CLOUDFRONT"}, {"aws": "us-east-1"})
        ]
        assert row.also[0].details == row.details != ()


def test_an_operation_that_answers_for_two_services_gives_each_its_own() -> None:
    arns = [
        f"arn:aws:{service}:eu-west-1:123456789012:connection/1"
        for service in ("codeconnections", "codestar-connections")
    ]
    answer = {"Connections": [{"ConnectionArn": arn} for arn in arns]}
    found = [
        kept(f"AWS::{name}::Connection", answer)
        for name in ("CodeConnections", "CodeStarConnections")
    ]
    assert found == [[arns[0]], [arns[1]]]


def test_children_of_one_name_under_two_parents_are_two() -> None:
    row = CATALOG.types["AWS::AccessAnalyzer::ArchiveRule"]
    ids = {
        Item(
            row, "123456789012", "aws", "eu-west-1", {"ruleName": "quiet"}, {"analyzerName": name}
        ).native_id
        for name in ("org", "account")
    }
    prefix = "arn:aws:access-analyzer:eu-west-1:123456789012:analyzer"
    assert ids == {f"{prefix}/{name}/archive-rule/quiet" for name in ("org", "account")}


def test_an_arn_whose_parts_are_not_known_is_not_made_up() -> None:
    row = CATALOG.types["AWS::Kendra::DataSource"]
    orphan = Item(row, "123456789012", "aws", "eu-west-1", {"Id": "d-1"})
    child = Item(row, "123456789012", "aws", "eu-west-1", {"Id": "d-1"}, {"IndexId": "x-1"})
    assert orphan.arn == ""
    assert child.arn == "arn:aws:kendra:eu-west-1:123456789012:index/x-1/data-source/d-1"
