"""Take the code of functions and layers along, from the provider's address and no other."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from exitkit.drivers.aws_packages import address_fault
from exitkit.extractors.lambda_code import LambdaCode
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Automation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft, Gap
from exitkit.ports import Context, Limits, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ACCOUNT = "123456789012"
IDENTITY = f"""<GetCallerIdentityResponse><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/reader</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
ZIP = b"PK\x05\x06" + bytes(18)


def digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@dataclass
class Provider:
    """A server with one function, whose code lies where a test says."""

    url: str = ""
    location: str = "/packages/code.zip?X-Amz-Signature=s3cr3t"
    sha256: str = digest(ZIP)
    package: bytes = ZIP
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.reply(200, IDENTITY.encode(), "text/xml")

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if "/functions/" in path or "/layers/" in path:
                held = {"Location": provider.location, "CodeSha256": provider.sha256}
                if provider.location.startswith("/"):
                    held["Location"] = provider.url + provider.location
                function = {"Code": {"Location": held["Location"]}, "Configuration": held}
                answer = {"Content": held} if "/layers/" in path else function
                self.reply(200, json.dumps(answer).encode(), "application/json")
            elif path == "/packages/moved.zip":
                self.send_response(302)
                self.send_header("Location", f"{provider.url}/packages/code.zip")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.reply(200, provider.package, "application/zip")

        def reply(self, status: int, body: bytes, media_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider.url = f"http://127.0.0.1:{server.server_port}"
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    environ = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    return Context(NOW, tmp_path, b"k" * 32, environ)


def function(**config: Any) -> Asset:
    ref = Ref("aws", ACCOUNT, "eu-west-1", "AWS::Lambda::Function", "worker")
    return Asset(ref, "compute.function", "worker", config, NOW)


def extracted(
    provider: Provider, context: Context, asset: Asset | None = None
) -> tuple[Draft | Gap, Call]:
    settings = {"endpoint_url": provider.url, "regions": ["eu-west-1"]}
    source = Source("prod", "aws", settings, context.spool)
    found = list(LambdaCode().extract(asset or function(), source, context))
    (end,) = [one for one in found if isinstance(one, Draft | Gap)]
    (call,) = [one for one in found if isinstance(one, Call)]
    return end, call


def test_the_code_is_classed_and_its_credentials_stay(provider: Provider, context: Context) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "import boto3\nPASSWORD = 'pl4nted-in-code'\n")
        archive.writestr("node_modules/x/index.js", "require('aws-sdk')\n")
        archive.writestr("acme-1.0.dist-info/METADATA", "Name: acme\n")
        archive.writestr("acme/__init__.py", "import azure.identity\n")
    provider.package, provider.sha256 = packed.getvalue(), digest(packed.getvalue())
    settings = {"endpoint_url": provider.url, "regions": ["eu-west-1"]}
    source = Source("prod", "aws", settings, context.spool)
    found = list(LambdaCode().extract(function(), source, context))
    (record,) = [one for one in found if isinstance(one, Automation)]
    assert (record.language, record.portability) == ("python", "rewrite")
    assert {(f.path, f.line, f.rule) for f in record.findings} == {
        ("index.py", 1, "aws-call"),
        ("index.py", 1, "dependency"),
        ("index.py", 2, "credential-in-clear"),
    }
    (draft,) = [one for one in found if isinstance(one, Draft)]
    body = draft.contents[0].body
    assert isinstance(body, Path)
    with zipfile.ZipFile(body) as held:
        assert b"pl4nted-in-code" not in held.read("index.py")
        assert held.read("acme/__init__.py") == b"import azure.identity\n"
    assert draft.loss == ("1 lines with credentials in clear are masked",)


def test_the_package_comes_along_byte_for_byte(provider: Provider, context: Context) -> None:
    end, call = extracted(provider, context)
    assert isinstance(end, Draft)
    body = end.contents[0].body
    assert isinstance(body, Path)
    assert body.read_bytes() == ZIP
    assert (call.operation, call.outcome, call.count) == (
        "lambda:GetFunction", CallOutcome.COLLECTED, 1,
    )  # fmt: skip


