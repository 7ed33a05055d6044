"""Check the whole AWS catalog against the installed models, call by call, without a server."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jmespath
import pytest
import yaml
from botocore.loaders import Loader

from exitkit.drivers.aws_answers import (
    Item,
    argument_for,
    carried_by,
    items_of,
    merge_detail,
    search,
)
from exitkit.drivers.aws_models import PlainFileLoader
from exitkit.knowledge.aws_catalog import DEPTHS, FOLDER, NO_ARN, ListedType, load_catalog
from exitkit.knowledge.aws_operations import load_discovery, load_uncalled
from tools.build_aws_catalog.roots import root_list_operations
from tools.build_aws_catalog.schemas import calls_by_type, digest

CATALOG = load_catalog()
TYPES = list(CATALOG.rows())
LOADER = Loader(file_loader=PlainFileLoader())
DOCUMENT = '{"Statement": [{"Sid": "first"}]}'
"""What a member that holds JSON as a text is made to say."""
KEYS = ("key", "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "EMAIL",
        "GCM", "QueueArn", "SMS", "VOICE")  # fmt: skip
"""Keys of a map, among them those that rows look for."""


@cache
def model(service: str) -> dict[str, Any]:
    document: dict[str, Any] = LOADER.load_service_model(service, "service-2")
    return document


def operation(service: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = model(service)["operations"].get(name)
    return found


def inputs(service: str, name: str) -> tuple[set[str], set[str]]:
    """The inputs an operation knows, and those it requires."""
    row = operation(service, name) or {}
    shape = model(service)["shapes"][row["input"]["shape"]] if "input" in row else {}
    return set(shape.get("members", {})), set(shape.get("required", ()))


def answer(service: str, shape: str, above: tuple[str, ...] = ()) -> Any:
    """Make an answer with every member that the output shape knows, one item in each list."""
    described = model(service)["shapes"][shape]
    inside = (*above, shape)
    if shape in above:
        return {} if described["type"] == "structure" else None
    match described["type"]:
        case "structure":
            members = described.get("members", {}).items()
            return {name: answer(service, ref["shape"], inside) for name, ref in members}
        case "list":
            return [answer(service, described["member"]["shape"], inside)]
        case "map":
            return dict.fromkeys(KEYS, answer(service, described["value"]["shape"], inside))
        case "boolean":
            return True
        case "integer" | "long" | "float" | "double" | "timestamp":
            return 1
        case "blob":
            return b"bytes"
        case _:
            return "text"


def first_item(row: ListedType) -> Item | None:
    output = (operation(row.service, row.operation) or {})["output"]["shape"]
    page = answer(row.service, output)
    for outer in search(row.items, page) if row.document else ():
        outer[row.document] = DOCUMENT
    for config in items_of(row, page):
        given = {**dict.fromkeys(row.parent, "given"), **dict.fromkeys(row.bind, "bound")}
        parent = "parent" if row.parent else ""
        own = {**carried_over(row), **config}
        return Item(row, "123456789012", "aws", "eu-west-1", own, given, parent)
    return None


def carried_over(row: ListedType) -> dict[str, Any]:
    """Return what items of a row take over from an item of the parent, where it has that."""
    lead = CATALOG.types.get(next(iter(row.parent.values()), ""))
    above = first_item(lead) if row.carry and lead else None
    found = carried_by(row, above) if above else {}
    return {name: value for name, value in found.items() if value is not None}


def first_fields(node: Mapping[str, Any]) -> Iterator[str]:
    """The members of the item itself that a parsed JMESPath looks at."""
    if node["type"] == "field":
        yield str(node["value"])
    elif node["type"] in ("subexpression", "filter_projection", "projection", "index_expression"):
        yield from first_fields(node["children"][0])
    else:
        for child in node["children"]:
            yield from first_fields(child)


def bound_faults(row: ListedType) -> Iterator[str]:
    """Values of an argument that the model does not have among those it enumerates."""
    shapes = model(row.service)["shapes"]
    called = operation(row.service, row.operation) or {}
    members = shapes[called["input"]["shape"]].get("members", {}) if "input" in called else {}
    for name, value in row.bind.items():
        shape = shapes[members[name]["shape"]] if name in members else {}
        if shape.get("type") == "list":
            shape = shapes[shape["member"]["shape"]]
        one_by_one = isinstance(value, dict) and set(value) == {"each"}
        values = value["each"] if one_by_one else value if isinstance(value, list) else [value]
        unknown = [one for one in values if one not in shape["enum"]] if "enum" in shape else []
        if unknown:
            yield f"{row.operation} knows no {name} {unknown}"


def item_faults(row: ListedType, item: Item) -> Iterator[str]:
    """Members that the row looks at and no answer has."""
    for detail in row.details:
        known, required = inputs(row.service, detail.operation)
        told = {*detail.keys, *detail.bind}
        if required - told or told - known:
            yield f"{detail.operation} does not take {sorted(told)}"
        for name, path in detail.keys.items():
            if argument_for(name, item, path) is None:
                yield f"nothing in the item is the {name} of {detail.operation}"
    for detail in row.details:
        output = (operation(row.service, detail.operation) or {})["output"]["shape"]
        merge_detail(item, detail, answer(row.service, output))
    if row.where:
        missing = set(first_fields(jmespath.compile(row.where).parsed)) - item.config.keys()
        if missing:
            yield f"where looks at {sorted(missing)}"
    if row.arn not in ("", "@", NO_ARN) and search(row.arn, item.config) is None:
        yield f"no ARN at {row.arn}"
    if row.name and search(row.name, item.config) is None:
        yield f"no name at {row.name}"


def faults(row: ListedType) -> Iterator[str]:
    known, required = inputs(row.service, row.operation)
    given = {*row.bind, *row.parent}
    yield from bound_faults(row)
    if required - given:
        yield f"{row.operation} also needs {sorted(required - given)}"
    if given - known:
        yield f"{row.operation} knows no {sorted(given - known)}"
    item = first_item(row)
    if item is None:
        yield f"{row.items} finds nothing in the answer of {row.operation}"
        return
    for part, path in row.ids:
        if not item.parts[part]:
            yield f"no value for {part} at {path!r}"
    yield from item_faults(row, item)


def test_the_catalog_lists_most_of_what_aws_has() -> None:
    assert len(TYPES) > 1500


def test_every_operation_exists_in_the_installed_models() -> None:
    missing = [
        (service, name) for service, name in CATALOG.read_set() if not operation(service, name)
    ]
    assert missing == []


def test_every_detail_call_says_where_its_inputs_and_its_answer_come_from() -> None:
    faults = []
    for row in TYPES:
        for detail in row.details:
            operation = model(row.service)["operations"][detail.operation]
            shapes = model(row.service)["shapes"]
            taken = shapes[operation["input"]["shape"]]
            answer = shapes[operation["output"]["shape"]]["members"]
            given = detail.keys.keys() | detail.bind.keys()
            if not set(taken.get("required", ())) <= given <= taken["members"].keys():
                faults.append((row.native_type, detail.operation, sorted(given)))
            if detail.take and re.match(r"\w+", detail.take)[0] not in answer:
                faults.append((row.native_type, detail.operation, detail.take))
    assert faults == []


def test_what_decides_whether_an_item_counts_is_asked_at_every_depth() -> None:
    for name in ("AWS::KMS::Key", "AWS::S3::Bucket"):
        first = CATALOG.types[name].details[0]
        assert all(first.is_made_at(depth) for depth in DEPTHS), name


def test_every_detail_call_has_a_cost_that_some_depth_pays() -> None:
    costs = {detail.cost for row in TYPES for detail in row.details}
    assert costs == DEPTHS["full"]
    assert DEPTHS["list"] < DEPTHS["standard"] < DEPTHS["full"]


@pytest.mark.parametrize(
    ("native_type", "operation"),
    [
        ("AWS::S3::Bucket", "GetBucketPolicy"),
        ("AWS::KMS::Key", "GetKeyPolicy"),
        ("AWS::ECR::Repository", "GetRepositoryPolicy"),
        ("AWS::EFS::FileSystem", "DescribeFileSystemPolicy"),
        ("AWS::SQS::Queue", "GetQueueAttributes"),
        ("AWS::SNS::Topic", "GetTopicAttributes"),
        ("AWS::S3::Bucket", "GetBucketNotificationConfiguration"),
        ("AWS::S3::Bucket", "GetBucketReplication"),
        ("AWS::Lambda::Function", "GetFunctionConcurrency"),
        ("AWS::EC2::Instance", "DescribeInstanceAttribute"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "DescribeLoadBalancerAttributes"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "DescribeTargetHealth"),
        ("AWS::ECS::Service", "DescribeServices"),
        ("AWS::WAFv2::WebACL", "GetWebACL"),
    ],
)
def test_what_a_thin_list_answer_lacks_is_asked_for(native_type: str, operation: str) -> None:
    assert operation in CATALOG.types[native_type].operations


def test_every_list_call_gives_items_with_an_id() -> None:
    wrong = {row.native_type: found for row in TYPES if (found := list(faults(row)))}
    assert wrong == {}


def test_every_root_list_operation_of_the_sdk_is_called_or_left_out_for_a_reason() -> None:
    called = {f"{service}:{name}" for service, name in CATALOG.read_set()}
    uncalled = load_uncalled()
    left_out = {name for name, _ in (*uncalled.ignored, *uncalled.seen)}
    roots = {
        f"{service}:{name}"
        for service in LOADER.list_available_services("service-2")
        for name in root_list_operations(model(service))
    }
    assert len(roots) > 2000
    assert sorted(roots - called - left_out) == []
    # Nor is a place kept for what the SDK no longer has.
    assert sorted((left_out | {one.called for one in load_discovery()}) - roots) == []


def test_every_operation_only_reads() -> None:
    verbs = (
        "Get",
        "List",
        "Describe",
        "Search",
        "BatchGet",
        "BatchDescribe",
        "Query",
        "Scan",
        "Select",
        "Lookup",
    )
    assert [pair for pair in CATALOG.read_set() if not pair[1].startswith(verbs)] == []


@pytest.mark.parametrize(
    "name",
    [
        "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue",
        "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath",
        "ssm:GetParameterHistory", "ec2:GetPasswordData", "appsync:ListApiKeys",
        "cognito-idp:DescribeUserPoolClient", "ecr:GetAuthorizationToken", "kms:GetPublicKey",
        "sts:GetSessionToken", "redshift:GetClusterCredentials", "iam:GetCredentialReport",
    ],
)  # fmt: skip
def test_nothing_that_hands_out_a_secret_is_ever_called(name: str) -> None:
    service, _, called = name.partition(":")
    assert (service, called) not in set(CATALOG.read_set())


def test_every_type_is_listed_or_says_why_not() -> None:
    assert not CATALOG.types.keys() & CATALOG.unlisted.keys()
    assert all(CATALOG.unlisted.values())


def test_no_answer_is_reported_as_two_types_without_telling_them_apart() -> None:
    seen: dict[tuple[str, ...], list[ListedType]] = {}
    for row in TYPES:
        call = row.service, row.operation, repr(row.bind), repr(row.parent), repr(row.keys)
        seen.setdefault((*call, row.items, row.each), []).append(row)
    blurred = [
        [row.native_type for row in rows]
        for rows in seen.values()
        if len(rows) > 1 and not all(row.where for row in rows)
    ]
    assert blurred == []


def test_a_parent_is_a_listed_type() -> None:
    orphans = [
        (row.native_type, parent)
        for row in TYPES
        for parent in row.parent.values()
        if parent not in CATALOG.types
    ]
    assert orphans == []


def test_every_row_the_generator_was_not_sure_of_has_been_looked_at() -> None:
    reviewed = yaml.safe_load((FOLDER / "reviewed.yaml").read_text(encoding="utf-8"))
    unsure = {row.native_type for row in TYPES if row.confidence == "low"}
    assert sorted(unsure - reviewed.keys()) == []
    assert sorted(reviewed.keys() - CATALOG.types.keys()) == []
    assert all(re.match(r"right|corrected: ", note) for note in reviewed.values())


def test_a_type_is_corrected_in_one_place() -> None:
    # YAML takes the last of two lines for one type, and the first is lost without a word.
    places = Counter(
        name
        for file in (FOLDER / "overrides").iterdir()
        for name in re.findall(r"^(AWS::\S+):", file.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert [name for name, count in places.items() if count > 1] == []


def test_permissions_are_iams_own_words() -> None:
    permission: Mapping[tuple[str, str], str] = {
        ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
        ("ec2", "DescribeVpcs"): "ec2:DescribeVpcs",
        ("stepfunctions", "ListStateMachines"): "states:ListStateMachines",
        ("apigateway", "GetRestApis"): "apigateway:GET",
        ("cloudwatch", "DescribeAlarms"): "cloudwatch:DescribeAlarms",
    }
    for (service, name), expected in permission.items():
        assert CATALOG.permission(service, name) == expected


@pytest.mark.parametrize(
    "name",
    ["catalog.json.gz", "regions.json.gz", "actions.json.gz", "iac/schemas.jsonl.gz"],
)
def test_what_is_generated_was_made_of_the_inputs_that_are_named(name: str) -> None:
    inputs = Path(__file__).parents[3] / "tools/build_aws_catalog/inputs.txt"
    pins = dict(re.findall(r"^(\S+)==(\S+)$", inputs.read_text(encoding="utf-8"), re.MULTILINE))
    with gzip.open(FOLDER.joinpath(name).open("rb"), "rt", encoding="utf-8") as lines:
        sources = json.loads(next(lines))["sources"]
    assert sources == {source: pins[source] for source in ("botocore", "cfn-lint")}


def test_the_schemas_were_made_for_the_calls_in_force() -> None:
    # Else a property that a newer call answers counts as one that AWS never tells: `make catalog`.
    with gzip.open(FOLDER.joinpath("iac/schemas.jsonl.gz").open("rb"), "rt") as lines:
        assert json.loads(next(lines))["calls"] == digest(calls_by_type(CATALOG))
