"""Talk to a network device over SSH: its host key must be known, and it has a deadline."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from exitkit.drivers.known_hosts import host_key_identities
from exitkit.drivers.ssh_login import (
    DeviceRefused,
    DeviceUnavailable,
    Hop,
    Line,
    Login,
    hang_up,
    log_in,
    open_terminal,
)
from exitkit.drivers.ssh_netmiko import driver_on, session_faults
from exitkit.drivers.ssh_shell import Shell
from exitkit.knowledge.network_platforms import Platform, platform_of
from exitkit.workspace.inventory import InventoryHost

if TYPE_CHECKING:
    from paramiko import Channel, Transport

__all__ = [
    "Device", "DeviceRefused", "DeviceUnavailable", "Hop", "Login", "host_key_identities",
    "jump_hops", "open_device", "open_host",
]  # fmt: skip

PLAIN_PREPARATION = ("terminal width 511", "terminal length 0")
PLAIN_TERMINALS = frozenset({"cisco_ios", "cisco_xe", "cisco_nxos", "cisco_xr", "arista_eos"})
"""netmiko types whose whole preparation is these two lines.

For the others netmiko knows the way; it waits fixed times on it, 0.3 s a device and more.
"""
LOGIN_OPTIONS = {"mikrotik_routeros": "+ct511w4098h"}
"""What a user name carries to get a plain wide terminal."""


class Device:
    """A logged-in device; every method ends at the deadline given to `open_device`."""

    def __init__(
        self, transports: Sequence[Transport], channel: Channel, platform: Platform, line: Line,
        login: Login,
    ) -> None:  # fmt: skip
        self._transports = transports
        self._platform = platform
        self._line = line
        self._login = login
        self._shell: Shell | None = None
        self._netmiko: Any = None
        self._prompt = ""
        self._channel = channel

    def greet(self) -> None:
        """Get to the prompt, into enable mode where it is asked for, without a pager."""
        with _explained(self._line, "login"):
            if self._platform.netmiko_type not in PLAIN_TERMINALS:
                self._driver(enable=self._login.enable)
                return
            self._shell = Shell(self._channel, self._line, self._login)
            self._shell.enter()
            if self._login.enable:
                self._shell.enable()
            for command in PLAIN_PREPARATION:
                self._shell.ask(command)

    def run(self, command: str) -> str:
        """Return what the device prints for one command of its operational mode."""
        is_configuration = command == self._platform.commands["configuration"]
        last = self._platform.last_line if is_configuration else ""
        refusals = f"{self._platform.rejected.pattern}|{self._platform.forbidden.pattern}"
        with _explained(self._line, command):
            if self._shell is not None:
                return self._shell.ask(command, last, refusals)
            answer = self._driver().send_command(
                command, expect_string=self._ending(last, refusals),
                read_timeout=self._line.left_s(),
            )  # fmt: skip
            return str(answer).replace("\r", "")

    def prepare(self, commands: Sequence[str]) -> None:
        """Put the session into a mode by commands that may change the prompt."""
        for command in commands:
            with _explained(self._line, command):
                self._driver().send_command_timing(command, read_timeout=self._line.left_s())
                self._prompt = ""

    def configure(self, lines: Sequence[str]) -> str:
        """Type `lines` in configuration mode and return the whole conversation."""
        with _explained(self._line, "configuration"):
            driver = self._driver()
            answer = driver.send_config_set(
                list(lines), cmd_verify=False, read_timeout=self._line.left_s()
            )
            # A new hostname is a new prompt, which both of us have to learn.
            driver.set_base_prompt()
            self._prompt = ""
            if self._shell is not None:
                self._shell.enter()
            return str(answer).replace("\r", "")

    def save(self) -> None:
        """Keep the configuration over a restart."""
        with _explained(self._line, "save"):
            if self._platform.save == "commit":
                answer = self._driver().commit(read_timeout=self._line.left_s())
            else:
                answer = self._driver().save_config()
        if self._platform.rejected.search(str(answer)):
            raise DeviceRefused(f"{self._line.address}: the device does not save; save it by hand")

    def close(self) -> None:
        """Hang up; safe to call twice."""
        hang_up(self._transports, self._line)

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _driver(self, enable: bool = False) -> Any:
        """Return netmiko on our channel; it prepares the session the first time."""
        if self._netmiko is None:
            self._netmiko = driver_on(
                self._channel, self._platform.netmiko_type, self._login, self._line
            )
            if enable and not self._netmiko.check_enable_mode():
                self._netmiko.enable()
        return self._netmiko

    def _ending(self, last_line: str, refusals: str) -> str:
        """Return what the whole answer ends in: its own last line, then the prompt alone.

        netmiko takes the prompt's text anywhere for the end; a description may contain it.
        """
        self._prompt = self._prompt or str(self._driver().find_prompt()).strip()
        # A refusal has no such last line, and must not wait for one until the deadline.
        body = rf"(?m:^{last_line}\s*$|{refusals})[\s\S]*" if last_line else ""
        return rf"{body}(?m:^){re.escape(self._prompt)}\s*\Z"


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
    return _opened((Hop(host, port, Login(username, password)),), platform, known_hosts, deadline_s)


def open_host(host: InventoryHost, environ: Mapping[str, str], deadline_s: float) -> Device:
    """Log in to a device of the inventory, over its jump hosts, into enable mode if it says so."""
    username, password = host.credentials(environ)
    login = Login(
        username, password, host.private_key, environ.get(host.passphrase_env, ""),
        bool(environ.get("SSH_AUTH_SOCK")), host.enable, host.enable_secret(environ),
    )  # fmt: skip
    hops = jump_hops(host, login, environ)
    device = Hop(host.host, host.port, login)
    return _opened((*hops, device), host.network_os, host.known_hosts, deadline_s)


def jump_hops(host: InventoryHost, login: Login, environ: Mapping[str, str]) -> list[Hop]:
    """Return the hosts on the way to `host`; without a user of their own they take its `login`."""
    return [
        Hop(
            jump.host, jump.port,
            replace(
                login, username=jump.username or login.username,
                password=environ.get(jump.password_env, "")
                if jump.password_env
                else login.password,
            ),
        )
        for jump in host.jumps
    ]  # fmt: skip


def _opened(hops: Sequence[Hop], platform: str, known_hosts: Path, deadline_s: float) -> Device:
    known = platform_of(platform)
    login = hops[-1].login
    options = LOGIN_OPTIONS.get(known.netmiko_type, "")
    last = replace(hops[-1], login=replace(login, username=login.username + options))
    line = Line(hops[0].host, hops[0].port, deadline_s)
    transports = log_in((*hops[:-1], last), known_hosts, line)
    # From here on the device is the one we speak of, not the first host on the way to it.
    line.address = last.address
    try:
        with _explained(line, "login"):
            channel = open_terminal(transports[-1], line)
        device = Device(transports, channel, known, line, login)
        device.greet()
    except BaseException:
        hang_up(transports, line)
        raise
    return device


@contextlib.contextmanager
def _explained(line: Line, what: str) -> Iterator[None]:
    try:
        yield
    except session_faults() as error:
        raise DeviceUnavailable(
            f"{line.address}: no answer to {what!r} in time ({type(error).__name__}); "
            "look at the device or raise call_deadline_s"
        ) from error
