"""Talk to a network device over SSH: its host key must be known, and it has a deadline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from exitkit.errors import CannotRun
from exitkit.knowledge.network_platforms import Platform, platform_of


class DeviceRefused(CannotRun):
    """The device is there and does not let us in, or is not the device we know."""


class DeviceUnavailable(CannotRun):
    """The device does not answer, or not in time."""


class Device:
    """A logged-in device; every method ends at the deadline given to `open_device`."""

    def __init__(self, connection: Any, platform: Platform, line: _Line) -> None:
        self._connection = connection
        self._platform = platform
        self._line = line
        self._prompt = ""

    def run(self, command: str) -> str:
        """Return what the device prints for one command of its operational mode."""
        with self._explained(command):
            answer = self._connection.send_command(
                command, expect_string=self._ending(command), read_timeout=self._line.left_s()
            )
            return str(answer).replace("\r", "")

    def prepare(self, commands: Sequence[str]) -> None:
        """Put the session into a mode by commands that may change the prompt."""
        for command in commands:
            with self._explained(command):
                self._connection.send_command_timing(command, read_timeout=self._line.left_s())
                self._prompt = ""

    def configure(self, lines: Sequence[str]) -> str:
        """Type `lines` in configuration mode and return the whole conversation."""
        with self._explained("configuration"):
            answer = self._connection.send_config_set(
                list(lines), cmd_verify=False, read_timeout=self._line.left_s()
            )
            # A new hostname is a new prompt, which netmiko has to learn.
            self._connection.set_base_prompt()
            self._prompt = ""
            return str(answer).replace("\r", "")

    def save(self) -> None:
        """Keep the configuration over a restart."""
        with self._explained("save"):
            if self._platform.save == "commit":
                answer = self._connection.commit(read_timeout=self._line.left_s())
            else:
                answer = self._connection.save_config()
        if self._platform.rejected.search(str(answer)):
            raise DeviceRefused(f"{self._line.address}: the device does not save; save it by hand")

    def close(self) -> None:
        """Hang up; safe to call twice."""
        self._connection.remote_conn_pre.close()
        self._line.cut()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ending(self, command: str) -> str:
        """Return what the whole answer ends in: its own last line, then the prompt alone.

        netmiko takes the prompt's text anywhere for the end; a description may contain it.
        """
        self._prompt = self._prompt or str(self._connection.find_prompt()).strip()
        is_configuration = command == self._platform.commands["configuration"]
        last = self._platform.last_line if is_configuration else ""
        # A refusal has no such last line, and must not wait for one until the deadline.
        refusals = f"{self._platform.rejected.pattern}|{self._platform.forbidden.pattern}"
        body = rf"(?m:^{last}\s*$|{refusals})[\s\S]*" if last else ""
        return rf"{body}(?m:^){re.escape(self._prompt)}\s*\Z"

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        from netmiko.exceptions import NetmikoBaseException
        from paramiko.ssh_exception import SSHException

        try:
            yield
        except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
            raise DeviceUnavailable(
                f"{self._line.address}: no answer to {what!r} in time ({type(error).__name__}); "
                "look at the device or raise call_deadline_s"
            ) from error


class _Line:
    """A TCP connection that is cut at its deadline, whatever a library is waiting for."""

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        self.address = f"ssh://{host}:{port}"
        self._ends_at = time.monotonic() + deadline_s
        self.socket = socket.create_connection((host, port), timeout=deadline_s)
        self._watchdog = threading.Timer(self._ends_at - time.monotonic(), self.cut)
        self._watchdog.daemon = True
        self._watchdog.start()

    def left_s(self) -> float:
        """Return what is left of the deadline."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise DeviceUnavailable(f"{self.address}: its time is over; raise call_deadline_s")
        return left

    def cut(self) -> None:
        """Close the connection under everybody who waits on it."""
        self._watchdog.cancel()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def open_device(
    host: str,
    port: int,
    platform: str,
    username: str,
    password: str,
    known_hosts: Path,
    deadline_s: float,
) -> Device:
    """Log in to a device whose host key stands in `known_hosts`, for at most `deadline_s`."""
    from netmiko import ConnectHandler
    from netmiko.exceptions import NetmikoBaseException
    from paramiko.ssh_exception import SSHException

    address = f"ssh://{host}:{port}"
    if not known_hosts.is_file():
        raise DeviceRefused(f"{address}: no file {known_hosts.name}; ssh-keyscan writes one")
    known = platform_of(platform)
    try:
        line = _Line(host, port, deadline_s)
    except OSError as error:
        raise DeviceUnavailable(f"{address}: {error}; check address, port and firewall") from error
    # What went wrong is in the error we raise; paramiko would print it on the screen as well.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    try:
        connection = ConnectHandler(
            device_type=known.netmiko_type,
            host=host, port=port, username=username, password=password, sock=line.socket,
            ssh_strict=True, system_host_keys=False,
            alt_host_keys=True, alt_key_file=str(known_hosts),
            use_keys=False, allow_agent=False,
            conn_timeout=deadline_s, auth_timeout=deadline_s, banner_timeout=deadline_s,
            read_timeout_override=deadline_s, blocking_timeout=deadline_s,
        )  # fmt: skip
    except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
        line.cut()
        raise _login_fault(error, address, known_hosts) from error
    return Device(connection, known, line)


def host_key_identities(host: str, port: int, known_hosts: Path) -> tuple[str, ...]:
    """Return `ssh-host-key:SHA256:...` for each key that `known_hosts` holds for a device."""
    from paramiko.hostkeys import HostKeys

    if not known_hosts.is_file():
        return ()
    name = host if port == 22 else f"[{host}]:{port}"
    found = HostKeys(str(known_hosts)).lookup(name)
    keys = [] if found is None else list(found.values())
    return tuple(sorted(f"ssh-host-key:{_fingerprint(key.asbytes())}" for key in keys))


def _fingerprint(key: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _login_fault(error: BaseException, address: str, known_hosts: Path) -> CannotRun:
    from netmiko.exceptions import NetmikoAuthenticationException
    from paramiko.ssh_exception import BadHostKeyException

    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    for link in chain:
        if isinstance(link, BadHostKeyException):
            return DeviceRefused(
                f"{address}: host key {_fingerprint(link.key.asbytes())} is not the one in "
                f"{known_hosts.name}; find out why before you change that file"
            )
        if "not found in known_hosts" in str(link):
            return DeviceRefused(
                f"{address}: no host key in {known_hosts.name}; add the line of ssh-keyscan "
                "after comparing its fingerprint on the device"
            )
        if isinstance(link, NetmikoAuthenticationException):
            return DeviceRefused(f"{address}: user name or password refused; check both")
    last = type(chain[-1]).__name__
    return DeviceUnavailable(f"{address}: no login in time ({last}); look at the device")
