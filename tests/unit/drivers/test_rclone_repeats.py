"""Write an object again where the wire broke, and take a refusal for what it is."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from exitkit.drivers import rclone_store
from exitkit.drivers.object_store import StoreError
from exitkit.drivers.rclone_store import RcloneStore

BROKEN = 'Put "http://127.0.0.1/a": net/http: HTTP/1.x transport connection broken: malformed "0"'


class Rclone(socketserver.ThreadingUnixStreamServer):
    """Answers as `rclone rcd` does: with each fault once, then with success."""

    daemon_threads = True
    faults: list[str]
    asked: int = 0


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Rclone)
        server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        fault = server.faults.pop(0) if server.faults else ""
        body = json.dumps({"error": fault} if fault else {}).encode()
        self.send_response(500 if fault else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rclone]:
    monkeypatch.setattr(rclone_store, "_PAUSES_S", (0.0, 0.0))
    with Rclone(str(tmp_path / "socket"), _Handler) as server:
        server.faults = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def write(rclone: Rclone) -> None:
    store = RcloneStore(str(rclone.server_address), "place", 10)
    store.write("docs", "plain.txt", Path(__file__), "text/plain", {})


def test_an_object_is_written_again_after_the_wire_broke(rclone: Rclone) -> None:
    rclone.faults = [BROKEN, "read: connection reset by peer"]
    write(rclone)
    assert rclone.asked == 3


def test_a_wire_that_stays_broken_is_named(rclone: Rclone) -> None:
    rclone.faults = [BROKEN] * 9
    with pytest.raises(StoreError, match=r"docs/plain\.txt: .*connection broken"):
        write(rclone)
    assert rclone.asked == 3


def test_what_the_target_refuses_is_not_tried_again(rclone: Rclone) -> None:
    rclone.faults = ["403 Forbidden: quota exceeded"]
    with pytest.raises(StoreError, match="403 Forbidden"):
        write(rclone)
    assert rclone.asked == 1
