"""Check that no more calls leave than AWS allows, and that it is heard when it wants fewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.hooks import HierarchicalEmitter

from exitkit.drivers.aws_rates import BURST, CALLS_PER_S, Bucket, attach


@dataclass
class Clock:
    """A clock that only waiting moves on."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Http:
    status_code: int
    headers: dict[str, str]


class Client:
    """As much of a client as events need."""

    def __init__(self) -> None:
        self.meta = self
        self.events = HierarchicalEmitter()

    def answered(self, status: int, code: str = "", **headers: str) -> None:
        parsed = {"Error": {"Code": code}} if code else {}
        response = Http(status, headers), parsed
        self.events.emit("needs-retry.ec2.X", response=response, attempts=1, caught_exception=None)

    def unreachable(self, attempts: int) -> None:
        fault = EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")
        self.events.emit(
            "needs-retry.ec2.X", response=None, attempts=attempts, caught_exception=fault
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(clock: Clock) -> Bucket:
    return Bucket(clock=clock, wait=clock.wait)


def taken(bucket: Bucket, calls: int) -> None:
    for _ in range(calls):
        bucket.take()


def test_a_burst_leaves_at_once_and_what_follows_at_the_rate(bucket: Bucket, clock: Clock) -> None:
    taken(bucket, int(BURST))
    assert clock.now == 0
    taken(bucket, 60)
    assert clock.now == pytest.approx(60 / CALLS_PER_S, abs=0.1)


def test_a_throttled_answer_halves_the_rate_and_answers_bring_it_back(
    bucket: Bucket, clock: Clock
) -> None:
    client: Any = Client()
    attach(client, bucket)
    client.answered(400, "RequestLimitExceeded")
    assert bucket.per_s == CALLS_PER_S / 2
    client.answered(429)
    assert bucket.per_s == CALLS_PER_S / 4
    for _ in range(100):
        client.answered(200)
    assert bucket.per_s == CALLS_PER_S
    assert bucket.throttled == 2


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "7"}, 7),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"Retry-After": "86400"}, 30),
        ({"Retry-After": "Wed, 25 Nov 2026 12:00:00 GMT"}, 0),
        ({}, 0),
    ],
)
def test_a_throttled_answer_that_asks_to_wait_is_obeyed_within_bounds(
    bucket: Bucket, clock: Clock, headers: dict[str, str], pause_s: float
) -> None:
    client: Any = Client()
    attach(client, bucket)
    client.answered(503, "SlowDown", **headers)
    client.events.emit("before-send.ec2.X", request=None)
    assert clock.now == pytest.approx(pause_s)


def test_a_refusal_is_no_throttling(bucket: Bucket) -> None:
    client: Any = Client()
    attach(client, bucket)
    client.answered(403, "AccessDenied")
    assert bucket.per_s == CALLS_PER_S


def test_an_endpoint_that_never_answered_gets_two_attempts(bucket: Bucket) -> None:
    client: Any = Client()
    attach(client, bucket)
    client.unreachable(1)
    with pytest.raises(EndpointConnectionError):
        client.unreachable(2)


def test_an_endpoint_that_has_answered_gets_all_attempts(bucket: Bucket) -> None:
    client: Any = Client()
    attach(client, bucket)
    client.answered(200)
    client.unreachable(2)
    client.unreachable(3)
