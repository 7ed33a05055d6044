"""Log in to a host over SSH: its key must be known, and no step of it outlives the deadline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exitkit.drivers.host_session import HostRefused, HostUnavailable, SshHost
from exitkit.drivers.ssh_login import DeviceRefused, DeviceUnavailable, Hop, through_hops


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in and as whom: by password, by key file, or by the keys of the agent.

    `jumps` are the hosts on the way, each with a login of its own.
    """

    host: str
    port: int
    user: str
    known_hosts: Path
    password: str = field(default="", repr=False)
    key_file: Path | None = None
    passphrase: str = field(default="", repr=False)
    use_agent: bool = False
    jumps: tuple[Hop, ...] = ()

    @property
    def address(self) -> str:
        """How messages name it."""
        return f"ssh://{self.host}:{self.port}"


def open_host(login: Login, deadline_s: float) -> SshHost:
    """Log in; HostRefused or HostUnavailable say why not and what to do."""
    import paramiko
    from paramiko.ssh_exception import SSHException

    if not login.known_hosts.is_file():
        raise HostRefused(
            f"{login.address}: no file {login.known_hosts.name}; ssh-keyscan writes one"
        )
    end, line = _connection(login, deadline_s)
    # What went wrong is in the error we raise; paramiko would print it on the screen as well.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.load_host_keys(str(login.known_hosts))
        client.connect(
            login.host, login.port, login.user, password=login.password or None, sock=end,
            key_filename=str(login.key_file) if login.key_file else None,
            passphrase=login.passphrase or None,
            allow_agent=login.use_agent, look_for_keys=False, timeout=deadline_s,
            banner_timeout=deadline_s, auth_timeout=deadline_s, channel_timeout=deadline_s,
        )  # fmt: skip
    except (SSHException, OSError, EOFError, ValueError) as error:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        client.close()
        line.close()
        raise _fault(error, login) from error
    return SshHost(client, line, login.address)


def _connection(login: Login, deadline_s: float) -> tuple[Any, socket.socket]:
    """Return what leads to the host, and the connection under it: the same without jump hosts."""
    if login.jumps:
        try:
            return through_hops(login.jumps, login.host, login.port, login.known_hosts, deadline_s)
        except DeviceRefused as error:
            raise HostRefused(str(error)) from error
        except DeviceUnavailable as error:
            raise HostUnavailable(str(error)) from error
    try:
        line = socket.create_connection((login.host, login.port), timeout=deadline_s)
    except OSError as error:
        raise HostUnavailable(
            f"{login.address}: {error}; check address, port and firewall"
        ) from error
    return line, line


def _fault(error: BaseException, login: Login) -> HostRefused | HostUnavailable:
    from paramiko.ssh_exception import (
        AuthenticationException,
        BadHostKeyException,
        PasswordRequiredException,
    )

    if isinstance(error, BadHostKeyException):
        digest = base64.b64encode(hashlib.sha256(error.key.asbytes()).digest()).decode()
        return HostRefused(
            f"{login.address}: host key SHA256:{digest.rstrip('=')} is not the one in "
            f"{login.known_hosts.name}; find out why before you change that file"
        )
    if "not found in known_hosts" in str(error):
        return HostRefused(
            f"{login.address}: no host key in {login.known_hosts.name}; add the line of "
            "ssh-keyscan after comparing its fingerprint on the host"
        )
    if isinstance(error, PasswordRequiredException):
        return HostRefused(
            f"{login.address}: the key file has a passphrase; give it, or use an agent"
        )
    if isinstance(error, AuthenticationException):
        return HostRefused(f"{login.address}: {login.user} is not let in; check user and key")
    return HostUnavailable(
        f"{login.address}: no login in time ({type(error).__name__}); look at the host"
    )
