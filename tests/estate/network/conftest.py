"""Start the routers that the network tests visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exitkit.demo.device_configuration import IosState
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
