"""Hold what an answer becomes against the schema of its type, and the rest against a list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from exitkit.assess.iac_properties import CREATE, IMPORT, Defined, define
from exitkit.assess.iac_resources import REASONS, Parameter
from exitkit.assess.iac_values import MISSING, Fitting
from exitkit.knowledge.aws_iac import load_mapped, load_schemas
from exitkit.model.asset import Asset, Ref

SCHEMAS = load_schemas(
    {
        "AWS::SQS::Queue", "AWS::RDS::DBInstance", "AWS::EC2::SecurityGroup", "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret", "AWS::Lambda::Permission", "AWS::EC2::SecurityGroupIngress",
        "AWS::SSM::Parameter", "AWS::EC2::SecurityGroupEgress",
    }
)  # fmt: skip
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def defined(
    native_type: str, native_id: str, config: dict[str, Any], purpose: str = IMPORT
) -> Defined:
    ref = Ref("aws", "123456789012", "eu-west-1", native_type, native_id)
    asset = Asset(ref, "x", native_id, config, NOW, tags=(("aws:x", "theirs"), ("team", "a")))
    found = define(asset, SCHEMAS, load_mapped(), purpose)
    assert {one.reason for one in found.left} <= REASONS.keys()
    return found


def reasons(found: Defined) -> set[tuple[str, str]]:
    return {(one.property, one.reason) for one in found.left}


@pytest.mark.parametrize(
    ("node", "value", "fitted"),
    [
        ({"type": "integer"}, "60", 60),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "string"}, True, "true"),
        ({"type": "string"}, 5, "5"),
        ({"type": "integer"}, "many", MISSING),
        ({"type": "integer"}, "NaN", MISSING),
        ({"type": "array", "items": {"type": "string"}}, {"Quantity": 1, "Items": ["a"]}, ["a"]),
        ({"type": ["object", "string"]}, '{"a": 1}', '{"a": 1}'),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": "object", "properties": {"AbC": {"type": "string"}}}, {"abC": "x"}, {"AbC": "x"}),
        ({"type": "object"}, "text", MISSING),
        ({}, {"any": 1}, {"any": 1}),
    ],
)  # fmt: skip
def test_a_value_takes_the_form_that_the_schema_asks_for(
    node: dict[str, Any], value: Any, fitted: Any
) -> None:
    assert Fitting({}).fit(node, value, "P") == fitted


def test_members_are_found_whatever_the_case_of_their_letters() -> None:
    found = defined("AWS::Logs::LogGroup", "/a", {"logGroupName": "/a", "retentionInDays": 30})
    assert found.resources[0].properties["RetentionInDays"] == 30
    assert found.resources[0].identifiers == {"LogGroupName": "/a"}
    assert found.resources[0].properties["Tags"] == [{"Key": "team", "Value": "a"}]


def test_a_value_that_the_schema_refuses_is_left_and_the_rest_is_carried() -> None:
    config = {"logGroupName": "/a", "retentionInDays": 31}
    found = defined("AWS::Logs::LogGroup", "/a", config)
    assert "RetentionInDays" not in found.resources[0].properties
    assert ("RetentionInDays", "invalid") in reasons(found)


def test_a_masked_value_is_never_carried() -> None:
    config = {"Name": "db", "Description": "pw <masked:0a1b2c3d>", "KmsKeyId": "alias/x"}
    found = defined(
        "AWS::SecretsManager::Secret", "arn:aws:secretsmanager:eu-west-1:1:secret:db", config
    )
    assert found.resources[0].properties["KmsKeyId"] == "alias/x"
    assert "Description" not in found.resources[0].properties
    assert ("Description", "secret") in reasons(found)


def test_a_password_is_asked_for_where_a_thing_is_made_anew_and_not_where_it_is_taken_over() -> (
    None
):
    config = {"DBInstanceIdentifier": "pg", "Engine": "postgres", "MasterUsername": "root"}
    taken, made = (
        defined("AWS::RDS::DBInstance", "pg", config, purpose) for purpose in (IMPORT, CREATE)
    )
    assert "MasterUserPassword" not in taken.resources[0].properties
    asked = made.resources[0].properties["MasterUserPassword"]
    assert isinstance(asked, Parameter)
    assert asked.secret
    assert ("MasterUserPassword", "supply") in reasons(made)


def test_what_must_be_given_and_is_not_known_leaves_the_resource_out() -> None:
    found = defined("AWS::SSM::Parameter", "/key", {"Name": "/key", "Type": "SecureString"})
    assert found.resources == []
    assert ("", "required") in reasons(found)


def test_a_default_group_is_made_with_its_network_and_only_taken_over() -> None:
    config = {"GroupId": "sg-1", "GroupName": "default", "VpcId": "vpc-1", "Description": "default"}
    assert defined("AWS::EC2::SecurityGroup", "sg-1", config).resources
    made = defined("AWS::EC2::SecurityGroup", "sg-1", config, CREATE)
    assert (made.resources, made.stand_in) == ([], ("vpc-1", "DefaultSecurityGroup"))
    assert reasons(made) == {("", "made-by-aws")}


@pytest.mark.parametrize(
    "pairs", [[], [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-2"}]}]]
)
def test_a_group_that_lets_nothing_out_is_not_made_as_one_that_lets_everything_out(
    pairs: list[Any],
) -> None:
    config = {
        "GroupId": "sg-1", "GroupName": "w", "Description": "d", "VpcId": "vpc-0123456789abcdef0",
        "IpPermissionsEgress": pairs,
    }  # fmt: skip
    made = defined("AWS::EC2::SecurityGroup", "sg-1", config, CREATE)
    (rule,) = made.resources[0].properties["SecurityGroupEgress"]
    assert rule["CidrIp"] == "127.0.0.1/32"


def test_a_type_that_nobody_knows_is_listed_as_such() -> None:
    assert reasons(defined("AWS::Nobody::Knows", "x", {"A": 1})) == {("", "no-schema")}


def test_an_answer_with_the_wrong_things_in_it_is_no_fault() -> None:
    for junk in (None, 7, "x", [], {}, [[None]], {"a": {"b": [1, None]}}):
        config = {"GroupId": "sg-1", "Description": "d", "IpPermissions": junk, "VpcId": junk}
        for purpose in (IMPORT, CREATE):
            found = defined("AWS::EC2::SecurityGroup", "sg-1", config, purpose)
            assert found.resources[0].properties["GroupDescription"] == "d"
