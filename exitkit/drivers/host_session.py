"""Run read-only commands on a host, here or over SSH, none longer or louder than it may be."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from exitkit.errors import CannotRun

CHUNK_BYTES = 65536
ERROR_BYTES = 65536
POLL_S = 0.05
"""A channel says through its pipe that there is more, but not always that it ended."""


class HostRefused(CannotRun):
    """The host is there and does not let us in, or is not the host we know."""


class HostUnavailable(CannotRun):
    """The host does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed; `is_cut` where it was more than the limit or took too long."""

    exit_code: int
    text: str
    errors: str
    is_cut: str = ""


class HostSession(Protocol):
    """A host that answers commands."""

    def run(self, script: str, deadline_s: float, most_bytes: int) -> Answer:
        """Run `script` in `sh -c`; a lost connection raises HostUnavailable."""
        ...

    def close(self) -> None:
        """Hang up; safe to call twice."""
        ...


class LocalHost:
    """The machine exitkit runs on."""

    def run(self, script: str, deadline_s: float, most_bytes: int) -> Answer:
        """Run `script` in a process group of its own, which ends with it."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd="/", start_new_session=True,
        )  # fmt: skip
        reading = _Reading(deadline_s, most_bytes)
        pipes = ((process.stdout, True), (process.stderr, False))
        streams = {pipe.fileno(): is_body for pipe, is_body in pipes if pipe}
        try:
            while streams and not reading.is_over:
                ready, _, _ = select.select(list(streams), [], [], reading.left_s)
                for stream in ready:
                    body = os.read(stream, CHUNK_BYTES)
                    if not body:
                        del streams[stream]
                    reading.add(body, is_error=not streams.get(stream, False))
            code = process.wait(reading.left_s) if not reading.is_over else -1
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            _end(process)
        return reading.answer(code)

    def close(self) -> None:
        """Nothing to hang up."""


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


class SshHost:
    """A host we are logged in to; `client` is paramiko's, `line` the socket under it."""

    def __init__(self, client: Any, line: socket.socket, address: str) -> None:
        self._client, self._line, self.address = client, line, address

    def run(self, script: str, deadline_s: float, most_bytes: int) -> Answer:
        """Run `script` in a channel of its own, without a terminal."""
        with _lost(self.address):
            channel = self._client.get_transport().open_session(timeout=deadline_s)
            try:
                # The login shell may be any; only this one word of it is used.
                channel.exec_command(f"exec sh -c {shlex.quote(script)}")
                channel.shutdown_write()
                return self._read(channel, _Reading(deadline_s, most_bytes))
            finally:
                channel.close()

    def _read(self, channel: Any, reading: _Reading) -> Answer:
        while not reading.is_over:
            told = False
            if channel.recv_ready():
                reading.add(channel.recv(CHUNK_BYTES), is_error=False)
                told = True
            if channel.recv_stderr_ready():
                reading.add(channel.recv_stderr(CHUNK_BYTES), is_error=True)
                told = True
            if told:
                continue
            if channel.eof_received or channel.closed:
                break
            select.select([channel], [], [], min(reading.left_s, POLL_S))
        if reading.is_over or not channel.status_event.wait(reading.left_s):
            return reading.answer(-1)
        code = channel.recv_exit_status()
        if code == -1 and not self._client.get_transport().is_active():
            raise HostUnavailable(f"{self.address}: the connection was lost; look at the host")
        return reading.answer(code)

    def close(self) -> None:
        """Hang up under whoever waits."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        # Behind a jump host the way to say goodbye may be gone already.
        with contextlib.suppress(EOFError, OSError):
            self._client.close()

    def __enter__(self) -> SshHost:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Reading:
    """What was read so far, and how much time and room is left."""

    def __init__(self, deadline_s: float, most_bytes: int) -> None:
        self._deadline_s, self._most_bytes = deadline_s, most_bytes
        self._ends_at = time.monotonic() + deadline_s
        self._body, self._errors = bytearray(), bytearray()

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    @property
    def is_over(self) -> bool:
        return len(self._body) > self._most_bytes or not self.left_s

    def add(self, body: bytes, *, is_error: bool) -> None:
        if not is_error:
            self._body += body
        elif len(self._errors) < ERROR_BYTES:
            self._errors += body

    def answer(self, code: int) -> Answer:
        cut = ""
        if len(self._body) > self._most_bytes:
            cut = f"printed more than {self._most_bytes} bytes; raise limits.max_file_bytes"
        elif code == -1:
            cut = f"did not end in {self._deadline_s:.0f} s; raise limits.call_deadline_s"
        text = self._body[: self._most_bytes].decode("utf-8", "replace").replace("\r\n", "\n")
        return Answer(code, text, self._errors.decode("utf-8", "replace"), cut)


@contextlib.contextmanager
def _lost(address: str) -> Iterator[None]:
    from paramiko.ssh_exception import SSHException

    try:
        yield
    except (SSHException, OSError, EOFError, AttributeError) as error:
        raise HostUnavailable(
            f"{address}: the connection was lost ({type(error).__name__}); look at the host"
        ) from error
