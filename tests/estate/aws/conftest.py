"""Stand in for AWS on loopback with a server that answers each call as a test says."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from exitkit.store.keys import generate_key

JSON = "application/x-amz-json-1.0"
SIGNED_FOR = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as its bytes tell."""

    key: str
    region: str
    operation: str
    token: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send back; `manner` is `whole`, `cut`, `reset` or `hang`."""

    body: str = ""
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    manner: str = "whole"


@dataclass(slots=True)
class StandIn:
    """The server: `answer` decides on each request, `asked` counts them by operation."""

    answer: Callable[[Asked], Reply | None] = lambda asked: None
    asked: Counter[str] = field(default_factory=Counter)
    seen: list[Asked] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    heard: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def reply_to(self, asked: Asked) -> Reply:
        with self.heard:
            self.asked[asked.operation] += 1
            self.seen.append(asked)
            self.heard.notify_all()
        return self.answer(asked) or usual(asked)

    def wait_for(self, operation: str) -> None:
        """Return once the operation was asked."""
        with self.heard:
            assert self.heard.wait_for(lambda: self.asked[operation] > 0, timeout=30)


ACCOUNTS = {"AKIASHOP": "111111111111", "AKIASTORE": "222222222222"}


def usual(asked: Asked) -> Reply:
    """Answer as an account with a queue, a table and a topic does; keys name the account."""
    account = ACCOUNTS.get(asked.key, "123456789012")
    match asked.operation:
        case "sts:GetCallerIdentity":
            arn = f"arn:aws:iam::{account}:user/reader"
            inner = f"<Arn>{arn}</Arn><UserId>U</UserId><Account>{account}</Account>"
            return query("GetCallerIdentity", inner)
        case "sts:AssumeRole":
            name = asked.arguments["RoleArn"].rpartition("/")[2].upper()
            return query("AssumeRole", credentials(f"AKIA{name}", "token-1"))
        case "ec2:DescribeRegions":
            rows = "".join(
                f"<item><regionName>{name}</regionName><optInStatus>{state}</optInStatus></item>"
                for name, state in (("eu-west-1", "opted-in"), ("eu-south-1", "not-opted-in"))
            )
            whole = f"<R><regionInfo>{rows}</regionInfo></R>"
            return Reply(whole, content_type="text/xml")
        case "sqs:ListQueues":
            return Reply(json.dumps({"QueueUrls": [f"https://sqs/{account}/orders"]}))
        case "sqs:GetQueueAttributes":
            return Reply('{"Attributes": {"DelaySeconds": "0"}}')
        case "dynamodb:ListTables":
            return Reply('{"TableNames": ["stock"]}')
        case "sns:ListTopics":
            arn = f"arn:aws:sns:{asked.region}:{account}:alerts"
            inner = f"<Topics><member><TopicArn>{arn}</TopicArn></member></Topics>"
            return query("ListTopics", inner)
    return Reply("{}")


def query(operation: str, inner: str) -> Reply:
    """Wrap an answer as services of the query protocol do."""
    whole = (
        f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"
    )
    return Reply(whole, content_type="text/xml")


def credentials(key: str, token: str, until: str = "2099-01-01T00:00:00Z") -> str:
    return (
        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{until}</Expiration></Credentials>"
    )


class Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        signed = SIGNED_FOR.search(self.headers["Authorization"])
        assert signed
        key, region, service = signed.groups()
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        form = {name: values[0] for name, values in parse_qs(body).items()}
        operation = f"{service}:{target or form.get('Action', self.path)}"
        arguments = json.loads(body) if target else form
        token = self.headers.get("X-Amz-Security-Token", "")
        self.send(self.stand_in.reply_to(Asked(key, region, operation, token, arguments)))

    def do_GET(self) -> None:
        self.do_POST()

    def send(self, reply: Reply) -> None:
        if reply.manner == "hang":
            self.stand_in.let_go.wait(60)
            return
        if reply.manner == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            return
        body = reply.body.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if reply.manner == "cut" else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Close, unless the connection was torn down on purpose."""
        if self.connection.fileno() >= 0:
            super().finish()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A server that answers as usual until a test sets `answer`."""
    one = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Handler,), {"stand_in": one}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    one.url = f"http://127.0.0.1:{server.server_port}"
    yield one
    one.let_go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def reply() -> Callable[..., Reply]:
    """Makes replies; test modules cannot import from here."""
    return Reply


@pytest.fixture(name="usual")
def usual_reply() -> Callable[[Asked], Reply]:
    """Answers as the account does when nothing is wrong."""
    return usual


@pytest.fixture
def issued() -> Callable[..., Reply]:
    """Makes the answer to AssumeRole: key, token and until when they hold."""
    return lambda *words: query("AssumeRole", credentials(*words))


@pytest.fixture(scope="session")
def iam_user() -> Callable[[Any, str, Sequence[dict[str, Any]]], dict[str, str]]:
    """Make users who may do what policies say, and nothing else."""

    def make(iam: Any, name: str, documents: Sequence[dict[str, Any]]) -> dict[str, str]:
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            iam.put_user_policy(
                UserName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(document)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    return make


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK's retries follow at once: how many there are is looked at, not how long."""
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: 0.0)


@pytest.fixture
def workspace_of(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Return a function that lays out a workspace which signs and has one source."""

    def lay_out(source: dict[str, Any]) -> Path:
        document = {"schema": "exitkit/workspace/1", "series": "acme", "sources": [source]}
        document["signing"] = {"key": "keys/exitkit.pem", "trust": ["keys/exitkit.pub"]}
        (tmp_path / "exitkit.yaml").write_text(json.dumps(document))
        (tmp_path / "keys").mkdir()
        generate_key(tmp_path / "keys/exitkit.pem", tmp_path / "keys/exitkit.pub")
        (tmp_path / "keys/masking.key").write_text("6b" * 32)
        (tmp_path / "keys/masking.key").chmod(0o600)
        return tmp_path

    return lay_out
