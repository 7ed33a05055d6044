"""Point the AWS collector at servers that hang, lie and talk nonsense; it must say so and go on."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Limits, Source

IDENTITY = """<GetCallerIdentityResponse><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/reader</Arn><UserId>U</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


class Awkward(BaseHTTPRequestHandler):
    """Answers STS as it should and every other service as `manner` says."""

    manner: ClassVar[str] = ""
    released: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "/sts/" in self.headers["Authorization"]:
            self._send(200, IDENTITY, "text/xml")
        elif self.manner == "hang":
            self.released.wait(60)
        elif self.manner == "nonsense":
            self._send(500, "<html><title>500 Oops</title></html>", "text/html")
        elif self.manner == "not json":
            self._send(200, "<html>welcome</html>", "text/html")
        elif self.manner == "circles":
            page = '{"QueueUrls": ["http://q/1"], "NextToken": "again"}'
            self._send(200, page, "application/x-amz-json-1.0")
        elif self.manner == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")

    def _send(self, status: int, body: str, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    released = threading.Event()
    handler = type("Handler", (Awkward,), {"manner": request.param, "released": released})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    released.set()
    server.shutdown()
    server.server_close()


def calls(endpoint: str, tmp_path: Path, service: str = "sqs:ListQueues") -> list[Call]:
    settings = {"endpoint_url": endpoint, "regions": ["eu-west-1"], "services": [service]}
    environ = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    context = Context(now, tmp_path, b"k" * 32, environ, replace(Limits(), call_deadline_s=1))
    findings = AwsCollector().collect(Source("prod", "aws", settings, tmp_path), context)
    found = [finding for finding in findings if isinstance(finding, Call)]
    left_out = (CallOutcome.EXCLUDED, CallOutcome.NOT_OFFERED)
    beside = ("ec2:DescribeRegions", "resourcegroupstaggingapi:GetResources")
    return [call for call in found if call.outcome not in left_out and call.operation not in beside]


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("hang", "no answer within 1 s"),
        ("nonsense", "HTTP 500"),
        ("circles", "round in circles"),
    ],
    indirect=["endpoint"],
)
def test_a_call_that_goes_wrong_is_unavailable_and_says_why(
    endpoint: str, reason: str, tmp_path: Path
) -> None:
    identity, listing = calls(endpoint, tmp_path)
    assert identity.outcome is CallOutcome.COLLECTED
    assert listing.outcome is CallOutcome.UNAVAILABLE
    assert reason in listing.reason
    assert "\n" not in listing.reason


@pytest.mark.parametrize("endpoint", ["not json", "cut"], indirect=True)
def test_an_answer_that_is_none_is_unavailable(endpoint: str, tmp_path: Path) -> None:
    _, listing = calls(endpoint, tmp_path)
    assert listing.outcome is CallOutcome.UNAVAILABLE


@pytest.mark.parametrize("endpoint", ["hang"], indirect=True)
def test_a_dead_service_is_not_asked_for_everything(endpoint: str, tmp_path: Path) -> None:
    found = calls(endpoint, tmp_path, "rds")
    assert {call.outcome for call in found[1:]} <= {CallOutcome.UNAVAILABLE, CallOutcome.EMPTY}
    assert len(found) > 15


def test_nobody_at_the_address_is_one_unavailable_line(tmp_path: Path) -> None:
    (identity,) = calls("http://127.0.0.1:9", tmp_path)
    assert (identity.operation, identity.outcome) == (
        "sts:GetCallerIdentity",
        CallOutcome.UNAVAILABLE,
    )
