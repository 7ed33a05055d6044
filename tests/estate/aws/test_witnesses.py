"""Let AWS's own witnesses name what no listing call shows, and lose none of it."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Gap
from exitkit.ports import Context, Finding, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGION = "eu-west-1"
ACCOUNT = "123456789012"
LEDGER = f"arn:aws:qldb:{REGION}:{ACCOUNT}:ledger/orders"
FOREIGN = f"arn:aws:qldb:{REGION}:999999999999:ledger/theirs"


@dataclass
class Front:
    """A server before the emulator that answers for the witnesses the emulator does not have.

    `answers` are bodies by the last word of the request's target or path; a number is a status.
    """

    behind: str
    answers: dict[str, Any] = field(default_factory=dict)
    url: str = ""


@pytest.fixture(scope="module")
def emulator() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as account:
        yield account


@pytest.fixture
def front(emulator: aws_account.AwsAccount) -> Iterator[Front]:
    front = Front(emulator.endpoint_url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = self.headers.get("X-Amz-Target") or self.path
            word = target.rpartition(".")[2].rpartition("/")[2]
            if word in front.answers:
                status, answer = 200, front.answers[word]
                if isinstance(answer, int):
                    status, answer = answer, {"__type": "AccessDeniedException", "message": "no"}
                self.reply(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")
            else:
                self.forward(body)

        def do_GET(self) -> None:
            self.forward(b"")

        def forward(self, body: bytes) -> None:
            line = http.client.HTTPConnection(urlsplit(front.behind).netloc, timeout=30)
            line.request(self.command, self.path, body, dict(self.headers))
            answer = line.getresponse()
            self.reply(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
            line.close()

        def reply(self, status: int, body: bytes, media_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    front.url = f"http://127.0.0.1:{server.server_port}"
    yield front
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def queue(emulator: aws_account.AwsAccount) -> str:
    """A tagged queue, and a tagged network that the source does not list."""
    keys = {
        "aws_access_key_id": emulator.admin["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": emulator.admin["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": emulator.endpoint_url,
        "region_name": REGION,
    }
    boto3.client("sqs", **keys).create_queue(QueueName="orders", tags={"app": "crm"})
    made = boto3.client("dynamodb", **keys).create_table(
        TableName="carts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "app", "Value": "crm"}],
    )
    return str(made["TableDescription"]["TableArn"])


def heard(
    front: Front, folder: Path, witnesses: list[str], services: list[str] | None = None
) -> list[Finding]:
    settings = {
        "endpoint_url": front.url,
        "regions": [REGION],
        "services": services or ["sqs:ListQueues", "dynamodb:nothing", "qldb:nothing"],
        "witnesses": witnesses,
    }
    context = Context(NOW, folder, b"k" * 32, aws_account.ADMIN)
    source = Source(folder.name, "aws", settings, folder)
    return list(AwsCollector().collect(source, context))


def only_witnessed(findings: list[Finding]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    return {
        f.ref.native_id: (f.ref.native_type, f.config)
        for f in findings
        if isinstance(f, Asset) and "seenBy" in f.config
    }


def lines(findings: list[Finding]) -> dict[str, Call]:
    return {f.operation: f for f in findings if isinstance(f, Call) and f.binding == "witness"}


def test_a_tagged_table_that_no_call_listed_becomes_an_asset_with_a_gap(
    front: Front, queue: str, tmp_path: Path
) -> None:
    findings = heard(front, tmp_path, ["tagging"])
    found = only_witnessed(findings)
    assert found == {queue: ("dynamodb:table", {"seenBy": ["Resource Groups Tagging API"]})}
    (gap,) = [f for f in findings if isinstance(f, Gap) and f.ref.native_id == queue]
    assert (gap.reason, gap.level.value) == ("not-supported-by-tool", "none")
    line = lines(findings)["resourcegroupstaggingapi:GetResources"]
    assert (line.outcome, line.count) == (CallOutcome.COLLECTED, 2)
    assert "1 of them no listing call showed" in line.reason


def test_what_the_source_leaves_out_on_purpose_is_not_missing(
    front: Front, queue: str, tmp_path: Path
) -> None:
    del queue
    assert only_witnessed(heard(front, tmp_path, ["tagging"], ["sqs:ListQueues"])) == {}


def test_two_witnesses_of_one_thing_make_one_asset_and_foreign_things_none(
    front: Front, tmp_path: Path
) -> None:
    row = {"arn": LEDGER, "resourceId": "orders", "resourceName": "orders",
           "resourceType": "AWS::QLDB::Ledger", "awsRegion": REGION}  # fmt: skip
    front.answers = {
        "SelectResourceConfig": {"Results": [json.dumps(row), json.dumps({"odd": 1})]},
        "ListResources": {"Resources": [
            {"Arn": LEDGER, "ResourceType": "qldb:ledger", "Region": REGION},
            {"Arn": FOREIGN, "ResourceType": "qldb:ledger", "Region": REGION},
        ]},
    }  # fmt: skip
    found = only_witnessed(heard(front, tmp_path, ["config", "resource-explorer"]))
    assert found == {
        "orders": ("AWS::QLDB::Ledger", {"seenBy": ["AWS Config", "Resource Explorer"]})
    }


def test_what_was_made_and_unmade_is_gone_and_what_was_only_made_is_not(
    front: Front, tmp_path: Path
) -> None:
    def event(name: str, resource: str) -> dict[str, Any]:
        return {"EventName": name, "Resources": [
            {"ResourceType": "AWS::QLDB::Ledger", "ResourceName": resource}]}  # fmt: skip

    front.answers = {"LookupEvents": {"Events": [
        event("DeleteLedger", "old"), event("CreateLedger", "orders"), event("CreateLedger", "old"),
        event("UpdateLedger", "touched"),
    ]}}  # fmt: skip
    findings = heard(front, tmp_path, ["cloudtrail"])
    assert set(only_witnessed(findings)) == {"orders"}


def test_a_refused_witness_is_a_refused_call_and_no_end_of_the_run(
    front: Front, tmp_path: Path
) -> None:
    front.answers = {"LookupEvents": 400, "ListResources": {"Resources": []}}
    said = lines(heard(front, tmp_path, ["cloudtrail", "resource-explorer"]))
    refused = said["cloudtrail:LookupEvents"]
    assert (refused.outcome, refused.permission) == (CallOutcome.REFUSED, "cloudtrail:LookupEvents")
    assert said["resource-explorer-2:ListResources"].outcome is CallOutcome.EMPTY


def test_only_a_source_that_hears_witnesses_needs_their_permissions() -> None:
    catalog = load_catalog()
    assert "cloudtrail:LookupEvents" not in actions_for(catalog)
    more = set(actions_for(catalog, witnesses=["cloudtrail"])) - set(actions_for(catalog))
    assert more == {"cloudtrail:LookupEvents"}
