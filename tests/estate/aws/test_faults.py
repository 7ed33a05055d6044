"""Let every fault of a network and of AWS happen in mid-run: no run ends, nothing disappears."""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.drivers import aws_calls, aws_clients, aws_credentials
from exitkit.drivers.aws_rates import CONNECT_ATTEMPTS
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Finding, Limits, Source

NOW = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
LISTS = {"sqs:ListQueues", "sns:ListTopics", "dynamodb:ListTables"}
ALWAYS = {"sts:GetCallerIdentity", "ec2:DescribeRegions", "tagging:GetResources"}
"""What every run asks: whose account it is, which regions it has, and its tags."""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "y"}

DENIED = {"__type": "com.amazonaws#AccessDeniedException"}
SAYS_WHICH = "User: arn:aws:iam::123456789012:user/reader is not authorized to perform: {}"
FAULTS: dict[str, tuple[dict[str, Any], CallOutcome, str]] = {
    "403 that names the action": (
        {"status": 403, "body": {**DENIED, "message": SAYS_WHICH.format("sqs:ListQueues")}},
        CallOutcome.REFUSED,
        "sqs:ListQueues refused",
    ),
    "403 that names nothing": (
        {"status": 403, "body": DENIED},
        CallOutcome.REFUSED,
        "sqs:ListQueues refused: by which policy is not said",
    ),
    "credentials that expired for good": (
        {"status": 403, "body": {"__type": "x#ExpiredTokenException", "message": "expired"}},
        CallOutcome.REFUSED,
        "renew them and run again",
    ),
    "a clock that is wrong": (
        {"status": 403, "body": {"__type": "x#RequestTimeTooSkewed", "message": "too skewed"}},
        CallOutcome.REFUSED,
        "the clock of this machine is wrong",
    ),
    "a region switched off in mid-run": (
        {"status": 403, "body": {"__type": "x#UnrecognizedClientException", "message": "bad"}},
        CallOutcome.REFUSED,
        "the region is not enabled",
    ),
    "throttling without an end": (
        {"status": 400, "body": {"__type": "x#ThrottlingException", "message": "Rate exceeded"}},
        CallOutcome.UNAVAILABLE,
        "ThrottlingException",
    ),
    "throttling that says how long to wait": (
        {
            "status": 429, "body": {"__type": "x#TooManyRequestsException", "message": "slow"},
            "headers": (("x-amz-retry-after", "20"),),
        },
        CallOutcome.UNAVAILABLE,
        "TooManyRequestsException",
    ),
    "500 with a web page": (
        {"status": 500, "body": "<html><title>Oops</title></html>", "content_type": "text/html"},
        CallOutcome.UNAVAILABLE,
        "HTTP 500",
    ),
    "a web page in place of an answer": (
        {"body": "<html><title>Sign in</title></html>", "content_type": "text/html"},
        CallOutcome.UNAVAILABLE,
        "web page",
    ),
    "a body that is cut off": (
        {"body": {"QueueUrls": ["https://sqs/1/orders"]}, "manner": "cut"},
        CallOutcome.UNAVAILABLE,
        "cut off",
    ),
    "a connection that is reset": (
        {"manner": "reset"},
        CallOutcome.UNAVAILABLE,
        "Connection",
    ),
    # Either the client or the one who waits for it is the first to lose patience.
    "a call that hangs": ({"manner": "hang"}, CallOutcome.UNAVAILABLE, ""),
    "pages that go round in circles": (
        {"body": {"QueueUrls": ["https://sqs/1/a"], "NextToken": "again"}},
        CallOutcome.UNAVAILABLE,
        "round in circles",
    ),
}  # fmt: skip


def collected(
    stand_in: Any,
    folder: Path,
    now: dt.datetime = NOW,
    settings: dict[str, Any] | None = None,
    deadline_s: int = 30,
) -> list[Finding]:
    """Collect as a snapshot does; what was reached is kept in the folder."""
    wanted = {
        "endpoint_url": stand_in.url, "regions": ["eu-west-1"], "services": sorted(LISTS),
        **(settings or {}),
    }  # fmt: skip
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    limits = replace(Limits(), call_deadline_s=deadline_s)
    context = Context(now, folder, b"k" * 32, KEYS, limits, kept=kept)
    return list(AwsCollector().collect(Source("prod", "aws", wanted, folder), context))


