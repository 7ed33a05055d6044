"""Log in over SSH, hop by hop: host keys known, each credential tried once, all by a deadline."""

from __future__ import annotations

import contextlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exitkit.drivers.known_hosts import fingerprint, known_keys
from exitkit.errors import CannotRun

if TYPE_CHECKING:
    from paramiko import Channel, PKey, Transport

COLUMNS, ROWS = 511, 1000
MOST_QUESTIONS = 10
"""How often a server may ask on before we take it for one that never stops."""


class DeviceRefused(CannotRun):
    """The device is there and does not let us in, or is not the device we know."""


class DeviceUnavailable(CannotRun):
    """The device does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in: by `key_file`, then by `password`, or by the keys of the SSH agent.

    `enable` asks for the privileged mode after the login; `enable_password` may be empty.
    """

    username: str
    password: str = field(default="", repr=False)
    key_file: Path | None = None
    passphrase: str = field(default="", repr=False)
    agent: bool = False
    enable: bool = False
    enable_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """One SSH server on the way, or at the end of it."""

    host: str
    port: int
    login: Login

    @property
    def address(self) -> str:
        """The hop as a URL, without the user."""
        return f"ssh://{self.host}:{self.port}"


class Line:
    """A TCP connection that is cut at its deadline, whatever a library is waiting for."""

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        self.address = f"ssh://{host}:{port}"
        self._ends_at = time.monotonic() + deadline_s
        try:
            self.socket = socket.create_connection((host, port), timeout=deadline_s)
        except OSError as error:
            raise DeviceUnavailable(
                f"{self.address}: {error}; check address, port and firewall"
            ) from error
        self._watchdog = threading.Timer(max(0.0, self._ends_at - time.monotonic()), self.cut)
        self._watchdog.daemon = True
        self._watchdog.start()

    def left_s(self) -> float:
        """Return what is left of the deadline."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise DeviceUnavailable(f"{self.address}: its time is over; raise call_deadline_s")
        return left

    def let_go(self) -> socket.socket:
        """Return the connection without its deadline, for whoever bounds each step himself."""
        self._watchdog.cancel()
        return self.socket

    def cut(self) -> None:
        """Close the connection under everybody who waits on it."""
        self._watchdog.cancel()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def log_in(hops: Sequence[Hop], known_hosts: Path, line: Line) -> list[Transport]:
    """Return the transports to every hop, each through the one before it.

    `line` leads to the first; on a fault it is cut, and the error says which hop it was.
    """
    # What went wrong is in the error we raise; paramiko would print it on the screen as well.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    _compare_digests_in_c()
    transports: list[Transport] = []
    try:
        for hop in hops:
            transports.append(_one_hop(hop, transports, known_hosts, line))
    except BaseException:
        hang_up(transports, line)
        raise
    return transports


def through_hops(
    hops: Sequence[Hop], host: str, port: int, known_hosts: Path, deadline_s: float
) -> tuple[Any, socket.socket]:
    """Return a channel to a server behind `hops`, and the connection that carries it."""
    from paramiko.ssh_exception import SSHException

    line = Line(hops[0].host, hops[0].port, deadline_s)
    transports = log_in(hops, known_hosts, line)
    try:
        end = _through(transports[-1], Hop(host, port, hops[-1].login), line)
    except (SSHException, OSError, EOFError) as error:
        hang_up(transports, line)
        raise DeviceUnavailable(
            f"{hops[-1].address}: no way on to {host}:{port}; check address, port and firewall"
        ) from error
    return end, line.let_go()


def hang_up(transports: Sequence[Transport], line: Line) -> None:
    """Cut the line first, so that no goodbye waits for a device that does not listen."""
    from paramiko.ssh_exception import SSHException

    line.cut()
    for transport in reversed(transports):
        with contextlib.suppress(SSHException, OSError, EOFError):
            transport.close()


def open_terminal(transport: Transport, line: Line) -> Channel:
    """Open the device's command line on a terminal too wide and long to need a pager."""
    channel = transport.open_session(timeout=line.left_s())
    channel.settimeout(line.left_s())
    channel.get_pty("vt100", COLUMNS, ROWS)
    channel.invoke_shell()
    return channel


