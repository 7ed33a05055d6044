"""Pull the fleet with scrapli 2026 over its built-in ssh2 transport, its fastest."""

from __future__ import annotations

from fleet import PASSWORD, PORT, USER, pull_all, save
from scrapli import AuthOptions, Cli, SessionOptions, TransportSsh2Options


def pull(number: int, host: str) -> bool:
    with Cli(
        host, port=PORT, definition_file_or_name="cisco_iosxe",
        auth_options=AuthOptions(username=USER, password=PASSWORD),
        session_options=SessionOptions(operation_timeout_s=100),
        transport_options=TransportSsh2Options(),
    ) as device:  # fmt: skip
        return save(number, device.send_input("show running-config").result)


if __name__ == "__main__":
    pull_all(pull)
