"""Check how answers of AWS become assets: ids, ARNs, tags, and no secret in any of it."""

from __future__ import annotations

import base64
import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest

from exitkit.assess.license_metrics import cores_of
from exitkit.drivers.aws_answers import (
    COULD_BE_SECRET,
    Item,
    argument_for,
    asset_of,
    items_of,
    merge_detail,
    plain,
    without_secrets,
)
from exitkit.drivers.aws_clients import timestamp
from exitkit.knowledge.aws_catalog import Detail, ListedType, load_catalog
from exitkit.store.redact import CREDENTIAL_PATTERNS

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def item(native_type: str, config: dict[str, Any], **given: str) -> Item:
    row = load_catalog().types[native_type]
    return Item(row, "123456789012", "aws", "eu-west-1", config, given)


def test_items_two_lists_deep_are_found() -> None:
    row = load_catalog().types["AWS::EC2::Instance"]
    page = {"Reservations": [{"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}]}
    assert [found["InstanceId"] for found in items_of(row, page)] == ["i-1", "i-2"]


def test_a_list_of_plain_names_becomes_items() -> None:
    row = load_catalog().types["AWS::DynamoDB::Table"]
    assert list(items_of(row, {"TableNames": ["orders"]})) == [{"TableName": "orders"}]


def test_an_arn_answered_alone_gives_the_name_too() -> None:
    row = load_catalog().types["AWS::ECS::Cluster"]
    arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/web"
    (found,) = items_of(row, {"clusterArns": [arn]})
    cluster = item("AWS::ECS::Cluster", found)
    assert (cluster.native_id, cluster.arn) == ("web", arn)


def test_a_child_does_not_carry_the_arn_of_its_parent() -> None:
    client = item("AWS::Cognito::UserPoolClient", {"UserPoolId": "eu-west-1_a", "ClientId": "c"})
    assert (client.native_id, client.arn) == ("eu-west-1_a|c", "")


def test_a_template_names_the_parts_it_wants() -> None:
    stage = item("AWS::ApiGateway::Stage", {"stageName": "live"}, restApiId="a1")
    assert stage.arn == "arn:aws:apigateway:eu-west-1::/restapis/a1/stages/live"


def test_the_parts_of_an_id_have_the_order_of_cloudformation() -> None:
    acl = item("AWS::WAFv2::WebACL", {"Name": "shop", "Id": "7"}, Scope="REGIONAL")
    assert acl.native_id == "shop|7|REGIONAL"


def test_further_pages_of_a_detail_are_added() -> None:
    rule = item("AWS::Events::Rule", {"Name": "nightly"})
    for page in ({"Targets": [{"Id": "1"}]}, {"Targets": [{"Id": "2"}]}):
        merge_detail(rule, rule.row.details[0], page)
    assert rule.config["Targets"] == [{"Id": "1"}, {"Id": "2"}]


def test_the_default_processors_of_a_database_class_are_kept_by_name() -> None:
    database = item("AWS::RDS::DBInstance", {"Engine": "oracle-se2"})
    (detail,) = database.row.details
    features = [
        {"Name": "coreCount", "DefaultValue": "4", "AllowedValues": "2,4"},
        {"Name": "threadsPerCore", "DefaultValue": "2", "AllowedValues": "1,2"},
    ]
    page = {"OrderableDBInstanceOptions": [{"AvailableProcessorFeatures": features}, {}]}
    merge_detail(database, detail, page)
    assert cores_of("AWS::RDS::DBInstance", database.config) == 8


def test_the_parts_of_an_id_are_joined_and_the_parent_fills_what_the_item_lacks() -> None:
    record = {"Name": "www.example.org.", "Type": "A"}
    found = item("AWS::Route53::RecordSet", record, HostedZoneId="Z1")
    assert found.native_id == "Z1|www.example.org.|A"


def test_an_item_without_any_id_still_has_one_that_stays() -> None:
    row = ListedType("AWS::X::Thing", "x", "ListThings", "Things[]", (("Id", ""),))
    first = Item(row, "1", "aws", "r", {"a": 1, "b": 2})
    second = Item(row, "1", "aws", "r", {"b": 2, "a": 1})
    assert first.native_id == second.native_id
    assert first.native_id.startswith("sha256-")


def test_an_arn_is_filled_in_where_the_answer_has_none() -> None:
    found = item("AWS::EC2::SecurityGroup", {"GroupId": "sg-1", "GroupName": "web"})
    assert found.arn == "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1"


def test_a_parent_gives_the_argument_of_that_name() -> None:
    zone = item("AWS::Route53::HostedZone", {"Id": "/hostedzone/Z1", "Name": "example.org."})
    assert argument_for("HostedZoneId", zone) == "Z1"


def test_a_detail_is_merged_or_put_where_the_catalog_says() -> None:
    bucket = item("AWS::S3::Bucket", {"Name": "b"})
    merge_detail(bucket, Detail("GetX", {}, take="TagSet", into="Tags"), {"TagSet": [{"Key": "a"}]})
    merge_detail(bucket, Detail("GetY", {}), {"Bucket": {"Owner": "me"}, "ResponseMetadata": {}})
    assert bucket.config == {"Name": "b", "Tags": [{"Key": "a"}], "Owner": "me"}


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "app", "Value": "crm"}],
        [{"key": "app", "value": "crm"}],
        [{"TagKey": "app", "TagValue": "crm"}],
        {"app": "crm"},
    ],
)
def test_every_spelling_of_tags_is_understood(tags: Any) -> None:
    found = item("AWS::EC2::VPC", {"VpcId": "vpc-1", "Tags": tags})
    assert asset_of(found, NOW, KEY).tags == (("app", "crm"),)