def lines(findings: list[Finding]) -> dict[str, Call]:
    """What the ledger says of the three lists, by operation."""
    calls = [found for found in findings if isinstance(found, Call)]
    return {
        call.operation: call
        for call in calls
        if call.operation in LISTS and call.outcome is not CallOutcome.EXCLUDED
    }


def names(findings: list[Finding]) -> set[str]:
    return {found.ref.native_type for found in findings if isinstance(found, Asset)}


def broken(reply: Callable[..., Any], asked: Any, fault: dict[str, Any]) -> Any:
    if asked.operation != "sqs:ListQueues":
        return None
    body = fault.get("body", "")
    return reply(**{**fault, "body": body if isinstance(body, str) else json.dumps(body)})


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_its_own_call_and_the_next_run_asks_for_that_alone(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    fault, outcome, says = FAULTS[name]
    stand_in.answer = lambda asked: broken(reply, asked, fault)
    deadline_s = 1 if fault.get("manner") == "hang" else 30
    first = lines(found := collected(stand_in, tmp_path, deadline_s=deadline_s))
    assert first["sqs:ListQueues"].outcome is outcome
    assert says in first["sqs:ListQueues"].reason
    assert "\n" not in first["sqs:ListQueues"].reason
    if deadline_s == 1:
        assert re.search("no answer within 1 s|Read timeout", first["sqs:ListQueues"].reason)
    assert {first[one].outcome for one in LISTS - {"sqs:ListQueues"}} == {CallOutcome.COLLECTED}
    assert names(found) >= {"AWS::SNS::Topic", "AWS::DynamoDB::Table"}

    stand_in.let_go.set()
    stand_in.answer = lambda asked: None
    stand_in.asked.clear()
    second = collected(stand_in, tmp_path, LATER)
    assert set(stand_in.asked) - ALWAYS == {"sqs:ListQueues"}
    assert {call.outcome for call in lines(second).values()} == {CallOutcome.COLLECTED}
    seen = {
        found.ref.native_type: found.observed_at for found in second if isinstance(found, Asset)
    }
    assert seen == {
        "AWS::SQS::Queue": LATER, "AWS::SNS::Topic": NOW, "AWS::DynamoDB::Table": NOW,
    }  # fmt: skip


@pytest.mark.parametrize("operation", ["sqs:ListQueues", "sns:ListTopics"])
def test_an_answer_cut_off_once_is_asked_for_again(
    stand_in: Any, usual: Callable[..., Any], tmp_path: Path, operation: str
) -> None:
    def cut_once(asked: Any) -> Any:
        if asked.operation == operation and stand_in.asked[operation] == 1:
            return replace(usual(asked), manner="cut")
        return None

    stand_in.answer = cut_once
    found = collected(stand_in, tmp_path)
    assert {call.outcome for call in lines(found).values()} == {CallOutcome.COLLECTED}
    assert names(found) >= {"AWS::SQS::Queue", "AWS::SNS::Topic"}
    assert stand_in.asked[operation] == 2


def test_an_answer_always_cut_off_is_given_up_soon(
    stand_in: Any, usual: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("exitkit.drivers.aws_calls.time.sleep", pauses.append)
    stand_in.answer = lambda asked: (
        replace(usual(asked), manner="cut") if asked.operation == "sqs:ListQueues" else None
    )
    collected(stand_in, tmp_path)
    assert stand_in.asked["sqs:ListQueues"] == 1 + aws_calls.MOST_REPEATS
    assert pauses == [0.25, 0.5]


def test_a_run_that_goes_on_gives_the_records_of_one_that_was_never_cut(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    never_cut = collected(stand_in, whole)
    fault = {"status": 403, "body": DENIED}
    stand_in.answer = lambda asked: broken(reply, asked, fault)
    collected(stand_in, parts)
    stand_in.answer = lambda asked: None
    went_on = collected(stand_in, parts)

    def comparable(findings: list[Finding]) -> list[str]:
        return sorted(
            repr(replace(one, duration_ms=0) if isinstance(one, Call) else one) for one in findings
        )

    assert comparable(went_on) == comparable(never_cut)


@pytest.mark.usefixtures("no_backoff")
def test_throttling_that_ends_costs_no_line(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path
) -> None:
    slow = reply('{"__type": "x#ThrottlingException", "message": "Rate exceeded"}', 400)

    def answer(asked: Any) -> Any:
        return slow if stand_in.asked["sqs:ListQueues"] < 3 else None

    stand_in.answer = lambda asked: answer(asked) if asked.operation == "sqs:ListQueues" else None
    found = lines(collected(stand_in, tmp_path))
    assert {call.outcome for call in found.values()} == {CallOutcome.COLLECTED}
    assert stand_in.asked["sqs:ListQueues"] == 3
    assert stand_in.asked["sns:ListTopics"] == 1


def test_pages_with_ever_new_tokens_end_too(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_calls, "MOST_PAGES", 20)

    def answer(asked: Any) -> Any:
        page = {
            "QueueUrls": [f"https://sqs/{len(stand_in.seen)}"],
            "NextToken": f"{len(stand_in.seen)}",
        }
        return reply(json.dumps(page)) if asked.operation == "sqs:ListQueues" else None

    stand_in.answer = answer
    call = lines(collected(stand_in, tmp_path))["sqs:ListQueues"]
    assert call.outcome is CallOutcome.UNAVAILABLE
    assert "had not ended after 20 pages" in call.reason
    assert stand_in.asked["sqs:ListQueues"] == 21


def test_a_token_that_expires_in_mid_run_is_renewed_once_for_all(
    stand_in: Any, reply: Callable[..., Any], issued: Callable[..., Any], tmp_path: Path
) -> None:
    def answer(asked: Any) -> Any:
        if asked.operation == "sts:AssumeRole":
            return issued("AKIASHOP", f"token-{stand_in.asked['sts:AssumeRole']}")
        if asked.operation in LISTS and asked.token == "token-1":
            return reply('{"__type": "x#ExpiredTokenException", "message": "expired"}', 403)
        return None

    stand_in.answer = answer
    settings = {
        "accounts": [{"role_arn": "arn:aws:iam::111111111111:role/shop"}],
        "services": ["sqs:ListQueues", "dynamodb:ListTables"],
    }
    found = lines(collected(stand_in, tmp_path, settings=settings))
    assert {call.outcome for call in found.values()} == {CallOutcome.COLLECTED}
    assert len(found) == 2
    assert stand_in.asked["sts:AssumeRole"] == 2


def test_a_token_near_its_end_is_renewed_before_it_is_used(
    stand_in: Any, issued: Callable[..., Any], tmp_path: Path
) -> None:
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def answer(asked: Any) -> Any:
        if asked.operation != "sts:AssumeRole":
            return None
        first = stand_in.asked["sts:AssumeRole"] == 1
        return issued("AKIASHOP", "short", soon) if first else issued("AKIASHOP", "long")

    stand_in.answer = answer
    settings = {"accounts": [{"role_arn": "arn:aws:iam::111111111111:role/shop"}]}
    found = lines(collected(stand_in, tmp_path, settings=settings))
    assert {call.outcome for call in found.values()} == {CallOutcome.COLLECTED}
    assert {one.token for one in stand_in.seen if one.operation in LISTS} == {"long"}


def test_an_account_that_vanishes_in_mid_run_costs_only_its_own_lines(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path
) -> None:
    gone = reply(
        '{"__type": "x#UnrecognizedClientException", "message": "The token is invalid"}', 403
    )

    def answer(asked: Any) -> Any:
        return gone if asked.key == "AKIASTORE" and asked.operation in LISTS else None

    stand_in.answer = answer
    settings = {
        "accounts": [
            {"role_arn": "arn:aws:iam::222222222222:role/store"},
            {"role_arn": "arn:aws:iam::111111111111:role/shop"},
        ],
        "services": ["sqs:ListQueues", "dynamodb:ListTables"],
    }
    found = collected(stand_in, tmp_path, settings=settings)
    calls = [one for one in found if isinstance(one, Call) and one.operation in LISTS]
    asked = [call for call in calls if call.outcome is not CallOutcome.EXCLUDED]
    assert Counter((call.scope, call.outcome) for call in asked) == {
        ("111111111111", CallOutcome.COLLECTED): 2,
        ("222222222222", CallOutcome.REFUSED): 2,
    }
    stand_in.answer = lambda asked: None
    stand_in.asked.clear()
    stand_in.seen.clear()
    second = collected(stand_in, tmp_path, settings=settings)
    assert {one.key for one in stand_in.seen if one.operation in LISTS} == {"AKIASTORE"}
    assert len([one for one in second if isinstance(one, Asset)]) == 4


def test_a_region_that_is_not_enabled_has_its_line_and_no_call(
    stand_in: Any, tmp_path: Path
) -> None:
    found = collected(stand_in, tmp_path, settings={"regions": ["eu-*"]})
    (line,) = [one for one in found if isinstance(one, Call) and one.region == "eu-south-1"]
    assert line.outcome is CallOutcome.EXCLUDED
    assert "not-opted-in" in line.reason
    assert {one.region for one in stand_in.seen if one.operation in LISTS} == {"eu-west-1"}


def test_a_full_disk_costs_the_next_run_its_head_start_and_this_one_nothing(
    stand_in: Any, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/123456789012.jsonl").symlink_to("/dev/full")
    found = lines(collected(stand_in, tmp_path))
    assert {call.outcome for call in found.values()} == {CallOutcome.COLLECTED}
    collected(stand_in, tmp_path)
    assert {stand_in.asked[one] for one in LISTS} == {2}


@contextmanager
def nobody_there() -> Iterator[str]:
    """An address that takes no connection and refuses none: its queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            waiting.append(one)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_a_dead_endpoint_is_tried_by_the_first_calls_alone(
    stand_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_clients, "CONNECT_S", 0.1)
    workers = 4
    with nobody_there() as dead:
        for service in ("STS", "EC2", "SQS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", stand_in.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", dead)
        settings = {"regions": ["eu-west-1"], "services": ["rds", "sqs:ListQueues"]}
        context = Context(NOW, tmp_path, b"k" * 32, KEYS, replace(Limits(), workers=workers))
        source = Source("prod", "aws", settings, tmp_path)
        found = list(AwsCollector().collect(source, context))
    calls = [one for one in found if isinstance(one, Call) and one.region == "eu-west-1"]
    rds = [call for call in calls if call.operation.startswith("rds:")]
    tried = [call for call in rds if "Connect timeout" in call.reason]
    left = [call for call in rds if "not asked: the endpoint did not answer" in call.reason]
    assert {call.outcome for call in rds} == {CallOutcome.UNAVAILABLE}
    assert len(left) + len(tried) == len(rds)
    assert 0 < len(tried) <= workers < len(rds) // 2
    (queues,) = [call for call in calls if call.operation == "sqs:ListQueues"]
    assert queues.outcome is CallOutcome.COLLECTED


def test_where_no_role_can_be_taken_because_nobody_answers_the_other_accounts_go_on(
    stand_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_credentials, "CONNECT_S", 0.1)
    with nobody_there() as dead:
        for service in ("EC2", "SQS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", stand_in.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", dead)
        roles = ["arn:aws:iam::111111111111:role/shop", "arn:aws:iam::222222222222:role/store"]
        settings = {"regions": ["eu-west-1"], "accounts": [{"role_arn": one} for one in roles]}
        context = Context(NOW, tmp_path, b"k" * 32, KEYS)
        source = Source("prod", "aws", settings, tmp_path)
        calls = [c for c in AwsCollector().collect(source, context) if isinstance(c, Call)]
    assert [call.outcome for call in calls] == [CallOutcome.UNAVAILABLE] * 2
    assert [call.binding for call in calls] == roles


def test_what_a_dead_endpoint_may_cost_is_under_five_seconds() -> None:
    # The first calls wait side by side, without a pause between attempts; all others not at all.
    assert aws_clients.CONNECT_S * CONNECT_ATTEMPTS < 5
