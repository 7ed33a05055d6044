"""Set up machines that are apart: each with a name, an address, processes and a wire of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from exitkit.demo.databases import RunningDatabase, running_database

SERVER = "10.4.0.1"
"""Where PostgreSQL listens, whichever wire one comes from."""
_CLONE_NEWNET = 0x40000000
_KEEP = 'hostname "$0" && ip link set lo up && echo ready && exec sleep infinity'


@dataclass
class Machine:
    """A host by its own name, in namespaces that end with `keeper`; `pid` is its first process."""

    name: str
    keeper: subprocess.Popen[bytes]
    pid: int

    def start(self, *command: str, environ: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
        """Start a program there, and hear both of its outputs as one."""
        # A folder that is entered from outside is not one of the machine's own.
        there = ["sh", "-c", 'cd "$0" && exec "$@"', str(cwd), *command]
        return subprocess.Popen(
            ["nsenter", "-t", str(self.pid), "--net", "--uts", "--pid", "--mount", "--", *there],
            env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def ip(self, *words: str) -> None:
        """Change something about its network."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "--net", "ip", *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"

    def power_off(self) -> None:
        """End all that runs on it at once, without a word to anybody."""
        self.keeper.kill()
        self.keeper.wait()


@dataclass
class Network:
    """A server, and hosts each on a wire of its own."""

    server: Machine
    hosts: dict[str, Machine]

    def cut(self, host: str) -> None:
        """Pull the wire of a host, at the far end: it is told nothing."""
        self.server.ip("link", "set", host, "down")

    def mend(self, host: str) -> None:
        """Plug it in again."""
        self.server.ip("link", "set", host, "up")


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Lend a server and hosts of these names."""
    assert os.geteuid() == 0, "machines that are apart need namespaces: run this test as root"
    with ExitStack() as stack:
        server = stack.enter_context(_machine("db"))
        server.ip("address", "add", f"{SERVER}/32", "dev", "lo")
        hosts = {name: stack.enter_context(_machine(name)) for name in names}
        for number, host in enumerate(hosts.values(), start=1):
            _plug_in(server, host, f"10.4.{number}")
        yield Network(server, hosts)


@contextmanager
def database_on(server: Machine) -> Iterator[RunningDatabase]:
    """Lend a cluster that other machines reach at SERVER."""
    # The thread that starts it is on that machine as far as its network goes.
    with ThreadPoolExecutor(1, initializer=_enter_network, initargs=(server.pid,)) as there:
        lent = running_database(18, [f"listen_addresses=127.0.0.1,{SERVER}"])
        database = there.submit(lent.__enter__).result()
        try:
            with (database.folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all 10.4.0.0/16 scram-sha-256\n")
            os.kill(database.pid, signal.SIGHUP)
            yield database
        finally:
            there.submit(lent.__exit__, None, None, None).result()


def until(is_true: Callable[[], object], what: str, deadline_s: float = 90) -> None:
    """Wait for something to become true, and say what never did."""
    end = time.monotonic() + deadline_s
    while not is_true():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.05)


@contextmanager
def _machine(name: str) -> Iterator[Machine]:
    keeper = subprocess.Popen(
        ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", _KEEP, name], stdout=subprocess.PIPE,
    )  # fmt: skip
    assert keeper.stdout is not None
    with keeper.stdout:
        try:
            assert keeper.stdout.readline() == b"ready\n", "no namespaces here"
            yield Machine(name, keeper, psutil.Process(keeper.pid).children()[0].pid)
        finally:
            keeper.kill()
            keeper.wait()


def _plug_in(server: Machine, host: Machine, wire: str) -> None:
    link = ("link", "add", host.name, "type", "veth", "peer", "name", "eth0")
    server.ip(*link, "netns", str(host.pid))
    server.ip("address", "add", f"{wire}.1/24", "dev", host.name)
    host.ip("address", "add", f"{wire}.2/24", "dev", "eth0")
    server.ip("link", "set", host.name, "up")
    host.ip("link", "set", "eth0", "up")
    host.ip("route", "add", SERVER, "via", f"{wire}.1")


def _enter_network(pid: int) -> None:
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        entered = ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET)
    assert entered == 0, os.strerror(ctypes.get_errno())