def test_a_package_without_secrets_is_fetched_once_for_a_snapshot_cut_short(
    provider: Provider, context: Context
) -> None:
    going_on = replace(context, kept=context.spool)
    extracted(provider, going_on)
    provider.asked.clear()
    end, call = extracted(provider, going_on)
    assert isinstance(end, Draft)
    assert (call.outcome, call.count) == (CallOutcome.COLLECTED, 1)
    assert not [path for path in provider.asked if path.startswith("/packages/")]
    # What has a secret in it is not kept: only a mask of it may be.
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "PASSWORD = 'pl4nted-in-code'\n")
    provider.package, provider.sha256 = packed.getvalue(), digest(packed.getvalue())
    for _ in range(2):
        provider.asked.clear()
        extracted(provider, going_on)
        assert [path for path in provider.asked if path.startswith("/packages/")]
    kept = [path.read_bytes() for path in (context.spool / "content").iterdir()]
    assert packed.getvalue() not in kept


def test_a_layer_version_comes_along_too(provider: Provider, context: Context) -> None:
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:common:7"
    ref = Ref("aws", ACCOUNT, "eu-west-1", "AWS::Lambda::LayerVersion", arn)
    layer = Asset(ref, "compute.function", "common", {"LayerName": "common", "Version": 7}, NOW)
    end, call = extracted(provider, context, layer)
    assert isinstance(end, Draft)
    assert (end.method, call.operation) == ("lambda:GetLayerVersion", "lambda:GetLayerVersion")
    assert "/2018-10-31/layers/common/versions/7" in provider.asked


def test_another_package_than_the_one_deployed_is_not_taken(
    provider: Provider, context: Context
) -> None:
    provider.package = b"tampered with"
    end, call = extracted(provider, context)
    assert isinstance(end, Gap)
    assert "not the one deployed" in end.text
    assert call.outcome is CallOutcome.UNAVAILABLE


def test_an_address_that_is_not_the_endpoints_own_is_not_asked(
    provider: Provider, context: Context
) -> None:
    provider.location = "https://awslambda-eu-west-1-tasks.s3.eu-west-1.amazonaws.com/worker"
    end, call = extracted(provider, context)
    assert isinstance(end, Gap)
    assert call.outcome is CallOutcome.EXCLUDED
    assert "not this endpoint" in call.reason


def test_nobody_is_followed_to_another_address(provider: Provider, context: Context) -> None:
    provider.location = "/packages/moved.zip?X-Amz-Signature=s3cr3t"
    end, call = extracted(provider, context)
    assert isinstance(end, Gap)
    assert call.outcome is CallOutcome.UNAVAILABLE
    assert "302" in call.reason
    assert "s3cr3t" not in call.reason
    assert "/packages/code.zip" not in provider.asked


def test_a_package_over_a_limit_is_left_out_and_the_ledger_says_so(
    provider: Provider, context: Context
) -> None:
    for limits, setting in (
        (Limits(max_file_bytes=10), "max_file_bytes"),
        (Limits(inline_data_bytes=10), "inline_data_bytes"),
    ):
        end, call = extracted(provider, replace(context, limits=limits))
        assert isinstance(end, Gap)
        assert call.outcome is CallOutcome.EXCLUDED
        assert f"limits.{setting}" in call.reason
        assert f"limits.{setting}" in end.text


@pytest.mark.parametrize(
    "address", ["http://s3.amazonaws.com/x", "file:///etc/passwd", "ftp://host/x", "//host/x", ""]
)
def test_of_the_real_aws_only_https_is_asked(address: str) -> None:
    fault = address_fault(address, None)
    assert fault is not None
    assert fault.outcome is CallOutcome.UNAVAILABLE
    assert address_fault("https://host.example/x", None) is None
