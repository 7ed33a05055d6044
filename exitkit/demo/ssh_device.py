"""Stand in for a router: a real SSH server on loopback with a stateful IOS-like command line."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from exitkit.demo.device_configuration import IosSession, IosState

HOST = "127.0.0.1"
LOGIN_TIMEOUT_S = 10
PIECE_PAUSE_S = 0.02
STOPS = (signal.SIGINT, signal.SIGTERM)


def host_key(seed: str) -> paramiko.Ed25519Key:
    """Return the host key that belongs to `seed`, the same one on every start."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    return paramiko.Ed25519Key.from_private_key(io.StringIO(pem.decode()))


class _Login(paramiko.ServerInterface):
    """Accept the passwords given, and a shell or one command per channel."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self.users = users
        self.command = ""
        self.ready = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        known = self.users.get(username) == password
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind == "session":
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.ready.set()
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.command = command.decode()
        self.ready.set()
        return True


@dataclass
class SshDevice:
    """A device that listens; `port` is real, `known_hosts_line` what an operator would keep.

    A line that begins with one of `hangs_on` is never answered: a device that died half way;
    with `silent` it takes the login and never shows a prompt; with `pieces` it sends that many
    bytes at a time, as a slow line does.
    """

    state: IosState
    users: Mapping[str, str]
    key: paramiko.PKey
    hangs_on: tuple[str, ...] = ()
    silent: bool = False
    pieces: int = 0
    port: int = 0
    _listener: socket.socket | None = None
    _transports: list[paramiko.Transport] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def known_hosts_line(self) -> str:
        """The line of a known_hosts file that names this device and its key."""
        return f"[{HOST}]:{self.port} {self.key.get_name()} {self.key.get_base64()}\n"

    def start(self) -> SshDevice:
        """Listen on a free port of loopback, or on `port` where one is given."""
        # Whoever hangs up in the handshake is part of the job here, not news for the screen.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        self._listener = socket.create_server((HOST, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        self._stopped.set()
        if self._listener is not None:
            # accept() in another thread only returns once the socket is shut down, not closed.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for transport in self._transports:
            transport.close()

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        self._transports.append(transport)
        transport.add_server_key(self.key)
        login = _Login(self.users)
        # A client that refuses our host key hangs up in the middle of the handshake.
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            transport.start_server(server=login)
            channel = transport.accept(LOGIN_TIMEOUT_S)
            if channel is not None and login.ready.wait(LOGIN_TIMEOUT_S):
                self._converse(channel, login.command)
        transport.close()

    def _converse(self, channel: paramiko.Channel, command: str) -> None:
        session = IosSession(self.state)
        if command:
            channel.sendall(_terminal(self._answer(session, command) + "\n"))
            channel.send_exit_status(0)
            channel.close()
            return
        if self.silent:
            self._stopped.wait()
        channel.sendall(_terminal("\n" + session.prompt))
        for line in self._typed_lines(channel):
            if line in ("exit", "quit", "logout") and not session.configuring:
                break
            answer = self._answer(session, line)
            self._send(channel, "\n" + (answer + "\n" if answer else "") + session.prompt)
        channel.close()

    def _send(self, channel: paramiko.Channel, text: str) -> None:
        sent = _terminal(text)
        size = self.pieces or len(sent)
        for start in range(0, len(sent), size):
            channel.sendall(sent[start : start + size])
            if self.pieces:
                time.sleep(PIECE_PAUSE_S)

    def _answer(self, session: IosSession, line: str) -> str:
        if self.hangs_on and line.startswith(self.hangs_on):
            self._stopped.wait()
        return session.execute(line)

    def _typed_lines(self, channel: paramiko.Channel) -> Iterator[str]:
        typed, previous = "", ""
        while received := channel.recv(4096):
            for character in received.decode("utf-8", "replace"):
                ends = character == "\r" or (character == "\n" and previous != "\r")
                previous = character
                if ends:
                    yield typed.strip()
                    typed = ""
                elif character == "\x1a":
                    yield "end"
                    typed = ""
                elif character != "\n":
                    typed += character
                    channel.sendall(character.encode())


def _terminal(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def main() -> None:
    """Serve one device on the port given until somebody sends a signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--key-seed", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-env", required=True, help="variable that holds the password")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    state = IosState.of(given.configuration.read_text())
    users = {given.user: os.environ[given.password_env]}
    device = SshDevice(state, users, host_key(given.key_seed), port=given.port).start()
    sys.stdout.write(device.known_hosts_line)
    sys.stdout.flush()
    signal.sigwait(STOPS)
    device.stop()


if __name__ == "__main__":
    main()
