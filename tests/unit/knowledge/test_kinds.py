"""Check that every native type gets one kind, and the most telling one."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import pytest
import yaml

from exitkit.knowledge.kinds import all_kinds, aspects_of, kind_of
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
