"""Read network devices from an Ansible YAML inventory, so that one file serves both tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exitkit.errors import InputError
from exitkit.workspace.yaml_lines import Document, Where, read_yaml

SSH_PORT = 22
_FROM_ENVIRONMENT = re.compile(
    r"\{\{\s*lookup\(\s*['\"](?:ansible\.builtin\.)?env['\"]\s*,\s*['\"](\w+)"
)


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A device as the inventory declares it.

    The user is `username`, or the value of the variable `username_env`; the password is never in
    the file: `password_env` names the variable that holds it. `site` is its scope; `private_key`
    is the key file that logs in, where one is named.
    """

    name: str
    site: str
    host: str
    port: int
    network_os: str
    username: str
    username_env: str
    password_env: str
    known_hosts: Path
    private_key: Path | None = None

    def user(self, environ: Mapping[str, str]) -> str:
        """Return the user to log in as, from the file or its variable; empty where none is set."""
        return self.username or environ.get(self.username_env, "")

    def credentials(self, environ: Mapping[str, str]) -> tuple[str, str]:
        """Return user and password; an InputError names the variable that is not set."""
        user = self.username or environ.get(self.username_env, "")
        password = environ.get(self.password_env, "")
        for value, variable in ((user, self.username_env), (password, self.password_env)):
            if not value:
                raise InputError(f"{self.name}: variable {variable} is not set; export it first")
        return user, password


def read_inventory(
    path: Path, known_hosts: Path, *, devices: bool = True
) -> tuple[InventoryHost, ...]:
    """Return every host of the inventory once, in name order; `devices` must name their system.

    `known_hosts` serves the hosts that name none; a relative one starts at the inventory.
    """
    document = read_yaml(path)
    if not isinstance(document.value, dict):
        raise document.fault((), "an inventory is a mapping of groups; begin with `all:`")
    found: dict[str, tuple[dict[str, Any], str, Where]] = {}
    for group, members in document.value.items():
        for name, variables, owner, where in _hosts(document, group, members, {}, (group,)):
            merged = {**found[name][0], **variables} if name in found else variables
            # Ansible puts everything into `all` too; the narrower group says more.
            place = found[name][1] if name in found and found[name][1] != "all" else owner
            found[name] = (merged, place, where)
    return tuple(
        _host(document, name, *found[name], default_known_hosts=known_hosts, is_device=devices)
        for name in sorted(found)
    )


def _hosts(
    document: Document, group: str, members: Any, inherited: Mapping[str, Any], where: Where
) -> Iterator[tuple[str, dict[str, Any], str, Where]]:
    members = members or {}
    if not isinstance(members, dict):
        raise document.fault(where, "a group has `hosts`, `vars` and `children`")
    variables = {**inherited, **(members.get("vars") or {})}
    for name, own in (members.get("hosts") or {}).items():
        yield name, {**variables, **(own or {})}, group, (*where, "hosts", name)
    for child, below in (members.get("children") or {}).items():
        yield from _hosts(document, child, below, variables, (*where, "children", child))


def _host(
    document: Document,
    name: str,
    variables: Mapping[str, Any],
    group: str,
    where: Where,
    default_known_hosts: Path,
    is_device: bool,
) -> InventoryHost:
    port = variables.get("ansible_port", SSH_PORT)
    if not isinstance(port, int):
        raise document.fault(where, f"ansible_port {port!r} is not a number")
    network_os = str(variables.get("ansible_network_os", ""))
    if is_device and not network_os:
        raise document.fault(where, "no ansible_network_os; write cisco.ios.ios or another")
    user = str(variables.get("ansible_user", ""))
    user_env = _variable(user) or str(variables.get("exitkit_username_env", ""))
    return InventoryHost(
        name=name,
        site=str(variables.get("exitkit_site", group)),
        host=str(variables.get("ansible_host", name)),
        port=port,
        network_os=network_os,
        username="" if _variable(user) else user,
        username_env=user_env or "EXITKIT_NETWORK_USER",
        password_env=_password_env(document, where, variables),
        known_hosts=_known_hosts(document, variables, default_known_hosts),
        private_key=_private_key(document, variables),
    )


def _password_env(document: Document, where: Where, variables: Mapping[str, Any]) -> str:
    written = str(variables.get("ansible_password", ""))
    if written and not _variable(written):
        raise document.fault(
            where, "ansible_password holds a password; name a variable in exitkit_password_env"
        )
    named = _variable(written) or str(variables.get("exitkit_password_env", ""))
    return named or "EXITKIT_NETWORK_PASSWORD"


def _known_hosts(document: Document, variables: Mapping[str, Any], default: Path) -> Path:
    named = str(variables.get("exitkit_known_hosts", ""))
    return document.path.parent / named if named else default


def _private_key(document: Document, variables: Mapping[str, Any]) -> Path | None:
    named = str(variables.get("ansible_ssh_private_key_file", ""))
    return document.path.parent / Path(named).expanduser() if named else None


def _variable(text: str) -> str:
    found = _FROM_ENVIRONMENT.match(text)
    return found[1] if found else ""
