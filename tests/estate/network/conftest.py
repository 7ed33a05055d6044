"""Start the routers that the network tests visit."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from exitkit.demo.device_configuration import IosSession, IosState
from exitkit.demo.ssh_device import SshDevice, host_key
from exitkit.ports import Context, Limits, Source

USER, PASSWORD = "collector", "sesame-7Yk2-planted"


@pytest.fixture
def start() -> Iterator[Callable[..., SshDevice]]:
    """Start a device from its state; all stop at the end of the test."""
    running: list[SshDevice] = []

    def start_one(state: IosState, seed: str, **options: object) -> SshDevice:
        device = SshDevice(state, {USER: PASSWORD}, host_key(seed), **options)
        running.append(device.start())
        return device

    yield start_one
    for device in running:
        device.stop()


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """Write an inventory and a known_hosts file over devices, and return the source."""

    def write(known: str = "", **devices: SshDevice) -> Source:
        hosts = "".join(
            f"        {name}: {{ansible_host: 127.0.0.1, ansible_port: {device.port}}}\n"
            for name, device in devices.items()
        )
        (tmp_path / "network.yml").write_text(
            "all:\n  children:\n    hq:\n      vars: {ansible_network_os: cisco.ios.ios}\n"
            f"      hosts:\n{hosts}"
        )
        lines = known or "".join(device.known_hosts_line for device in devices.values())
        (tmp_path / "known_hosts").write_text(lines)
        settings = {"inventory": "network.yml", "known_hosts": "known_hosts"}
        return Source("core", "network", settings, tmp_path)

    return write


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        now=dt.datetime(2026, 11, 25, tzinfo=dt.UTC),
        spool=tmp_path,
        mask_key=b"k" * 32,
        environ={"EXITKIT_NETWORK_USER": USER, "EXITKIT_NETWORK_PASSWORD": PASSWORD},
        limits=Limits(call_deadline_s=20),
    )


class _Doors(paramiko.ServerInterface):
    """Let in by one way alone, as the devices do that know no other."""

    def __init__(self, device: OddDevice) -> None:
        self.device = device
        self.is_known = False
        self.ready = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return self.device.way

    def get_banner(self) -> tuple[str | None, str | None]:
        return (self.device.banner, "en-US") if self.device.banner else (None, None)

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL if self.device.way == "none" else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        if self.device.way != "password":
            return AUTH_FAILED
        self.device.tried.append(username)
        return AUTH_SUCCESSFUL if self.device.users.get(username) == password else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.device.tried.append(key.fingerprint)
        known = self.device.way == "publickey" and key == self.device.user_key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_auth_interactive(
        self, username: str, submethods: str
    ) -> int | paramiko.InteractiveQuery:
        if self.device.way != "keyboard-interactive":
            return AUTH_FAILED
        return paramiko.InteractiveQuery("TACACS+", "", ("Username: ", True), "Password: ")

    def check_auth_interactive_response(
        self, responses: list[str]
    ) -> int | paramiko.InteractiveQuery:
        if self.is_known:
            return AUTH_SUCCESSFUL
        self.device.tried.append(responses[0])
        self.is_known = self.device.users.get(responses[0]) == responses[1]
        # A second round without a question, as RADIUS servers send to tell something.
        return paramiko.InteractiveQuery("RADIUS", "Welcome") if self.is_known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.ready.set()
        return True


@dataclass
class OddDevice(SshDevice):
    """A device with the manners of the field.

    `way` is the only one in; `asks` what it asks in the channel before the prompt; `banner` comes
    before the login and `greeting` after it; `pager` stops a long answer whatever it was told
    about its length, and is wiped off by `wipe`; `enable_password` guards the `#` prompt.
    """

    way: str = "password"
    user_key: paramiko.PKey | None = None
    banner: str = ""
    greeting: str = ""
    asks: tuple[str, ...] = ()
    pager: str = ""
    wipe: str = "\b"
    rows: int = 20
    enable_password: str = ""
    tried: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def _serve(self, client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        self._transports.append(transport)
        transport.add_server_key(self.key)
        doors = _Doors(self)
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            transport.start_server(server=doors)
            channel = transport.accept(10)
            if channel is not None and doors.ready.wait(10):
                self._converse(channel, "")
        transport.close()

    def _converse(self, channel: paramiko.Channel, command: str) -> None:
        session = IosSession(self.state)
        if not self._asked(channel):
            channel.close()
            return
        privileged = not self.enable_password
        show = self._shown(session, privileged)
        self._send(channel, self.greeting + "\n" + show)
        waiting = ""
        for line in self._typed_lines(channel):
            self.typed.append(line)
            answer = ""
            if waiting:
                privileged, waiting = line == self.enable_password, ""
                answer = "" if privileged else "% Access denied\n"
            elif line == "enable" and not privileged:
                waiting = "Password: "
            elif line.startswith("show running") and not privileged:
                answer = "% Invalid input detected at '^' marker.\n"
            else:
                answer = self._answer(session, line)
            self._page(channel, "\n" + (answer + "\n" if answer else ""))
            self._send(channel, waiting or self._shown(session, privileged))
        channel.close()

    def _asked(self, channel: paramiko.Channel) -> bool:
        if not self.asks:
            return True
        channel.sendall(b"\r\n")
        answers = []
        lines = self._typed_lines(channel)
        for question in self.asks:
            channel.sendall(question.encode())
            answers.append(next(lines, ""))
        self.tried.append(answers[0])
        return self.users.get(answers[0]) == answers[-1]

    def _shown(self, session: IosSession, privileged: bool) -> str:
        return session.prompt if privileged else session.prompt.replace("#", ">")

    def _page(self, channel: paramiko.Channel, text: str) -> None:
        lines = text.split("\n")
        while self.pager and len(lines) > self.rows:
            self._send(channel, "\n".join(lines[: self.rows]) + "\n" + self.pager)
            lines = lines[self.rows :]
            if channel.recv(1) != b" ":
                return
            width = len(self.pager)
            back = "\b" * width if self.wipe == "\b" else "\r"
            self._send(channel, back + " " * width + back)
        self._send(channel, "\n".join(lines))


@pytest.fixture
def odd() -> Iterator[Callable[..., OddDevice]]:
    """Start a device with odd manners; all stop at the end of the test."""
    running: list[OddDevice] = []

    def start_one(state: IosState, seed: str, **manners: Any) -> OddDevice:
        device = OddDevice(state, {USER: PASSWORD}, host_key(seed), **manners)
        running.append(device)
        device.start()
        return device

    yield start_one
    for device in running:
        device.stop()
