"""Hold the exported templates against the linter of CloudFormation and the account they are of."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from exitkit.engine.harvest import Harvest

REGION, ACCOUNT = "eu-west-1", "123456789012"
SECRET = "planted-secret-5a17"
BLOCK = re.MULTILINE | re.DOTALL


@pytest.fixture(scope="module")
def files(exported: dict[str, bytes]) -> dict[str, bytes]:
    return exported


@pytest.fixture(scope="module")
def templates(files: dict[str, bytes]) -> dict[str, Any]:
    return {
        path: json.loads(body) for path, body in files.items() if path.endswith("template.json")
    }


def test_the_linter_finds_no_error_in_any_template(files: dict[str, bytes]) -> None:
    checked = 0
    for path, body in files.items():
        if path.endswith("template.json"):
            region = REGION if f"/{REGION}/" in path else "us-east-1"
            found = lint(body.decode(), config=ManualArgs(regions=[region]))
            errors = [f"{one.rule.id} {one.message}" for one in found if one.rule.id[0] == "E"]
            assert errors == [], path
            checked += 1
    assert checked == 4


def test_every_resource_to_import_is_named_by_what_identifies_it(
    files: dict[str, bytes], templates: dict[str, Any]
) -> None:
    for path, body in files.items():
        if path.endswith(".resources.json"):
            resources = templates[path.replace(".resources.", ".template.")]["Resources"]
            rows = json.loads(body)
            assert {row["LogicalResourceId"] for row in rows} == resources.keys()
            for row in rows:
                assert resources[row["LogicalResourceId"]]["Type"] == row["ResourceType"]
                assert all(row["ResourceIdentifier"].values())


def test_an_import_keeps_every_resource_whatever_becomes_of_the_stack(
    templates: dict[str, Any],
) -> None:
    for path, template in templates.items():
        for resource in template["Resources"].values():
            assert (resource.get("DeletionPolicy") == "Retain") is ("/import-" in path)


def test_every_kind_of_thing_is_in_the_templates(
    templates: dict[str, Any], harvest: Harvest
) -> None:
    held = {
        resource["Type"]
        for path, template in templates.items()
        if "/import-" in path
        for resource in template["Resources"].values()
    }
    collected = {asset.ref.native_type for asset in harvest.assets.values()}
    # To import a record its set identifier must be known, which a plain record has none of.
    assert collected - held == {"AWS::Route53::RecordSet"}
    assert held - collected == {
        "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::SubnetNetworkAclAssociation",
        "AWS::EC2::VolumeAttachment",
        "AWS::S3::BucketPolicy", "AWS::SQS::QueueInlinePolicy",
    }  # fmt: skip


def test_no_secret_reaches_a_file_and_each_left_out_is_listed(files: dict[str, bytes]) -> None:
    assert not any(SECRET.encode() in body or b"<masked" in body for body in files.values())
    (function,) = not_carried(files, "AWS::Lambda::Function").values()
    assert ("Environment", "secret") in pairs(function)


def test_what_is_not_carried_says_why(files: dict[str, bytes]) -> None:
    (bucket,) = not_carried(files, "AWS::S3::Bucket").values()
    assert ("ReplicationConfiguration", "not-asked") in pairs(bucket)
    parameters = not_carried(files, "AWS::SSM::Parameter")
    # The type of a secure parameter is none that a template may give.
    assert (None, "required") in pairs(parameters["/app/key"])
    assert ("Value", "supply") in pairs(parameters["/app/mode"])


def pairs(rows: list[dict[str, Any]]) -> set[tuple[str | None, str]]:
    return {(row.get("property"), row["reason"]) for row in rows}


def test_things_refer_to_each_other_and_not_to_ids(templates: dict[str, Any]) -> None:
    template = templates[f"iac/aws/{ACCOUNT}/{REGION}/cloudformation/create-001.template.json"]
    resources = template["Resources"]
    assert resources["SubnetFront"]["Properties"]["VpcId"] == {"Ref": "VPCMain"}
    text = json.dumps(resources)
    assert "vpc-" not in text.replace("com.amazonaws", "")
    route = resources["RoutePublic00000"]
    assert route["Properties"]["GatewayId"] == {"Ref": "InternetGatewayGate"}
    assert route["DependsOn"] == ["VPCGatewayAttachmentGate"]


def test_groups_that_name_each_other_make_no_circle(templates: dict[str, Any]) -> None:
    template = templates[f"iac/aws/{ACCOUNT}/{REGION}/cloudformation/create-001.template.json"]
    rules = [
        row["Properties"]
        for row in template["Resources"].values()
        if row["Type"] == "AWS::EC2::SecurityGroupIngress"
    ]
    assert len(rules) == 3
    for group in ("SecurityGroupWeb", "SecurityGroupDb"):
        inner = template["Resources"][group]["Properties"].get("SecurityGroupIngress", [])
        assert all("SourceSecurityGroupId" not in row for row in inner)


def not_carried(files: dict[str, bytes], native_type: str) -> dict[str, list[dict[str, Any]]]:
    """Return the reasons by native id."""
    lines = [
        json.loads(line)
        for path, body in files.items()
        if path.endswith("cloudformation/not-carried.jsonl")
        for line in body.splitlines()
    ]
    return {row["nativeId"]: row["notCarried"] for row in lines if row["nativeType"] == native_type}


SALES = {"owner": "sales"}
TAGGED = {
    "AWS::SQS::Queue": {"work": SALES, "dead": {"owner": "ops", "cost:center": "4711/a b"}},
    "AWS::SNS::Topic": {"news": SALES},
    "AWS::DynamoDB::Table": {"orders": SALES, "stock": {}},
    "AWS::KMS::Key": {"data": SALES},
}
"""Tags that no list answer has, by the name that estate.yaml gives a thing."""
NAMED_BY = ("QueueName", "TopicName", "TableName", "Description")


@pytest.mark.parametrize("purpose", ["import", "create"])
def test_a_template_gives_each_thing_its_own_tags(templates: dict[str, Any], purpose: str) -> None:
    (template,) = (
        body for path, body in templates.items() if f"/{REGION}/" in path and purpose in path
    )
    found: dict[str, dict[str, dict[str, str]]] = {name: {} for name in TAGGED}
    for resource in template["Resources"].values():
        if resource["Type"] in TAGGED:
            held = resource["Properties"]
            (name,) = (held[member] for member in NAMED_BY if member in held)
            tags = {tag["Key"]: tag["Value"] for tag in held.get("Tags", ())}
            found[resource["Type"]][name] = tags
    assert found == TAGGED


@pytest.mark.parametrize(
    ("provider", "types"),
    [
        ("terraform-aws", ("aws_sqs_queue", "aws_sns_topic", "aws_dynamodb_table", "aws_kms_key")),
        (
            "terraform-awscc",
            ("awscc_sqs_queue", "awscc_sns_topic", "awscc_dynamodb_table", "awscc_kms_key"),
        ),
    ],
)
def test_terraform_gives_each_thing_its_own_tags(
    exported: dict[str, bytes], provider: str, types: tuple[str, ...]
) -> None:
    main = exported[f"iac/aws/{ACCOUNT}/{REGION}/{provider}/main.tf"].decode()
    found: dict[str, dict[str, dict[str, str]]] = {name: {} for name in types}
    for kind, name, body in re.findall(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', main, BLOCK):
        if kind in types:
            found[kind][name] = tags_of(body)
    assert found == dict(zip(types, TAGGED.values(), strict=True))


def tags_of(body: str) -> dict[str, str]:
    """Read the argument `tags` of a block: a map, or a list of objects with key and value."""
    (told, *more) = re.findall(r"^  tags = [{\[]\n(.*?)^  [}\]]$", body, BLOCK) or [""]
    assert more == []
    pairs = re.findall(r'^ +("?)([^"\n]+)\1 = "(.*)"$', told, re.MULTILINE)
    texts = [(name, text.replace("$${", "${")) for _, name, text in pairs]
    if not told.lstrip().startswith("{"):
        return dict(texts)
    keys = [text for name, text in texts if name == "key"]
    return dict(zip(keys, (text for name, text in texts if name == "value"), strict=True))
