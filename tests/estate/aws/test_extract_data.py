"""Take data along within limits, and say of every byte left behind that it was and why."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.engine.collect import collect
from exitkit.engine.harvest import Harvest
from exitkit.extractors.dynamodb_items import DynamodbItems
from exitkit.extractors.s3_objects import S3Objects
from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGION = "eu-west-1"
SMALL = Limits(max_file_bytes=1000, inline_data_bytes=5000)
DENIED = b"<Error><Code>AccessDenied</Code><Message>not this one</Message></Error>"


class Front(BaseHTTPRequestHandler):
    """Stands before the emulator and refuses an object, and tags, as policies of buckets may."""

    behind = ""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        place = urlsplit(self.path)
        tags_of_cellar = place.path.startswith("/cellar/") and "tagging" in place.query
        if place.path.endswith("/secret.txt") or tags_of_cellar:
            self.reply(403, DENIED, {"Content-Type": "application/xml"})
            return
        line = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=30)
        line.request(self.command, self.path, body, dict(self.headers))
        answer = line.getresponse()
        self.reply(answer.status, answer.read(), dict(answer.headers))
        line.close()

    def do_POST(self) -> None:
        self.do_GET()

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() in ("content-type", "etag") or name.lower().startswith("x-amz"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as account:
        s3 = client(account, "s3")
        for name, sizes in (
            ("alpha", {"a": 900, "big": 1500, "secret.txt": 10}),
            ("bravo", {"1": 800, "2": 800, "3": 900}),
            ("cellar", {"1": 900, "2": 900}),
        ):
            place = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
            for key, size in sizes.items():
                s3.put_object(Bucket=name, Key=key, Body=b"x" * size)
        s3.put_object(Bucket="alpha", Key="a", Body=b"x" * 900, Tagging="owner=a%2Fb&class=secret")
        s3.put_object(Bucket="cellar", Key="old", Body=b"ice", StorageClass="DEEP_ARCHIVE")
        dynamodb = client(account, "dynamodb")
        dynamodb.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for number in (30, 4, 100):
            item = {"id": {"N": str(number)}, "raw": {"B": b"\x00\xff"}}
            dynamodb.put_item(TableName="orders", Item=item)
        yield account


@pytest.fixture(scope="module")
def endpoint(emulator: aws_account.AwsAccount) -> Iterator[str]:
    handler = type("Handler", (Front,), {"behind": emulator.endpoint_url})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def source(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Source:
    services = ["s3:ListBuckets", "dynamodb:ListTables", "dynamodb:DescribeTable"]
    settings = {"endpoint_url": endpoint, "regions": [REGION], "services": services}
    return Source("prod", "aws", settings, tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def context(emulator: aws_account.AwsAccount, tmp_path: Path) -> Context:
    return Context(NOW, tmp_path, b"k" * 32, emulator.admin, SMALL)


@pytest.fixture(scope="module")
def assets(
    emulator: aws_account.AwsAccount, source: Source, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Asset]:
    context = Context(NOW, tmp_path_factory.mktemp("spool"), b"k" * 32, emulator.admin)
    found = AwsCollector().collect(source, context)
    return {one.ref.native_id: one for one in found if isinstance(one, Asset)}


def client(account: aws_account.AwsAccount, service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=account.endpoint_url,
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )


def lines_of(draft: Draft, name: str = "objects.jsonl") -> list[dict[str, Any]]:
    (body,) = [content.body for content in draft.contents if content.path.endswith(name)]
    assert isinstance(body, Path)
    return [json.loads(line) for line in body.read_bytes().splitlines()]


def outcomes(found: list[Finding]) -> dict[str, tuple[CallOutcome, int]]:
    calls = [one for one in found if isinstance(one, Call)]
    assert len({call.urn for call in calls}) == len(calls)
    return {f"{one.operation} {one.binding}": (one.outcome, one.count) for one in calls}


def test_a_large_and_an_unreadable_object_cost_the_bucket_no_other_object(
    assets: dict[str, Asset], source: Source, context: Context
) -> None:
    found = list(S3Objects().extract(assets["alpha"], source, context))
    (draft,) = [one for one in found if isinstance(one, Draft)]
    lines = {line["key"]: line for line in lines_of(draft)}
    assert lines["a"]["path"] in {content.path for content in draft.contents}
    assert len(lines["a"]["sha256"]) == 64
    tags = [{"key": "class", "value": "secret"}, {"key": "owner", "value": "a/b"}]
    assert [line.get("tags") for line in lines.values()] == [tags, None, None]
    assert [loss for loss in draft.loss if "tags" in loss] == []
    assert (lines["big"]["reason"], lines["big"]["sizeBytes"]) == ("too-large", 1500)
    assert len(lines["big"]["etag"]) == 32
    assert lines["secret.txt"]["reason"] == "permission-denied"
    assert not {"path", "sha256"} & (lines["big"].keys() | lines["secret.txt"].keys())
    assert draft.level is Level.DESCRIBED
    assert draft.text == "2 of 3 objects are only listed: 1 permission-denied, 1 too-large"
    assert outcomes(found) == {
        "s3:ListObjectsV2 alpha": (CallOutcome.COLLECTED, 3),
        "s3:GetObjectTagging alpha": (CallOutcome.COLLECTED, 1),
        "s3:GetObject alpha": (CallOutcome.REFUSED, 1),
        "s3:GetObject alpha over limits": (CallOutcome.EXCLUDED, 0),
    }


def test_an_archived_object_is_listed_and_never_asked_for(
    assets: dict[str, Asset], source: Source, context: Context
) -> None:
    found = list(S3Objects().extract(assets["cellar"], source, context))
    (draft,) = [one for one in found if isinstance(one, Draft)]
    (old,) = [line for line in lines_of(draft) if line["key"] == "old"]
    assert old["storageClass"] == "DEEP_ARCHIVE"
    assert outcomes(found)["s3:GetObject cellar"] == (CallOutcome.COLLECTED, 2)
    assert outcomes(found)["s3:GetObject cellar archived"] == (CallOutcome.EXCLUDED, 0)
    # An answer about an object does not say that it has tags where they may not be read.
    assert outcomes(found)["s3:GetObjectTagging cellar"] == (CallOutcome.REFUSED, 0)
    assert any(loss.startswith("tags of single objects: ") for loss in draft.loss)


def test_the_items_of_a_table_are_sorted_lines_of_their_real_size(
    assets: dict[str, Asset], source: Source, context: Context
) -> None:
    found = list(DynamodbItems().extract(assets["orders"], source, context))
    (draft,) = [one for one in found if isinstance(one, Draft)]
    body = draft.contents[0].body
    assert isinstance(body, Path)
    assert body.read_bytes().splitlines() == [
        b'{"id":{"N":"100"},"raw":{"B":"AP8="}}',
        b'{"id":{"N":"30"},"raw":{"B":"AP8="}}',
        b'{"id":{"N":"4"},"raw":{"B":"AP8="}}',
    ]
    (held,) = [one for one in found if isinstance(one, Dataset)]
    assert (held.records, held.size_bytes) == (3, body.stat().st_size)
    assert list(context.spool.iterdir()) == [body]


@pytest.mark.parametrize("most_bytes", [10, 100])
def test_a_table_over_the_budget_is_left_out_and_not_called_empty(
    assets: dict[str, Asset], source: Source, context: Context, most_bytes: int
) -> None:
    context.budget.claim(5, 10)
    tight = replace(context, limits=Limits(inline_data_bytes=most_bytes))
    found = list(DynamodbItems().extract(assets["orders"], source, tight))
    (gap,) = [one for one in found if isinstance(one, Gap)]
    assert gap.reason == "too-large"
    assert outcomes(found) == {"dynamodb:Scan orders": (CallOutcome.EXCLUDED, 0)}
    assert not list(tight.spool.iterdir())


def harvest(source: Source, emulator: aws_account.AwsAccount, spool: Path) -> Harvest:
    return collect(
        [source], [], limits=SMALL, now=NOW, spool=spool, mask_key=b"k" * 32,
        environ=emulator.admin, progress=lambda _source, _line: None,
    )  # fmt: skip


def test_all_buckets_of_a_source_share_one_budget_in_a_fixed_order(
    source: Source, emulator: aws_account.AwsAccount, tmp_path: Path
) -> None:
    first, second = (harvest(source, emulator, tmp_path / name) for name in ("1", "2"))
    levels = {
        ref.native_id: (one.level, one.reason)
        for (ref, _), one in first.aspects.items()
        if isinstance(one, Draft)
    }
    # 131 bytes of items, 910 of alpha, 2500 of bravo; 1803 of cellar would be more than 5000.
    assert levels == {
        "alpha": (Level.DESCRIBED, "permission-denied"),
        "bravo": (Level.IMPORTABLE, ""),
        "cellar": (Level.DESCRIBED, "too-large"),
        "orders": (Level.IMPORTABLE, ""),
    }
    kept = [
        {ref.native_id: one.level for (ref, _), one in harvest.aspects.items()}
        for harvest in (first, second)
    ]
    assert kept[0] == kept[1]
