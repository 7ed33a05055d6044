"""Hold compiled parsers against the SDK's own, over all protocols and many services' shapes."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserFactory

from exitkit.drivers.aws_clients import timestamp
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_parsers import COMPILED, CompiledParserFactory
from exitkit.knowledge.aws_catalog import load_catalog

SERVICES = (
    # ec2, query
    "ec2", "autoscaling", "cloudformation", "elasticache", "elasticbeanstalk", "elb", "elbv2",
    "iam", "neptune", "rds", "redshift", "ses", "sns",
    # rest-xml
    "cloudfront", "route53", "s3", "s3control",
    # json
    "acm", "athena", "codebuild", "cognito-idp", "dynamodb", "ecr", "ecs", "glue", "kms", "logs",
    "organizations", "sagemaker", "secretsmanager", "sqs", "ssm", "wafv2",
    # rest-json
    "apigateway", "apigatewayv2", "appsync", "backup", "batch", "eks", "guardduty", "iot",
    "kafka", "lambda", "mediaconvert", "quicksight", "securityhub", "xray",
)  # fmt: skip
WIDEST, DEEPEST = 3, 7
PLAIN = ResponseParserFactory()
PLAIN.set_parser_defaults(timestamp_parser=timestamp)


@pytest.fixture(scope="module")
def loader() -> ReadOnlyLoader:
    return ReadOnlyLoader(load_catalog().read_set(), os.environ)


def operations(loader: ReadOnlyLoader, service: str) -> Iterator[OperationModel]:
    model = ServiceModel(loader.load_service_model(service, "service-2"), service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.output_shape and not operation.has_streaming_output:
            yield operation


def made(shape: Any, dice: random.Random, depth: int = 0) -> Any:
    """Make a value for a shape: members left out, empty places, lists of any size."""
    kind = shape.type_name
    if kind == "structure":
        if shape.metadata.get("document"):
            return {"any": [1, {"thing": None}]}
        names = list(shape.members)
        if shape.metadata.get("union"):
            names = dice.sample(names, 1)
        elif depth:
            names = [name for name in names if depth < DEEPEST and dice.random() < 0.8]
        return {name: made(shape.members[name], dice, depth + 1) for name in names}
    if kind == "list":
        size = dice.randint(0, WIDEST) if depth < DEEPEST else 0
        return [made(shape.member, dice, depth + 1) for _ in range(size)]
    if kind == "map":
        size = dice.randint(0, WIDEST) if depth < DEEPEST else 0
        return {f"key-{n}": made(shape.value, dice, depth + 1) for n in range(size)}
    return scalar(kind, dice)


def scalar(kind: str, dice: random.Random) -> Any:
    match kind:
        case "boolean":
            return dice.random() < 0.5
        case "integer" | "long":
            return dice.randint(-5, 2**40)
        case "float" | "double":
            return dice.randint(0, 99) / 4
        case "timestamp":
            return dice.choice(["2026-11-20T12:00:00Z", "2026-11-20T12:00:00.123Z", 1763640000])
        case "blob":
            return base64.b64encode(dice.randbytes(5)).decode()
    return dice.choice(["", "text", " two  words ", "<&> 漢字", "123"])


def as_json(shape: Any, value: Any) -> Any:
    """Spell a value as a JSON service does, with a member no model knows and a null."""
    if shape.type_name == "structure" and not shape.metadata.get("document"):
        spelt = {
            member.serialization.get("name", name): as_json(member, value[name])
            for name, member in shape.members.items()
            if name in value
        }
        return spelt if shape.metadata.get("union") else {**spelt, "notInTheModel": [1]}
    if shape.type_name == "list":
        return [*(as_json(shape.member, item) for item in value), *([None] if value else [])]
    if shape.type_name == "map":
        return {key: as_json(shape.value, item) for key, item in value.items()}
    return value


def as_xml(tag: str, shape: Any, value: Any) -> str:
    """Spell a value as an XML service does: lists and maps may be flattened."""
    if shape.type_name == "structure":
        return f"<{tag}>{members_as_xml(shape, value)}</{tag}>"
    flat = shape.serialization.get("flattened")
    if shape.type_name == "list":
        inner = shape.member.serialization.get("name")
        if flat:
            return "".join(as_xml(inner or tag, shape.member, item) for item in value)
        items = (as_xml(inner or "member", shape.member, item) for item in value)
        return f"<{tag}>{''.join(items)}</{tag}>"
    if shape.type_name == "map":
        key = shape.key.serialization.get("name") or "key"
        name = shape.value.serialization.get("name") or "value"
        entries = [
            f"<{key}>{escape(each)}</{key}>{as_xml(name, shape.value, item)}"
            for each, item in value.items()
        ]
        if flat:
            return "".join(f"<{tag}>{entry}</{tag}>" for entry in entries)
        return f"<{tag}>{''.join(f'<entry>{entry}</entry>' for entry in entries)}</{tag}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{tag}>{escape(text)}</{tag}>" if text else f"<{tag}/>"


def members_as_xml(shape: Any, value: Any) -> str:
    parts = []
    for name, member in shape.members.items():
        if name in value and member.serialization.get("location") is None:
            tag = member.serialization.get("name", name)
            parts.append(as_xml(tag, member, value[name]))
    unknown = "" if shape.metadata.get("union") else "<notInTheModel><a>1</a></notInTheModel>"
    return "".join(parts) + unknown


def body_of(operation: OperationModel, dice: random.Random) -> bytes:
    shape = operation.output_shape
    payload = shape.serialization.get("payload")
    inner = shape.members[payload] if payload else shape
    if inner.type_name in ("string", "blob"):
        return b"as it is"
    value = made(inner, dice)
    if "json" in operation.service_model.resolved_protocol:
        return json.dumps(as_json(inner, value)).encode()
    space = ' xmlns="https://example.com/doc/2026-11-20/"' if dice.random() < 0.5 else ""
    wrapper = shape.serialization.get("resultWrapper")
    members = members_as_xml(inner, value)
    members = f"<{wrapper}>{members}</{wrapper}>" if wrapper else members
    request = "<requestId>r-1</requestId><ResponseMetadata><RequestId>r-1</RequestId>"
    space += ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return f"<Response{space}>{members}{request}</ResponseMetadata></Response>".encode()


def answer(body: bytes, status: int = 200, **headers: str) -> dict[str, Any]:
    return {"body": body, "status_code": status, "headers": headers, "context": {}}


def read_both(operation: OperationModel, response: dict[str, Any]) -> tuple[Any, Any]:
    protocol = operation.service_model.resolved_protocol
    fast = FAST.create_parser(protocol).parse(dict(response), operation.output_shape)
    plain = PLAIN.create_parser(protocol).parse(dict(response), operation.output_shape)
    return fast, plain


FAST = CompiledParserFactory(timestamp)


@pytest.mark.parametrize("service", SERVICES)
def test_compiled_shapes_read_what_the_sdk_reads(loader: ReadOnlyLoader, service: str) -> None:
    seen, parser = 0, FAST.create_parser("json")
    for operation in operations(loader, service):
        dice = random.Random(f"{service}:{operation.name}")
        for _ in range(3):
            fast, plain = read_both(operation, answer(body_of(operation, dice)))
            assert fast == plain, operation.name
            seen += 1
        parser = FAST.create_parser(operation.service_model.resolved_protocol)
    assert seen
    # None of these answers had to be read by the SDK's own code after all.
    assert parser.tripped == 0


def test_every_protocol_that_is_compiled_is_among_the_services(loader: ReadOnlyLoader) -> None:
    spoken = {
        next(operations(loader, service)).service_model.resolved_protocol for service in SERVICES
    }
    assert spoken == COMPILED.keys()


def test_the_compiled_functions_are_really_used(loader: ReadOnlyLoader) -> None:
    for service in ("ec2", "sns", "s3", "ecs", "lambda"):
        operation = next(operations(loader, service))
        parser = CompiledParserFactory(timestamp).create_parser(
            operation.service_model.resolved_protocol
        )
        body = body_of(operation, random.Random(1))
        parser.parse(answer(body), operation.output_shape)
        assert parser._read, service


@pytest.mark.parametrize(
    ("service", "name", "body"),
    [
        ("ec2", "DescribeVpcs", b"<R><vpcSet/><vpcSet><item><vpcId>a</vpcId></item></vpcSet></R>"),
        ("ec2", "DescribeVpcs", b"<R><vpcSet><item><isDefault>yes</isDefault></item></vpcSet></R>"),
        ("sns", "ListTopics", b"<R><ListTopicsResult><Topics/></ListTopicsResult></R>"),
        ("ecs", "ListClusters", b'{"clusterArns": null}'),
        ("ecs", "ListClusters", b""),
        ("lambda", "ListFunctions", b'{"Functions": [null, {"MemorySize": "128"}]}'),
        ("lambda", "ListFunctions", b'{"Functions": "abc"}'),
    ],
)
def test_strange_answers_are_read_as_the_sdk_reads_them(
    loader: ReadOnlyLoader, service: str, name: str, body: bytes
) -> None:
    (operation,) = [one for one in operations(loader, service) if one.name == name]

    def outcome(factory: ResponseParserFactory) -> Any:
        parser = factory.create_parser(operation.service_model.resolved_protocol)
        try:
            return parser.parse(answer(body), operation.output_shape)
        except Exception as fault:
            return repr(fault)

    assert outcome(CompiledParserFactory(timestamp)) == outcome(PLAIN)


@pytest.mark.parametrize("service", ["ec2", "iam", "route53", "s3", "ecs", "lambda"])
def test_errors_are_read_as_the_sdk_reads_them(loader: ReadOnlyLoader, service: str) -> None:
    operation = next(operations(loader, service))
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    body += b"<RequestId>r</RequestId></ErrorResponse>"
    if "json" in operation.service_model.resolved_protocol:
        body = b'{"__type": "a#AccessDeniedException", "message": "no"}'
    fast, plain = read_both(operation, answer(body, 403))
    assert fast == plain
    assert fast["Error"]["Message"] == "no"
