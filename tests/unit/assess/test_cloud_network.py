"""Networks are told by names and ranges; what cannot go along is named."""

from __future__ import annotations

from typing import Any

from exitkit.assess.cloud_network import (
    GROUP,
    ROLE,
    SUBNET,
    VPC,
    NativeRecord,
    Place,
    build_order,
    compare_networks,
    described,
)

HOME = Place("111111111111", "eu-west-1")
THERE = Place("222222222222", "eu-central-1", lambda name: f"{name}-x")


def network(**changes: Any) -> list[NativeRecord]:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    group = {
        "GroupId": "sg-1", "VpcId": "vpc-1", "GroupName": "web", "Description": "front",
        "IpPermissions": [rule | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    }  # fmt: skip
    return [
        NativeRecord(VPC, {"VpcId": "vpc-0", "CidrBlock": "172.31.0.0/16", "IsDefault": True}),
        NativeRecord(
            VPC, {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16",
                  "Tags": [{"Key": "Name", "Value": "crm"}, {"Key": "aws:x", "Value": "y"}]},
        ),
        NativeRecord(SUBNET, {"VpcId": "vpc-1", "SubnetId": "subnet-1", "CidrBlock": "10.0.1.0/24",
                              "AvailabilityZone": "eu-west-1b"}),
        NativeRecord(GROUP, group | changes),
    ]  # fmt: skip


def test_a_network_stands_in_its_new_place_under_its_new_name() -> None:
    wanted = described(network(), HOME, THERE)
    assert list(wanted.things) == [
        "vpc crm-x 10.0.0.0/16", "subnet crm-x/10.0.1.0/24", "group crm-x/web",
    ]  # fmt: skip
    assert wanted.things["subnet crm-x/10.0.1.0/24"]["zone"] == "eu-central-1b"
    assert wanted.things["vpc crm-x 10.0.0.0/16"]["tags"] == {}
    assert wanted.losses == ["vpc vpc-0: made by the provider in every account; not moved"]


def test_a_rule_more_is_a_difference_and_a_tag_less_is_a_loss() -> None:
    wanted = described(network(Tags=[{"Key": "team", "Value": "crm"}]), HOME, HOME)
    everyone = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    found = described(network(IpPermissions=[everyone]), HOME, HOME)
    results = {one.item: (one.result, one.detail) for one in compare_networks(wanted, found)}
    assert results["group crm/web"] == ("different", "other rules")
    assert results["group crm/web tags"][0] == "lost-field"
    assert results["vpc crm 10.0.0.0/16"][0] == "equal"


def test_rules_for_what_is_elsewhere_are_named_and_not_written() -> None:
    pairs = [{"IpProtocol": "tcp", "UserIdGroupPairs": [{"GroupId": "sg-9"}],
              "PrefixListIds": [{"PrefixListId": "pl-1"}]}]  # fmt: skip
    wanted = described(network(IpPermissions=pairs), HOME, HOME)
    assert wanted.things["group crm/web"]["rules"] == []
    assert wanted.losses[1:] == [
        "group crm/web: a rule for a group of another network",
        "group crm/web: a rule for a list of the provider's addresses",
    ]


def test_a_policy_speaks_of_the_new_account_and_leaves_others_alone() -> None:
    trust = {"Statement": [{"Principal": {"AWS": ["arn:aws:iam::111111111111:root",
                                                  "arn:aws:iam::333333333333:root"]}}]}  # fmt: skip
    role = {"RoleName": "job", "Path": "/", "AssumeRolePolicyDocument": trust,
            "AttachedManagedPolicies": [
                {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
                {"PolicyArn": "arn:aws:iam::111111111111:policy/own"},
            ]}  # fmt: skip
    service = role | {"RoleName": "AWSServiceRoleForX", "Path": "/aws-service-role/x/"}
    wanted = described([NativeRecord(ROLE, role), NativeRecord(ROLE, service)], HOME, THERE)
    [thing] = wanted.things.values()
    principals = thing["trust"]["Statement"][0]["Principal"]["AWS"]
    assert principals == ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"]
    assert thing["policies"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert sorted(wanted.losses) == [
        "role AWSServiceRoleForX: the provider's own; not moved",
        "role job-x: policy own is not among what is moved",
    ]


def group(name: str, *named: str) -> dict[str, Any]:
    rules = [{"group_name": one} for one in named]
    return {"vpc": "crm", "name": name, "rules": rules, "rules_egress": []}


def test_groups_come_after_those_they_name_and_one_of_a_circle_begins_empty() -> None:
    ordered, early = build_order([group("a", "b", "a"), group("b", "c"), group("c")])
    assert [one["name"] for one in ordered] == ["c", "b", "a"]
    assert early == []
    ordered, early = build_order([group("a", "b"), group("b", "a"), group("c", "b")])
    assert [one["name"] for one in early] == ["a"]
    assert sorted(one["name"] for one in ordered) == ["a", "b", "c"]
