"""Check that grants are read out of IAM's answers in full."""

from __future__ import annotations

import datetime as dt
from typing import Any

from exitkit.drivers.aws_access import access_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access


def iam(kind: str, native_id: str, **config: Any) -> Asset:
    ref = Ref("aws", "123456789012", "", f"AWS::IAM::{kind}", native_id)
    return Asset(ref, "identity", native_id, config, dt.datetime(2026, 11, 20, tzinfo=dt.UTC))


def grants(*assets: Asset) -> list[Access]:
    return [found for found in access_of(assets) if isinstance(found, Access)]


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def test_each_action_on_each_resource_is_a_grant() -> None:
    policy = {"PolicyName": "p", "PolicyDocument": document(Action=["a:x", "a:y"], Resource="*")}
    found = grants(iam("User", "u", UserPolicyList=[policy]))
    assert [(g.permission, g.resource, g.via) for g in found] == [
        ("a:x", "*", ("inline policy p",)),
        ("a:y", "*", ("inline policy p",)),
    ]


def test_a_managed_policy_grants_by_its_default_version() -> None:
    versions = [
        {"IsDefaultVersion": False, "Document": document(Action="old:x", Resource="*")},
        {"IsDefaultVersion": True, "Document": document(Action="new:x", Resource="*")},
    ]
    attached = [{"PolicyArn": "arn:p", "PolicyName": "p"}]
    user = iam("User", "u", AttachedManagedPolicies=attached)
    policy = iam("ManagedPolicy", "arn:p", PolicyVersionList=versions)
    found = list(access_of([user, policy]))
    assert [g.permission for g in found if isinstance(g, Access)] == ["new:x"]
    assert Relation(policy.ref, "grants", user.ref) in found


def test_a_policy_of_the_provider_is_named_and_not_lost() -> None:
    attached = [{"PolicyArn": "arn:aws:iam::aws:policy/ReadOnly", "PolicyName": "ReadOnly"}]
    (found,) = grants(iam("Role", "r", AttachedManagedPolicies=attached))
    assert found.permission == "policy:ReadOnly"


def test_what_a_group_grants_reaches_its_members_with_the_path() -> None:
    policy = {"PolicyName": "p", "PolicyDocument": document(Action="a:x", Resource="*")}
    group = iam("Group", "g", GroupPolicyList=[policy])
    found = grants(iam("User", "u", GroupList=["g"]), group)
    assert ("u", ("group g", "inline policy p")) in [(f.principal.native_id, f.via) for f in found]


def test_negations_denials_and_conditions_keep_their_meaning() -> None:
    statement = document(
        Effect="Deny", NotAction="iam:*", Resource="*", Condition={"Bool": {"mfa": "false"}}
    )
    (found,) = grants(iam("User", "u", UserPolicyList=[{"PolicyDocument": statement}]))
    assert (found.effect, found.permission) == ("deny", "NotAction:iam:*")
    assert found.conditions == '{"Bool":{"mfa":"false"}}'


def test_who_may_become_a_role_is_a_grant_too() -> None:
    trust = document(Principal={"AWS": ["arn:a", "arn:b"]}, Action="sts:AssumeRole")
    found = grants(iam("Role", "r", AssumeRolePolicyDocument=trust))
    assert [g.permission for g in found] == ["assumed-by:AWS:arn:a", "assumed-by:AWS:arn:b"]
