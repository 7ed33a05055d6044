"""Cut a snapshot short amid objects or items: the next one fetches only those it lacks."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from exitkit.cli.main import run
from exitkit.demo import aws_account
from exitkit.store.kept_content import KeptContent
from exitkit.store.reader import Bundle, open_bundle

REGION = "eu-west-1"
KEYS = [f"object-{number:02}" for number in range(20)]


class Front:
    """Stands before the emulator, hands out objects or pages, and dies or falls silent."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.left: int | None = None
        self.manner = "reset"
        self.counts_scans = False
        self.fetched: list[str] = []
        self.stopped = threading.Event()
        self.let_go = threading.Event()
        self.lock = threading.Lock()

    def lets(self, what: str) -> bool:
        """Tell whether an object or a page is handed out."""
        with self.lock:
            if self.left == 0:
                self.stopped.set()
                return False
            self.left = None if self.left is None else self.left - 1
            self.fetched.append(what)
            return True


def make_table(account: aws_account.AwsAccount, items: int, filler: str) -> None:
    """Make a table whose keys have every type that one can have."""
    dynamodb = client(account, "dynamodb")
    kinds = {"part": "B", "at": "N"}
    dynamodb.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": name, "KeyType": role}
            for name, role in zip(kinds, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()
        ],
    )  # fmt: skip
    for number in range(items):
        key = {"part": {"B": b"\xff%d" % (number % 5)}, "at": {"N": str(number)}}
        dynamodb.put_item(TableName="orders", Item={**key, "raw": {"S": filler * 300_000}})


@pytest.fixture(scope="module")
def emulator() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as account:
        s3 = client(account)
        s3.create_bucket(Bucket="alpha", CreateBucketConfiguration={"LocationConstraint": REGION})
        for key in KEYS:
            s3.put_object(Bucket="alpha", Key=key, Body=key.encode(), Tagging="a=b")
        yield account


def client(account: aws_account.AwsAccount, service: str = "s3") -> Any:
    return boto3.client(
        service, region_name=REGION, endpoint_url=account.endpoint_url,
        aws_access_key_id="x", aws_secret_access_key="y",
    )  # fmt: skip