def test_what_changes_by_itself_is_left_out() -> None:
    table = item("AWS::DynamoDB::Table", {"TableName": "t", "ItemCount": 7, "TableSizeBytes": 9})
    assert asset_of(table, NOW, KEY).config == {"TableName": "t"}


def test_numbers_with_a_fraction_and_bytes_become_text() -> None:
    given = {"a": 1.5, "b": Decimal("2.50"), "c": b"\x00", "d": 3, "e": None, "f": [True]}
    assert plain(given) == {"a": "1.5", "b": "2.50", "c": "AA==", "d": 3, "e": None, "f": [True]}


@pytest.mark.parametrize(
    "config",
    [
        {"UserData": base64.b64encode(b"export PASSWORD=hunter2-planted").decode()},
        {"Environment": {"Variables": {"HARMLESS_NAME": "hunter2-planted"}}},
        {"containerDefinitions": [{"environment": [{"name": "X", "value": "hunter2-planted"}]}]},
        {"environmentVariables": [{"name": "X", "value": "hunter2-planted", "type": "PLAINTEXT"}]},
        {"ClientSecret": "hunter2-planted"},
        {"Nested": [{"MasterUserPassword": "hunter2-planted"}]},
        {"Definition": '{"url": "https://me:hunter2-planted@example.org/"}'},
    ],
)
def test_a_secret_value_is_masked_wherever_it_stands(config: dict[str, Any]) -> None:
    cleaned = repr(without_secrets(config, KEY))
    assert "hunter2-planted" not in cleaned
    assert base64.b64encode(b"hunter2-planted").decode()[:12] not in cleaned
    assert "<masked:" in cleaned


def test_names_of_secrets_and_settings_stay_readable() -> None:
    config = {
        "SecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf",
        "Policy": '{"Resource": "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf"}',
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "environment": [{"name": "LEVEL", "value": "x"}],
    }
    cleaned = without_secrets(config, KEY)
    assert {name: cleaned[name] for name in ("SecretArn", "Policy", "AccessKeyId")} == {
        name: config[name] for name in ("SecretArn", "Policy", "AccessKeyId")
    }
    assert cleaned["environment"][0]["name"] == "LEVEL"


@pytest.mark.parametrize(
    ("answered", "kept"),
    [
        ("2026-11-20T10:11:12.000Z", "2026-11-20T10:11:12.000Z"),
        (1795169472.5, "2026-11-20T10:11:12.500Z"),
        ("Fri, 20 Nov 2026 10:11:12 GMT", "2026-11-20T10:11:12Z"),
    ],
)
def test_times_become_iso_text(answered: object, kept: str) -> None:
    assert timestamp(answered) == kept


SAMPLES = (
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    "AKIAABCDEFGHIJKLMNOP",
    "aws_secret_access_key = " + "a" * 40,
    "ghp_" + "a" * 36,
    "glpat-" + "a" * 20,
    "xoxb-" + "1" * 10,
    "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK",
    "amqp://user:hunter22@host/",
    "AccountKey=" + "a" * 20,
    "Authorization: Bearer abcdefgh12345",
    "PWD=hunter22",
    "Api-Key: hunter22",
)


def test_no_pattern_finds_a_secret_where_the_short_look_sees_none() -> None:
    assert len(SAMPLES) > len(CREDENTIAL_PATTERNS)
    for pattern in CREDENTIAL_PATTERNS:
        found = [text for text in SAMPLES if re.search(pattern, text)]
        assert found, pattern
        assert all(COULD_BE_SECRET.search(text) for text in found), pattern
    for text in SAMPLES:
        assert "<masked:" in without_secrets({"Note": f"see {text} there"}, b"k" * 32)["Note"]
