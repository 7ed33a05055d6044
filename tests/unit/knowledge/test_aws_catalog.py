"""Check the whole AWS catalog against the installed models, call by call, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader

from exitkit.drivers.aws_answers import Item, items_of, search
from exitkit.knowledge.aws_catalog import ListedType, load_catalog
from exitkit.knowledge.aws_operations import load_discovery, load_uncalled
from tools.build_aws_catalog.roots import root_list_operations

CATALOG = load_catalog()
TYPES = list(CATALOG.rows())
LOADER = Loader()
DOCUMENT = '{"Statement": [{"Sid": "first"}]}'
"""What a member that holds JSON as a text is made to say."""
KEYS = ("key", "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "EMAIL",
        "GCM", "SMS", "VOICE")  # fmt: skip
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
        return Item(row, "123456789012", "aws", "eu-west-1", config, given, parent)
    return None


def faults(row: ListedType) -> Iterator[str]:
    known, required = inputs(row.service, row.operation)
    given = {*row.bind, *row.parent}
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
    if row.where:
        search(row.where, item.config)
    for detail in row.details:
        known, required = inputs(row.service, detail.operation)
        told = {*detail.keys, *detail.bind}
        if required - told or told - known:
            yield f"{detail.operation} does not take {sorted(told)}"


def test_the_catalog_lists_most_of_what_aws_has() -> None:
    assert len(TYPES) > 1500


def test_every_operation_exists_in_the_installed_models() -> None:
    missing = [
        (service, name) for service, name in CATALOG.read_set() if not operation(service, name)
    ]
    assert missing == []


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


def test_a_parent_is_a_listed_type_or_the_child_has_another_one() -> None:
    orphans = [
        row.native_type
        for row in TYPES
        if row.parent and not any(parent in CATALOG.types for parent in row.parent.values())
    ]
    assert len(orphans) < 5


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