@pytest.fixture
def front(emulator: aws_account.AwsAccount) -> Iterator[Front]:
    front = Front(emulator.endpoint_url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            place = urlsplit(self.path)
            key = place.path.removeprefix("/alpha/") if "tagging" not in place.query else ""
            is_scan = self.headers.get("X-Amz-Target", "").endswith(".Scan")
            what = body.decode() if is_scan else key if key.startswith("object-") else ""
            if what and is_scan == front.counts_scans and not front.lets(what):
                if front.manner == "hang":
                    front.let_go.wait(60)
                self.close_connection = True
                return
            line = http.client.HTTPConnection(urlsplit(front.behind).netloc, timeout=30)
            line.request(self.command, self.path, body, dict(self.headers))
            answer = line.getresponse()
            text = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if re.match("content-type|etag|last-modified|x-amz", name, re.IGNORECASE):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            line.close()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    front.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield front
    front.let_go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def workspace(
    workspace_of: Callable[..., Path],
    front: Front,
    emulator: aws_account.AwsAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    for name, value in emulator.admin.items():
        monkeypatch.setenv(name, value)
    source = {
        "id": "prod", "type": "aws", "endpoint_url": front.url, "regions": [REGION],  # type: ignore[attr-defined]
        "services": ["s3:ListBuckets", "dynamodb:ListTables", "dynamodb:DescribeTable"],
    }  # fmt: skip
    return workspace_of(source)


def snapshot(workspace: Path, *options: str) -> int:
    return run(["snapshot", "--workspace", str(workspace), *options])


def newest_of(workspace: Path) -> Bundle:
    found = (path for path in (workspace / "bundles").iterdir() if path.name[0] != ".")
    return open_bundle(max(found))


def held(workspace: Path) -> dict[str, Any]:
    listing = newest_of(workspace).content_path("datasets/alpha/objects.jsonl")
    return {line["key"]: line for line in map(json.loads, listing.read_text().splitlines())}


def test_after_a_server_died_only_the_rest_is_fetched(
    workspace: Path, front: Front, emulator: aws_account.AwsAccount
) -> None:
    front.left = 8
    assert snapshot(workspace) == 1
    first = list(front.fetched)
    assert len(first) == 8
    assert sum("path" in line for line in held(workspace).values()) == 8
    changed = first[0]
    client(emulator).put_object(Bucket="alpha", Key=changed, Body=b"changed meanwhile")
    front.left, front.fetched = None, []
    assert snapshot(workspace, "--resume") == 0
    assert sorted(front.fetched) == sorted({*KEYS} - {*first} | {changed})
    lines = held(workspace)
    assert all("path" in line for line in lines.values())
    assert lines[changed]["sizeBytes"] == 17
    assert [line["tags"] for key, line in lines.items() if key != changed] == [
        [{"key": "a", "value": "b"}]
    ] * 19
    assert not (workspace / ".exitkit-unfinished").exists()


def test_after_a_kill_only_the_rest_is_fetched(workspace: Path, front: Front) -> None:
    front.left, front.manner = 8, "hang"
    command = [sys.executable, "-m", "exitkit", "snapshot", "--workspace", str(workspace)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert front.stopped.wait(60)
    kept = workspace / ".exitkit-unfinished/prod/content"
    threading.Event().wait(0.5)  # What was handed out is on its way to the disk.
    process.kill()
    process.wait()
    first = list(front.fetched)
    assert len(list(kept.glob("*.json"))) == 8
    assert kept.stat().st_mode & 0o077 == 0
    front.left, front.fetched = None, []
    front.let_go.set()
    assert snapshot(workspace) == 0
    assert sorted(front.fetched) == sorted({*KEYS} - {*first})
    assert all("path" in line for line in held(workspace).values())


@pytest.fixture
def table(emulator: aws_account.AwsAccount) -> Iterator[None]:
    make_table(emulator, 12, "x")
    yield
    client(emulator, "dynamodb").delete_table(TableName="orders")


def items_of(workspace: Path) -> tuple[list[tuple[int, str]], list[str]]:
    """Return number and filler of the items, and what is said to be lost of them."""
    bundle = newest_of(workspace)
    path = bundle.content_path(f"datasets/dynamodb-123456789012-{REGION}-orders/items.jsonl")
    items = map(json.loads, path.read_text().splitlines())
    verdicts = bundle.records("exportability")
    (verdict,) = [one for one in verdicts if one.get("method") == "dynamodb:Scan"]
    losses = [one for one in verdict["loss"] if "first started" in one]
    return sorted((int(item["at"]["N"]), item["raw"]["S"][0]) for item in items), losses


def test_a_table_is_read_on_from_the_page_that_was_reached(
    workspace: Path, front: Front, table: None
) -> None:
    front.counts_scans, front.left = True, 2
    assert snapshot(workspace) == 1
    first = list(front.fetched)
    assert ["ExclusiveStartKey" in one for one in first] == [False, True]
    front.left, front.fetched = None, []
    assert snapshot(workspace, "--resume") == 0
    assert not {*first} & {*front.fetched}
    assert all("ExclusiveStartKey" in one for one in front.fetched)
    items, losses = items_of(workspace)
    assert items == [(number, "x") for number in range(12)]
    assert [one.rpartition(": ")[2] for one in losses] == ["6 of 12 items were read then"]


def test_pages_of_a_table_that_was_replaced_are_not_taken(
    workspace: Path, front: Front, table: None, emulator: aws_account.AwsAccount
) -> None:
    front.counts_scans, front.left = True, 2
    assert snapshot(workspace) == 1
    client(emulator, "dynamodb").delete_table(TableName="orders")
    make_table(emulator, 7, "y")
    front.left = None
    assert snapshot(workspace, "--resume") == 0
    assert items_of(workspace) == ([(number, "y") for number in range(7)], [])


def test_kept_bytes_that_changed_on_the_disk_are_not_taken(tmp_path: Path) -> None:
    body, again, digest = tmp_path / "body", tmp_path / "again", "9" * 64
    body.write_bytes(b"right")
    kept = KeptContent(tmp_path / "content")
    kept.keep("key", body, digest, {"size": 5})
    assert kept.take("key", again) is None
    assert not again.exists()
    assert kept.take("other", again) is None
    KeptContent(None).keep("key", body, digest, {})
    KeptContent(tmp_path / "body").keep("key", body, digest, {})
    assert KeptContent(tmp_path / "body").take("key", again) is None
