"""Check that clients share one context, that it is read once, and that it still refuses."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from exitkit.drivers.aws_tls import share_tls

ANSWER = (
    b"<R><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></R>"
)


class Sts(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def endpoint(certificate: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def client_of(endpoint: str, verify: Any) -> Any:
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "none")
    client = session.create_client(
        "sts", region_name="eu-west-1", endpoint_url=endpoint, verify=verify,
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    share_tls(client)
    return client


def context_of(client: Any) -> Any:
    return client._endpoint.http_session._manager.connection_pool_kw["ssl_context"]


def test_clients_that_trust_the_same_share_a_context_that_is_read_once(
    endpoint: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = client_of(endpoint, str(certificate)), client_of(endpoint, str(certificate))
    assert context_of(first) is context_of(second)
    reads: list[Any] = []
    own = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *named: Any, **more: Any) -> None:
        reads.append(named)
        own(self, *named, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    for client in (first, second, first):
        assert client.get_caller_identity()["Account"] == "123456789012"
    assert reads == []


def test_a_server_nobody_vouches_for_is_refused(endpoint: str, certificate: Path) -> None:
    assert client_of(endpoint, str(certificate)).get_caller_identity()
    with pytest.raises(SSLError):
        client_of(endpoint, True).get_caller_identity()


def test_a_certificate_of_another_host_is_refused(endpoint: str, certificate: Path) -> None:
    other = endpoint.replace("127.0.0.1", "localhost")
    with pytest.raises(SSLError):
        client_of(other, str(certificate)).get_caller_identity()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_a_client_that_does_not_look_keeps_its_own_context(
    endpoint: str, certificate: Path
) -> None:
    shared = context_of(client_of(endpoint, str(certificate)))
    blind = client_of(endpoint, False)
    assert context_of(blind) is not shared
    assert blind.get_caller_identity()
    assert shared.verify_mode is ssl.CERT_REQUIRED
