"""Let netmiko prepare and configure a session that we logged in ourselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from exitkit.drivers.ssh_login import Line, Login

if TYPE_CHECKING:
    from paramiko import Channel


def driver_on(channel: Channel, netmiko_type: str, login: Login, line: Line) -> Any:
    """Return netmiko's connection of that type on our open channel, its session prepared."""
    from netmiko.channel import SSHChannel
    from netmiko.ssh_dispatcher import ssh_dispatcher

    vendor: Any = ssh_dispatcher(netmiko_type)

    class OnOurChannel(vendor):  # type: ignore[misc]
        """The vendor's dialect, without its way to connect."""

        def establish_connection(self, width: int = 511, height: int = 1000) -> None:
            self.remote_conn = channel
            self.remote_conn_pre = channel.get_transport()
            channel.settimeout(line.left_s())
            self.channel = SSHChannel(conn=channel, encoding=self.encoding)
            self.special_login_handler()

    return OnOurChannel(
        device_type=netmiko_type, host=line.address, username=login.username,
        password=login.password, secret=login.enable_password, use_keys=False, allow_agent=False,
        read_timeout_override=line.left_s(), blocking_timeout=line.left_s(),
    )  # fmt: skip


def session_faults() -> tuple[type[BaseException], ...]:
    """Return what a session raises when the device falls silent or hangs up."""
    from paramiko.ssh_exception import SSHException

    faults: tuple[type[BaseException], ...] = (SSHException, OSError, EOFError, ValueError)
    netmiko = sys.modules.get("netmiko.exceptions")
    return faults if netmiko is None else (netmiko.NetmikoBaseException, *faults)
