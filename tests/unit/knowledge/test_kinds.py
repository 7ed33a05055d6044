"""Check that every native type gets one kind, and the most telling one."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import pytest
import yaml

from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.kinds import OTHER, all_kinds, aspects_of, kind_of
from exitkit.model.verdict import Aspect


@pytest.mark.parametrize(
    ("native_type", "kind"),
    [
        ("AWS::EC2::Instance", "compute.instance"),
        ("AWS::EC2::SecurityGroupIngress", "network.firewall"),
        ("AWS::EC2::RouteTable", "network.setting"),
        ("AWS::IAM::ManagedPolicy", "iam.policy"),
        ("AWS::KMS::Alias", "key.setting"),
        ("microsoft.compute/virtualmachines", "compute.instance"),
        ("Microsoft.Network/networkSecurityGroups/securityRules", "network.firewall"),
        ("cisco_ios/Device", "network.device"),
        ("License/Agreement", "software.license"),
        ("Git/Repository", "automation.repository"),
        ("Script/File", "automation.script"),
        ("PostgreSQL/Database", "db.database"),
        ("Nobody/Knows", "other"),
    ],
)
def test_the_most_telling_pattern_names_the_kind(native_type: str, kind: str) -> None:
    assert kind_of(native_type) == kind


def test_what_nobody_knows_still_has_a_configuration_and_an_identity() -> None:
    assert aspects_of("never.heard-of") == (Aspect.CONFIGURATION, Aspect.IDENTITY)


def test_no_native_type_is_claimed_by_two_kinds() -> None:
    document = yaml.safe_load((files("exitkit.knowledge") / "kinds.yaml").read_text())
    claims = Counter(
        native_type.lower() for row in document["kinds"].values() for native_type in row["types"]
    )
    assert [native_type for native_type, count in claims.items() if count > 1] == []


def test_every_kind_has_at_least_one_aspect() -> None:
    assert all(kind.aspects for kind in all_kinds().values())


def test_every_type_that_exitkit_lists_at_aws_has_a_kind() -> None:
    assert [name for name in load_catalog().types if kind_of(name) == OTHER] == []


@pytest.mark.parametrize(
    ("name", "aspect"),
    [
        ("AWS::AuditManager::Assessment", Aspect.DATA),
        ("AWS::Cases::RelatedItem", Aspect.DATA),
        ("AWS::Chime::Channel", Aspect.DATA),
        ("AWS::Chime::VoiceProfileDomain", Aspect.DATA),
        ("AWS::DataZone::Domain", Aspect.DATA),
        ("AWS::DeviceFarm::Upload", Aspect.DATA),
        ("AWS::DRS::SourceServer", Aspect.DATA),
        ("AWS::EVS::Environment", Aspect.DATA),
        ("AWS::Grafana::Workspace", Aspect.DATA),
        ("AWS::Location::Tracker", Aspect.DATA),
        ("AWS::ODB::ExascaleDbStorageVault", Aspect.DATA),
        ("AWS::SSMIncidents::ReplicationSet", Aspect.DATA),
        ("AWS::WellArchitected::Workload", Aspect.DATA),
        ("AWS::B2BI::Transformer", Aspect.CODE),
        ("AWS::GreengrassV2::Component", Aspect.CODE),
        ("AWS::Omics::Workflow", Aspect.CODE),
        ("AWS::AppFlow::ConnectorProfile", Aspect.CREDENTIALS),
        ("AWS::IVS::StreamKey", Aspect.CREDENTIALS),
        ("AWS::DataZone::UserProfile", Aspect.IDENTITY),
        ("AWS::MPA::IdentitySource", Aspect.IDENTITY),
        ("AWS::Cloud9::EnvironmentMembership", Aspect.ACCESS),
        ("AWS::ECR::RegistryPolicy", Aspect.ACCESS),
        ("AWS::RUM::AppMonitor", Aspect.HISTORY),
    ],
)
def test_what_a_managed_application_keeps_is_asked_for(name: str, aspect: Aspect) -> None:
    assert name in load_catalog().types
    assert aspect in aspects_of(kind_of(name))


@pytest.mark.parametrize(
    "name",
    [
        "AWS::Comprehend::DocumentClassifierEndpoint", "AWS::FraudDetector::Variable",
        "AWS::Lex::BotAlias", "AWS::Personalize::Campaign", "AWS::QBusiness::Plugin",
        "AWS::Wisdom::AIGuardrail",
    ],
)  # fmt: skip
def test_what_only_sets_something_keeps_no_data(name: str) -> None:
    assert aspects_of(kind_of(name)) == (Aspect.CONFIGURATION,)
