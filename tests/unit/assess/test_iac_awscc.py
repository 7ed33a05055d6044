"""Spell what CloudFormation accepts as the Cloud Control provider takes it, and leave the rest."""

from __future__ import annotations

from typing import Any

from exitkit.assess.iac_awscc import awscc
from exitkit.assess.iac_hcl import Json
from exitkit.assess.iac_resources import Reference, Resource
from exitkit.assess.iac_terraform import Configuration, Link
from exitkit.knowledge.aws_iac import Departures, TypeSchema, load_departures, load_schemas
from tools.build_aws_catalog.awscc_schemas import departures
from tools.build_aws_catalog.terraform_schemas import Bindings

SHOP = "AWS::Shop::Store"
LOGIN = {"$ref": "#/definitions/Login"}
SCHEMA: dict[str, Any] = {
    "definitions": {"Login": {"type": "object", "properties": {"UserName": {"type": "string"}}}},
    "properties": {
        "Name": {"type": "string"},
        "Provider": {"type": "string"},
        "Policy": {"type": ["object", "string"]},
        "Login": LOGIN,
        "Logins": {"type": "array", "items": LOGIN},
        "Labels": {"type": "object", "patternProperties": {".*": {"type": "string"}}},
        "ByName": {
            "type": "object", "patternProperties": {".*": LOGIN},
        },
        "Either": {"oneOf": [{"properties": {"OneWay": {"type": "string"}}}, LOGIN]},
        "Arn": {"type": "string"},
    },
}  # fmt: skip


def schema(name: str = SHOP) -> TypeSchema:
    read_only = frozenset({"Arn"})
    return TypeSchema(name, SCHEMA, ("Name",), read_only, frozenset(), True, "", frozenset())


def store(key: str, native_type: str = SHOP, **properties: Any) -> Resource:
    return Resource(
        key=key, asset=key, native_id=key, name=key, native_type=native_type, properties=properties,
        identifiers={"Name": key},
    )  # fmt: skip


def written(resource: Resource, told: Departures = Departures()) -> Configuration:  # noqa: B008
    return awscc([resource], {SHOP: schema()}, told)


def test_properties_get_their_names_and_names_of_the_customers_own_stay() -> None:
    given = {
        "Provider": "p", "Policy": {"Some": "Thing"}, "Login": {"UserName": "a"},
        "Logins": [{"UserName": "b"}], "Labels": {"CostCenter": "c"},
        "ByName": {"FirstOne": {"UserName": "d"}}, "Either": {"OneWay": "e"},
    }  # fmt: skip
    (made,) = written(store("s", **given)).resources
    assert made.body == {
        "provider_name": "p", "policy": Json({"Some": "Thing"}), "login": {"user_name": "a"},
        "logins": [{"user_name": "b"}], "labels": {"CostCenter": "c"},
        "by_name": {"FirstOne": {"user_name": "d"}}, "either": {"one_way": "e"},
    }  # fmt: skip


def test_what_the_provider_has_in_truth_goes_before_the_rule() -> None:
    told = Departures(departs={SHOP: {"Login.UserName": "none", "Name": "none", "Either": "json"}})
    configuration = written(
        store("s", Name="s", Login={"UserName": "a"}, Either={"OneWay": "e"}), told
    )
    (made,) = configuration.resources
    assert made.body == {"login": {}, "either": Json({"OneWay": "e"})}
    left = {(one.property, one.reason) for one in configuration.left["s"]}
    assert left == {("Name", "no-argument"), ("Login.UserName", "no-argument")}


def test_a_type_without_a_resource_is_left_and_nothing_refers_to_it() -> None:
    other = "AWS::Shop::Street"
    street = store("street", other, Name="street")
    shop = store("s", Name=Reference("street", "", "today"))
    schemas = {SHOP: schema(), other: schema(other)}
    configuration = awscc([street, shop], schemas, Departures(frozenset({other})))
    assert [one.type for one in configuration.resources] == ["awscc_shop_store"]
    assert configuration.resources[0].body == {"name": "today"}
    assert [(one.property, one.reason) for one in configuration.left["street"]] == [
        ("", "no-resource")
    ]
    linked = awscc([street, shop], schemas, Departures())
    assert linked.resources[1].body == {"name": Link("street", "name")}


def test_only_what_departs_from_the_rule_is_kept_of_the_bindings() -> None:
    text: dict[str, Any] = {"primitive": "string"}
    block = {"fqn": "shop.Login"}
    struct = {
        "name": text, "provider_name": text, "policy": text, "login": block,
        "logins": {"collection": {"kind": "array", "elementtype": block}}, "labels": text,
        "by_name": {"collection": {"kind": "map", "elementtype": block}}, "either": text,
    }  # fmt: skip

    def row(name: str, kind: Any) -> dict[str, Any]:
        return {"name": name, "type": kind, "docs": {"remarks": f"see #{name} here"}}

    bindings = Bindings.__new__(Bindings)
    bindings.types = {
        "shop.Config": {"properties": [row(*one) for one in struct.items()]},
        "shop.Login": {"properties": []},
    }
    bindings.configs = {"awscc_shop_store": "shop.Config"}
    assert dict(departures(schema(), bindings)) == {
        "Either": "json", "Labels": "json", "Login.UserName": "none", "Logins.UserName": "none",
        "ByName.UserName": "none",
    }  # fmt: skip


def test_what_is_kept_names_types_and_properties_of_the_schemas() -> None:
    told = load_departures()
    assert not told.absent & {"AWS::EC2::VPC", "AWS::IAM::Role", "AWS::S3::Bucket"}
    assert "AWS::Cognito::UserPool" in told.absent
    schemas = load_schemas(set(told.departs) | told.absent)
    assert schemas.keys() == set(told.departs) | told.absent
    for native_type, paths in told.departs.items():
        tops = {path.partition(".")[0] for path in paths}
        assert tops <= schemas[native_type].schema["properties"].keys()
