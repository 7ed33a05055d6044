"""Check that grants are read out of IAM's answers in full."""

from __future__ import annotations

import datetime as dt
from typing import Any

from exitkit.drivers.aws_access import access_of, last_used_on
from exitkit.drivers.aws_answers import Item, asset_of
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


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


def key_item(user: str, used: str) -> Item:
    row = load_catalog().types["AWS::IAM::AccessKey"]
    config = {"UserName": user, "AccessKeyId": "AKIA1", "AccessKeyLastUsed": {"LastUsedDate": used}}
    return Item(row, "123456789012", "aws", "", config, {})


def test_the_last_use_of_a_user_is_the_latest_of_password_and_keys() -> None:
    types = load_catalog().types
    user = {"UserName": "u", "PasswordLastUsed": "2026-01-02T03:04:05+00:00"}
    role = {"RoleName": "r", "RoleLastUsed": {"LastUsedDate": "2026-02-03T00:00:00+00:00"}}
    items = [
        Item(types["AWS::IAM::User"], "123456789012", "aws", "", user, {}),
        Item(types["AWS::IAM::Role"], "123456789012", "aws", "", role, {}),
        key_item("u", "2026-05-06T00:00:00+00:00"), key_item("u", "2026-04-01T00:00:00+00:00"),
        key_item("never", ""),
    ]  # fmt: skip
    days = {ref.native_id: day.isoformat() for ref, day in last_used_on(items).items()}
    assert days == {"u": "2026-05-06", "r": "2026-02-03"}


def test_a_right_says_when_its_principal_was_last_at_work_and_keeps_its_identity() -> None:
    policy = {"PolicyName": "p", "PolicyDocument": document(Action="a:x", Resource="*")}
    user = iam("User", "u", UserPolicyList=[policy])
    (plain,) = access_of([user])
    (dated,) = access_of([user], {user.ref: dt.date(2026, 5, 6)})
    assert isinstance(plain, Access)
    assert isinstance(dated, Access)
    assert dated.last_used_on == dt.date(2026, 5, 6)
    assert dated.urn == plain.urn


def test_the_last_use_never_enters_what_is_stored_of_a_user_or_key() -> None:
    asset = asset_of(key_item("u", "2026-05-06T00:00:00+00:00"), NOW, b"k" * 32)
    assert "AccessKeyLastUsed" not in asset.config
    assert asset.ref.native_id == "u|AKIA1"
