"""Answer signed AWS requests from recorded answers after a set delay, the same for every client.

    replay.py PORT STORE [--delay 0.06] [--record http://127.0.0.1:5602] [--tls CERT KEY]

A request is known by service, region, method, path, target and body. While recording, an unknown
one is asked of the emulator and kept; else it is answered 400 and counted as a miss.
GET /__stats answers what was asked since the last time, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import re
import signal
import ssl
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httptools
import uvloop

SIGNED_FOR = re.compile(rb"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
CHANGING = re.compile(
    rb'(?:ClientToken=[^&]*|"(?:clientToken|ClientRequestToken)":"[^"]*"|(?:Start|End)Time=[^&]*)'
)
NOT_SENT_ON = {b"host", b"content-length", b"connection", b"expect", b"transfer-encoding"}
NOT_KEPT = {"content-length", "connection", "transfer-encoding", "server", "date"}
UNKNOWN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

Key = tuple[bytes, ...]


class Replay:
    """The recorded answers, and what was asked."""

    def __init__(self, delay_s: float, upstream: str) -> None:
        self.answers: dict[Key, bytes] = {}
        self.delay_s = delay_s
        self.upstream = upstream
        self.stats: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.live = 0
        self.gate = asyncio.Semaphore(4)
        self.http: Any = None

    def taken_stats(self) -> bytes:
        """Return the counts as an HTTP answer, and begin anew."""
        body = json.dumps({**self.stats, "calls": dict(self.calls.most_common())}).encode()
        self.stats.clear()
        self.calls.clear()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def asked_upstream(self, key: Key, url: bytes, headers: Any, body: bytes) -> bytes:
        """Ask the emulator, and keep its answer."""
        import aiohttp

        self.http = self.http or aiohttp.ClientSession(auto_decompress=False)
        sent = {k.decode(): v.decode() for k, v in headers.items() if k not in NOT_SENT_ON}
        sent["Host"] = headers.get(b"host", b"").decode()
        method = key[2].decode()
        async with (
            self.gate,
            self.http.request(
                method, self.upstream + url.decode(), headers=sent, data=body, allow_redirects=False
            ) as answer,
        ):
            data = await answer.read()
        kept = "".join(
            f"{name}: {value}\r\n"
            for name, value in answer.headers.items()
            if name.lower() not in NOT_KEPT
        )
        size = int(answer.headers.get("content-length", 0)) if method == "HEAD" else len(data)
        head = f"HTTP/1.1 {answer.status} {answer.reason or 'X'}\r\n{kept}Content-Length: {size}"
        self.answers[key] = f"{head}\r\n\r\n".encode() + data
        return self.answers[key]


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.under_way: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)
        self.replay.stats["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url, self.headers, self.body = b"", {}, b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_headers_complete(self) -> None:
        if self.headers.get(b"expect", b"").lower() == b"100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_message_complete(self) -> None:
        replay = self.replay
        if self.url == b"/__stats":
            self.transport.write(replay.taken_stats())
            return
        signed = SIGNED_FOR.search(self.headers.get(b"authorization", b""))
        signed = signed or SIGNED_FOR.search(self.url)
        region, service = signed.groups() if signed else (b"-", b"-")
        method, target = self.parser.get_method(), self.headers.get(b"x-amz-target", b"")
        url, body = CHANGING.sub(b"", self.url), CHANGING.sub(b"", self.body)
        key = (service, region, method, url, target, body)
        self.count(service, method, target)
        loop = asyncio.get_running_loop()
        if (answer := replay.answers.get(key)) is not None:
            loop.call_later(replay.delay_s, self.reply, answer)
            return
        replay.stats["misses"] += 1
        if replay.upstream:
            self.under_way = loop.create_task(self.forward(key))
            return
        print("unknown:", key[:5], body[:200], file=sys.stderr, flush=True)
        loop.call_later(replay.delay_s, self.reply, UNKNOWN)

    def count(self, service: bytes, method: bytes, target: bytes) -> None:
        """Count the request by operation, and how many are under way."""
        replay = self.replay
        action = re.search(rb"Action=(\w+)", self.body)
        plain = method + b" " + self.url.split(b"?")[0][:24]
        operation = target.rpartition(b".")[2] or (action[1] if action else plain)
        replay.stats["requests"] += 1
        replay.calls[f"{service.decode()} {operation.decode()}"] += 1
        replay.live += 1
        replay.stats["most_at_once"] = max(replay.stats["most_at_once"], replay.live)

    async def forward(self, key: Key) -> None:
        """Answer with what the emulator says."""
        answer = await self.replay.asked_upstream(key, self.url, dict(self.headers), self.body)
        self.reply(answer)

    def reply(self, answer: bytes) -> None:
        """Send the answer, unless the client is gone."""
        self.replay.live -= 1
        self.replay.stats["bytes"] += len(answer)
        if not self.transport.is_closing():
            self.transport.write(answer)


async def main() -> None:
    """Serve until told to stop; keep what was recorded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("store", type=Path)
    parser.add_argument("--delay", type=float, default=0.06)
    parser.add_argument("--record", default="")
    parser.add_argument("--tls", nargs=2)
    given = parser.parse_args()
    replay = Replay(given.delay, given.record)
    if given.store.exists():
        # Our own recording, in a folder of our own.
        replay.answers = pickle.loads(given.store.read_bytes())
    context = None
    if given.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*given.tls)
    loop = asyncio.get_running_loop()
    await loop.create_server(
        lambda: Connection(replay), "127.0.0.1", given.port, ssl=context, backlog=1024
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print("answers:", len(replay.answers), flush=True)
    await stop.wait()
    if given.record:
        new = given.store.with_suffix(".new")
        new.write_bytes(pickle.dumps(replay.answers))
        new.replace(given.store)
    if replay.http:
        await replay.http.close()


if __name__ == "__main__":
    uvloop.run(main())
