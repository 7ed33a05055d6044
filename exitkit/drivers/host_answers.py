"""Turn the answer of each command of a host into rows, whatever the command was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from exitkit.drivers import host_accounts, host_logins, host_packages, host_services
from exitkit.knowledge.host_commands import HostCommand, host_secrets
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

Row = dict[str, Any]
Parser = Callable[[Mapping[str, str]], Iterator[Row]]
PARSERS: Mapping[str, Parser] = {
    "account-expiry": host_accounts.account_expiry,
    "account-status": host_accounts.account_status,
    "apk": host_packages.apk,
    "assignments": host_services.assignments,
    "authorized-keys": host_accounts.authorized_keys,
    "certificates": host_accounts.certificates,
    "containers": host_services.containers,
    "cron": host_services.cron,
    "cron-scripts": host_services.cron_scripts,
    "dpkg": host_packages.dpkg,
    "dpkg-licenses": host_packages.dpkg_licenses,
    "files": host_services.files_as_they_are,
    "fstab": host_services.fstab,
    "gem": host_packages.gem,
    "groups": host_accounts.groups,
    "hardware": host_services.hardware,
    "images": host_services.images,
    "jar": host_packages.jar,
    "last-logins": host_logins.last_logins,
    "listening": host_services.listening,
    "mounts": host_services.mounts,
    "npm": host_packages.npm,
    "number": host_services.number,
    "openrc": host_services.openrc,
    "pip": host_packages.pip,
    "rpm": host_packages.rpm,
    "sessions": host_logins.sessions,
    "sizes": host_services.sizes,
    "ssh-server": host_accounts.ssh_server,
    "sudo-rules": host_accounts.sudo_rules,
    "sysv": host_services.sysv,
    "units": host_services.units,
    "users": host_accounts.users,
    "words": host_services.words,
}
"""By the names that hosts.yaml uses."""


def redactor_of(mask_key: bytes) -> Redactor:
    """Return what takes credentials out of any text of a host."""
    return Redactor((*CREDENTIAL_PATTERNS, *host_secrets()), mask_key)


def rows_of(command: HostCommand, text: str, redactor: Redactor) -> list[Row]:
    """Return the rows of an answer, in an order that the host has no say in, without secrets.

    Files are masked whole, so that a secret of several lines is seen as one.
    """
    files = _files(text) if command.output == "files" else {"": text}
    if (command.output == "files" and not command.slow) or command.parser == "files":
        files = {path: redactor.apply(body) for path, body in files.items()}
    rows = [_masked(row, redactor) for row in PARSERS[command.parser](files)]
    return sorted(rows, key=lambda row: [(name, str(value)) for name, value in row.items()])


def _files(text: str) -> dict[str, str]:
    """Take the lines of `grep -H` apart."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        path, separator, body = line.partition(":")
        if separator and path.startswith("/"):
            found.setdefault(path, []).append(body)
    return {path: "\n".join(lines) for path, lines in sorted(found.items())}


def _masked(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.apply(value)
    if isinstance(value, dict):
        # A certificate is public, and changing a letter of it would spoil it.
        return {
            name: item if name == "pem" else _masked(item, redactor) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, redactor) for item in value]
    return value
