"""Run reading commands on a host, over SSH or on this machine, each within a deadline."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from exitkit.errors import CannotRun, InputError

LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
NOT_FOUND = 127
_BLOCK_BYTES = 65_536


class HostRefused(CannotRun):
    """The host is there and does not let us in, or is not the host we know."""


class HostUnavailable(CannotRun):
    """The host does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed; `fault` where it was cut off by its deadline or its size."""

    text: str
    errors: str
    code: int
    fault: str = ""


class Shell(Protocol):
    """A host that runs commands."""

    def run(self, command: str, deadline_s: float) -> Printed:
        """Run one command of a POSIX shell."""
        ...

    def close(self) -> None:
        """Hang up; safe to call twice."""
        ...


class LocalShell:
    """This machine."""

    def run(self, command: str, deadline_s: float) -> Printed:
        """Run one command in a session of its own, which ends with the deadline."""
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin",
                   "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}  # fmt: skip
        with subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environ, cwd="/", start_new_session=True,
        ) as process:  # fmt: skip
            try:
                return _read_pipes(process, deadline_s)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Nothing is open."""


def _read_pipes(process: subprocess.Popen[bytes], deadline_s: float) -> Printed:
    ends_at = time.monotonic() + deadline_s
    texts: dict[Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as waiting:
        for pipe in texts:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            left = ends_at - time.monotonic()
            ready = waiting.select(max(left, 0))
            if left <= 0 or not ready:
                return _printed(texts, process, -1, f"no end within {deadline_s:.0f} s")
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK_BYTES)
                texts[key.fileobj] += block
                if not block:
                    waiting.unregister(key.fileobj)
                if len(texts[key.fileobj]) > LARGEST_ANSWER_BYTES:
                    return _printed(texts, process, -1, f"more than {LARGEST_ANSWER_BYTES} bytes")
    return _printed(texts, process, process.wait(), "")


def _printed(
    texts: dict[Any, bytearray], process: subprocess.Popen[bytes], code: int, fault: str
) -> Printed:
    out, err = (bytes(texts[pipe]).decode(errors="replace") for pipe in
                (process.stdout, process.stderr))  # fmt: skip
    return Printed(out, err[:4000], code, fault)


class SshShell:
    """A host behind SSH whose key stands in `known_hosts`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, command: str, deadline_s: float) -> Printed:
        """Run one command in a channel of its own, which closes with the deadline."""
        from paramiko.ssh_exception import SSHException

        ends_at = time.monotonic() + deadline_s
        out, err = bytearray(), bytearray()
        try:
            transport = self._client.get_transport()
            channel = transport.open_session(timeout=deadline_s)
            try:
                channel.exec_command(f"LC_ALL=C; export LC_ALL; {command}")
                while True:
                    busy = False
                    if channel.recv_ready():
                        out += channel.recv(_BLOCK_BYTES)
                        busy = True
                    if channel.recv_stderr_ready():
                        err += channel.recv_stderr(_BLOCK_BYTES)
                        busy = True
                    if len(out) > LARGEST_ANSWER_BYTES or len(err) > LARGEST_ANSWER_BYTES:
                        return _answer(out, err, -1, f"more than {LARGEST_ANSWER_BYTES} bytes")
                    if not busy and channel.eof_received and channel.exit_status_ready():
                        return _answer(out, err, channel.recv_exit_status(), "")
                    if time.monotonic() > ends_at:
                        return _answer(out, err, -1, f"no end within {deadline_s:.0f} s")
                    if not busy:
                        channel.status_event.wait(0.02)
            finally:
                channel.close()
        except (SSHException, OSError, EOFError) as error:
            return _answer(out, err, -1, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _answer(out: bytearray, err: bytearray, code: int, fault: str) -> Printed:
    return Printed(out.decode(errors="replace"), err.decode(errors="replace")[:4000], code, fault)


@dataclass(frozen=True, slots=True)
class Login:
    """How to get into a host; without password and key, the agent and the user's keys are tried."""

    host: str
    port: int
    user: str
    known_hosts: Path
    password: str = ""
    private_key: Path | None = None


def open_shell(login: Login, deadline_s: float) -> SshShell:
    """Log in; a host whose key is not known, or another one, is refused."""
    from paramiko import RejectPolicy, SSHClient
    from paramiko.ssh_exception import (
        AuthenticationException,
        BadHostKeyException,
        NoValidConnectionsError,
        SSHException,
    )

    address = f"ssh://{login.host}:{login.port}"
    if not login.known_hosts.is_file():
        raise HostRefused(f"{address}: no file {login.known_hosts.name}; ssh-keyscan writes one")
    if login.private_key and not login.private_key.is_file():
        raise InputError(f"{login.private_key}: no such key file; correct the inventory")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    client = SSHClient()
    client.set_missing_host_key_policy(RejectPolicy())
    client.load_host_keys(str(login.known_hosts))
    own = not login.password and not login.private_key
    try:
        client.connect(
            login.host, login.port, login.user, password=login.password or None,
            key_filename=str(login.private_key) if login.private_key else None,
            allow_agent=own, look_for_keys=own, timeout=deadline_s, banner_timeout=deadline_s,
            auth_timeout=deadline_s,
        )  # fmt: skip
    except BadHostKeyException as error:
        client.close()
        raise HostRefused(
            f"{address}: its host key is not the one in {login.known_hosts.name}; find out why"
            " before you change that file"
        ) from error
    except AuthenticationException as error:
        client.close()
        raise HostRefused(f"{address}: user name, key or password refused; check them") from error
    except (NoValidConnectionsError, OSError, EOFError) as error:
        client.close()
        raise HostUnavailable(f"{address}: no login ({error}); look at the host") from error
    except SSHException as error:
        client.close()
        if "not found in known_hosts" in str(error):
            raise HostRefused(
                f"{address}: no host key in {login.known_hosts.name}; add the line of ssh-keyscan"
                " after comparing its fingerprint on the host"
            ) from error
        raise HostUnavailable(f"{address}: no login ({error}); look at the host") from error
    return SshShell(client)
