"""Give the answers that AWS may give and no emulator does: versions, stages, odd names, twins."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.extractors.cloudfront_functions import CloudFrontFunctions
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Finding, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIASHOP", "AWS_SECRET_ACCESS_KEY": "s"}
ACCOUNT = "111111111111"
REGIONS = "<R><regionInfo>{}</regionInfo></R>"

Answer = Callable[[Any], Any]


@pytest.fixture
def collected(stand_in: Any, tmp_path: Path) -> Callable[..., list[Finding]]:
    """Collects from the stand-in as it answers by then."""

    def collect(*services: str, regions: tuple[str, ...] = ("eu-west-1",)) -> list[Finding]:
        found = AwsCollector().collect(source_of(stand_in, tmp_path, services, regions), context)
        return list(found)

    context = Context(NOW, tmp_path, b"k" * 32, KEYS)
    return collect


def source_of(
    stand_in: Any, folder: Path, services: tuple[str, ...], regions: tuple[str, ...]
) -> Source:
    settings = {"endpoint_url": stand_in.url, "services": [*services], "regions": [*regions]}
    return Source("prod", "aws", settings, folder)


def assets_of(findings: list[Finding]) -> list[Asset]:
    return [one for one in findings if isinstance(one, Asset)]


def calls_of(findings: list[Finding], operation: str) -> list[Call]:
    lines = [one for one in findings if isinstance(one, Call) and one.operation == operation]
    assert len({line.urn for line in lines}) == len(lines)
    return lines


def layer(name: str, version: int) -> dict[str, Any]:
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:{name}:{version}"
    return {"LayerVersionArn": arn, "Version": version, "CompatibleRuntimes": ["python3.13"]}


def test_every_version_of_a_layer_is_found_and_asked_below_once(
    stand_in: Any, reply: Answer, collected: Callable[..., list[Finding]]
) -> None:
    latest = {"one": 3, "two": 1}

    def answer(asked: Any) -> Any:
        path = urlsplit(asked.operation.partition(":")[2]).path
        if path.endswith("/layers"):
            layers = [
                {
                    "LayerName": name,
                    "LayerArn": f"arn:{name}",
                    "LatestMatchingVersion": layer(name, n),
                }
                for name, n in latest.items()
            ]
            return reply(json.dumps({"Layers": layers}))
        if path.endswith("/versions"):
            name = path.split("/")[-2]
            versions = [layer(name, n) for n in range(latest[name], 0, -1)]
            return reply(json.dumps({"LayerVersions": versions}))
        if path.endswith("/policy"):
            return reply(json.dumps({"Policy": json.dumps({"Statement": [{"Sid": "all"}]})}))
        return None

    stand_in.answer = answer
    patterns = ("lambda:ListLayers", "lambda:ListLayerVersions", "lambda:GetLayerVersionPolicy")
    findings = collected(*patterns)
    layers = [one for one in assets_of(findings) if one.ref.native_type.endswith("LayerVersion")]
    assert {one.ref.native_id.rpartition(":layer:")[2] for one in layers} == {
        "one:1", "one:2", "one:3", "two:1",
    }  # fmt: skip
    assert {one.name for one in layers} == {"one", "two"}
    assert {one.config["LayerName"] for one in layers} == {"one", "two"}
    (lists, versions, policies) = (calls_of(findings, pattern) for pattern in patterns)
    assert [line.count for line in lists] == [2]
    assert sorted(line.count for line in versions) == [1, 3]
    assert [line.count for line in policies] == [1] * 4


FUNCTION = f"arn:aws:cloudfront::{ACCOUNT}:function/rewrite"


def function_xml(stage: str) -> str:
    return (
        "<FunctionSummary><Name>rewrite</Name><Status>UNASSOCIATED</Status>"
        f"<FunctionConfig><Comment>{stage}</Comment><Runtime>cloudfront-js-2.0</Runtime>"
        f"</FunctionConfig><FunctionMetadata><FunctionARN>{FUNCTION}</FunctionARN>"
        f"<Stage>{stage}</Stage></FunctionMetadata></FunctionSummary>"
    )


@pytest.mark.parametrize(
    ("live", "held", "told"),
    [
        ("function handler(e) { return 1; }\n", ["live.js"], "the same code"),
        ("function handler(e) { return 0; }\n", ["live.js", "development.js"], "has other code"),
        ("", ["development.js"], "never published"),
    ],
)
def test_both_stages_of_a_function_are_held_or_said_to_be_equal(
    stand_in: Any,
    reply: Answer,
    tmp_path: Path,
    collected: Callable[..., list[Finding]],
    live: str,
    held: list[str],
    told: str,
) -> None:
    codes = {"DEVELOPMENT": "function handler(e) { return 1; }\n", "LIVE": live}

    def answer(asked: Any) -> Any:
        place = urlsplit(asked.operation.partition(":")[2])
        if not asked.operation.startswith("cloudfront:") or "/function" not in place.path:
            return None
        (stage,) = parse_qs(place.query)["Stage"]
        if not codes[stage]:
            text = "<ErrorResponse><Error><Code>NoSuchFunctionExists</Code></Error></ErrorResponse>"
            return reply(text, 404, "text/xml")
        if place.path.endswith("/rewrite"):
            return reply(codes[stage], content_type="application/octet-stream")
        if place.path.endswith("/describe"):
            return reply(function_xml(stage), content_type="text/xml")
        whole = f"<FunctionList><Items>{function_xml(stage)}</Items></FunctionList>"
        return reply(whole, content_type="text/xml")

    stand_in.answer = answer
    services = ("cloudfront:ListFunctions", "cloudfront:DescribeFunction")
    findings = collected(*services)
    (function,) = assets_of(findings)
    assert function.config["FunctionConfig"]["Comment"] == "DEVELOPMENT"
    assert ("Live" in function.config) is bool(live)
    assert [line.is_open for line in calls_of(findings, services[1])] == [False]
    source = source_of(stand_in, tmp_path, services, ("eu-west-1",))
    context = Context(NOW, tmp_path, b"k" * 32, KEYS)
    *calls, draft = CloudFrontFunctions().extract(function, source, context)
    assert isinstance(draft, Draft)
    bodies = {one.path.rpartition("/")[2]: one.body for one in draft.contents}
    assert [*bodies] == held
    assert told in draft.text
    for name, body in bodies.items():
        assert isinstance(body, bytes)
        assert body.decode() == codes[name.partition(".")[0].upper()]
    lines = [one for one in calls if isinstance(one, Call)]
    assert {line.outcome for line in lines} <= {CallOutcome.COLLECTED, CallOutcome.EMPTY}
    assert len({line.urn for line in lines}) == 2


@pytest.mark.parametrize(("count", "details"), [(3, 3), (5000, 0)])
def test_what_two_pages_hold_is_one_thing_and_asked_about_once(
    stand_in: Any, reply: Answer, collected: Callable[..., list[Finding]], count: int, details: int
) -> None:
    names = [f"ünï code/{number}" for number in range(count)]
    pages = {"": names[:2], "t1": names[1:], "t2": names[-1:]}
    following = {"": "t1", "t1": "t2"}

    def answer(asked: Any) -> Any:
        token = asked.arguments.get("ExclusiveStartTableName", "")
        if asked.operation != "dynamodb:ListTables":
            return None
        more = {"LastEvaluatedTableName": following[token]} if token in following else {}
        return reply(json.dumps({"TableNames": pages[token], **more}))

    stand_in.answer = answer
    more = ["dynamodb:DescribeTable"] if details else []
    findings = collected("dynamodb:ListTables", *more)
    tables = [one for one in assets_of(findings) if one.ref.native_type.endswith("::Table")]
    assert sorted(one.name for one in tables) == sorted(names)
    (line,) = calls_of(findings, "dynamodb:ListTables")
    assert line.count == count
    assert stand_in.asked["dynamodb:DescribeTable"] == details


def test_tokens_that_go_in_a_wide_circle_end_the_call(
    stand_in: Any, reply: Answer, collected: Callable[..., list[Finding]]
) -> None:
    circle = {"": "a", "a": "b", "b": "c", "c": "a"}

    def answer(asked: Any) -> Any:
        if asked.operation != "secretsmanager:ListSecrets":
            return None
        token = asked.arguments.get("NextToken", "")
        row = {"ARN": f"arn:{token}", "Name": f"secret-{token}"}
        return reply(json.dumps({"SecretList": [row], "NextToken": circle[token]}))

    stand_in.answer = answer
    findings = collected("secretsmanager:ListSecrets")
    (line,) = calls_of(findings, "secretsmanager:ListSecrets")
    assert (line.outcome, line.count) == (CallOutcome.UNAVAILABLE, 4)
    assert "pages go round in circles" in line.reason
    assert len(assets_of(findings)) == 4
    assert stand_in.asked["secretsmanager:ListSecrets"] == 4


def test_an_item_without_an_id_is_an_asset_of_its_own(
    stand_in: Any, reply: Answer, collected: Callable[..., list[Finding]]
) -> None:
    rows = [{"Description": "one"}, {"Description": "two"}, {"Name": "named"}]

    def answer(asked: Any) -> Any:
        is_list = asked.operation == "secretsmanager:ListSecrets"
        return reply(json.dumps({"SecretList": rows})) if is_list else None

    stand_in.answer = answer
    first, second = (collected("secretsmanager:ListSecrets") for _ in range(2))
    assert len({one.ref for one in assets_of(first)}) == 3
    assert assets_of(first) == assets_of(second)