def _one_hop(hop: Hop, before: Sequence[Transport], known_hosts: Path, line: Line) -> Transport:
    from paramiko import Transport
    from paramiko.ssh_exception import AuthenticationException, SSHException

    if not known_hosts.is_file():
        raise DeviceRefused(f"{hop.address}: no file {known_hosts.name}; ssh-keyscan writes one")
    known = known_keys(hop.host, hop.port, known_hosts)
    if not known:
        raise DeviceRefused(
            f"{hop.address}: no host key in {known_hosts.name}; add the line of ssh-keyscan "
            "after comparing its fingerprint on the device"
        )
    transport = None
    try:
        end = _through(before[-1], hop, line) if before else line.socket
        transport = Transport(end)
        transport.banner_timeout = transport.auth_timeout = line.left_s()
        _prefer_known(transport, known)
        transport.start_client(timeout=line.left_s())
        _check_host_key(transport, known, hop, known_hosts)
        _authenticate(transport, hop, line)
    except AuthenticationException as error:
        hang_up([transport] if transport else [], line)
        # paramiko says so as well when the server hangs up, or we do at the deadline.
        if "transport shut down" in str(error):
            raise _no_login(hop, error) from error
        raise DeviceRefused(f"{hop.address}: user name or password refused; check both") from error
    except (SSHException, OSError, EOFError, ValueError) as error:
        hang_up([transport] if transport else [], line)
        raise _no_login(hop, error) from error
    except BaseException:
        hang_up([transport] if transport else [], line)
        raise
    return transport


def _compare_digests_in_c() -> None:
    """Let `hmac` compare the digest of each packet, which paramiko does byte by byte in Python."""
    from paramiko import util

    vars(util)["constant_time_bytes_eq"] = hmac.compare_digest


def _no_login(hop: Hop, error: BaseException) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"{hop.address}: no login in time ({type(error).__name__}); look at the device"
    )


def _through(gate: Transport, hop: Hop, line: Line) -> Any:
    return gate.open_channel(
        "direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=line.left_s()
    )


def _prefer_known(transport: Transport, known: dict[str, PKey]) -> None:
    """Ask for the key we know; a server with several would else show another one."""
    options = transport.get_security_options()
    types = tuple(options.key_types)
    names = {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"} if "ssh-rsa" in known else set()
    first = [name for name in types if name in names or name in known]
    options.key_types = (*first, *(name for name in types if name not in first))


def _check_host_key(
    transport: Transport, known: dict[str, PKey], hop: Hop, known_hosts: Path
) -> None:
    shown = transport.get_remote_server_key()
    if known.get(shown.get_name()) != shown:
        raise DeviceRefused(
            f"{hop.address}: host key {fingerprint(shown.asbytes())} is not the one in "
            f"{known_hosts.name}; find out why before you change that file"
        )


def _authenticate(transport: Transport, hop: Hop, line: Line) -> None:
    """Try the key file, then the password; the agent's keys only where there is neither."""
    from paramiko.ssh_exception import AuthenticationException

    login = hop.login
    refusal: AuthenticationException | None = None
    for key in _keys(login, hop):
        try:
            if not transport.auth_publickey(login.username, key):
                return
            break  # The key was right, and the server wants the password as well.
        except AuthenticationException as error:
            refusal = error
            line.left_s()
    if not login.password:
        raise refusal or DeviceRefused(
            f"{hop.address}: no password, no key file and no key in the SSH agent; give one"
        )
    _by_password(transport, login)


def _by_password(transport: Transport, login: Login) -> None:
    from paramiko.ssh_exception import BadAuthenticationType

    try:
        transport.auth_password(login.username, login.password, fallback=False)
    except BadAuthenticationType as error:
        if "keyboard-interactive" in error.allowed_types:
            transport.auth_interactive(login.username, _Answers(login))
        else:
            # Some devices let anybody in, and ask for user and password on their console.
            transport.auth_none(login.username)


class _Answers:
    """Answer what a TACACS or RADIUS server asks through the device, in as many rounds."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._asked = 0

    def __call__(self, title: str, text: str, prompts: list[tuple[str, bool]]) -> list[str]:
        from paramiko.ssh_exception import AuthenticationException

        self._asked += 1
        if self._asked > MOST_QUESTIONS:
            raise AuthenticationException("it asks and asks")
        return [self._answer(prompt.lower(), echo) for prompt, echo in prompts]

    def _answer(self, prompt: str, echo: bool) -> str:
        if "user" in prompt or "login:" in prompt:
            return self._login.username
        # What is typed in the open is not our password, whatever the question is.
        return self._login.password if "passw" in prompt or not echo else ""


def _keys(login: Login, hop: Hop) -> list[PKey]:
    from paramiko import Agent, PKey
    from paramiko.ssh_exception import SSHException

    if login.key_file is not None:
        try:
            # paramiko says str, and hands it to a reader that takes bytes alone.
            passphrase: Any = login.passphrase.encode() or None
            return [PKey.from_path(login.key_file, passphrase)]
        except (SSHException, OSError, ValueError, TypeError) as error:
            raise DeviceRefused(
                f"{hop.address}: key file {login.key_file.name} cannot be read "
                f"({type(error).__name__}); check the file and its passphrase"
            ) from error
    if login.agent and not login.password:
        return list(Agent().get_keys())
    return []
