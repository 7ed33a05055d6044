"""Read network devices from an Ansible inventory, so that one file serves both tools."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exitkit.errors import InputError
from exitkit.workspace.inventory_groups import Groups, VariableFiles, read_groups, variables_of
from exitkit.workspace.vault import Unsealed, vault_password

SSH_PORT = 22
MOST_REFERENCES = 10
_FROM_ENVIRONMENT = re.compile(
    r"\{\{\s*lookup\(\s*['\"](?:ansible\.builtin\.)?env['\"]\s*,\s*['\"](\w+)"
)
_REFERENCE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_JUMP = re.compile(r"(?:(?P<user>[^@\s,]+)@)?(?P<host>[^@:\s,\[\]]+|\[[^\]]+\])(?::(?P<port>\d+))?")
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True, slots=True)
class JumpHost:
    """A host on the way to a device; without a user or variable the device's login is used."""

    host: str
    port: int = SSH_PORT
    username: str = ""
    password_env: str = ""


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A device as the inventory declares it.

    The user is `username`, or the value of the variable `username_env`. A password is never in
    the file in clear: `password_env` names the variable that holds it, or `password` came out of
    a vault; the same holds for the enable password. `site` is its scope; `private_key` is the
    key file that logs in, where one is named.
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
    password: str = field(default="", repr=False)
    private_key: Path | None = None
    passphrase_env: str = ""
    enable: bool = False
    enable_password: str = field(default="", repr=False)
    enable_password_env: str = ""
    jumps: tuple[JumpHost, ...] = ()

    def user(self, environ: Mapping[str, str]) -> str:
        """Return the user to log in as, from the file or its variable; empty where none is set."""
        return self.username or environ.get(self.username_env, "")

    def credentials(self, environ: Mapping[str, str]) -> tuple[str, str]:
        """Return user and password; an InputError names the variable that is not set.

        The password is empty where a key file or the SSH agent stands in for it.
        """
        user = self.user(environ)
        password = self.password or environ.get(self.password_env, "")
        by_key = self.private_key is not None or bool(environ.get("SSH_AUTH_SOCK"))
        for value, variable in ((user, self.username_env), (password, self.password_env)):
            if not value and not (by_key and variable == self.password_env):
                raise InputError(f"{self.name}: variable {variable} is not set; export it first")
        return user, password

    def enable_secret(self, environ: Mapping[str, str]) -> str:
        """Return the password of the enable mode, empty where none is known."""
        return self.enable_password or environ.get(self.enable_password_env, "")


def inventory_of(
    settings: Mapping[str, Any], base: Path, environ: Mapping[str, str], *, devices: bool = True
) -> tuple[InventoryHost, ...]:
    """Return the hosts that the settings of a source or target name."""
    named = settings.get("known_hosts")
    own = Path(environ.get("HOME", "~")).expanduser() / ".ssh" / "known_hosts"
    known_hosts = base / str(named) if named else own
    sealed_by = settings.get("vault_password_file")
    password = vault_password(base / str(sealed_by) if sealed_by else None, environ)
    path = base / str(settings["inventory"])
    return read_inventory(path, known_hosts, password, devices=devices)


def read_inventory(
    path: Path, known_hosts: Path, password: str = "", *, devices: bool = True
) -> tuple[InventoryHost, ...]:
    """Return every host of the inventory once, in name order; `devices` must name their system.

    `known_hosts` serves the hosts that name none; a relative one starts at the inventory.
    `password` opens what ansible-vault sealed.
    """
    found = read_groups(path, password)
    files = VariableFiles(path.parent, password)
    return tuple(
        _Declared(found, name, variables_of(found, name, files)).host(known_hosts, devices)
        for name in sorted(found.hosts)
    )


@dataclass(frozen=True, slots=True)
class _Declared:
    """What the inventory says of one host, before it is understood."""

    groups: Groups
    name: str
    variables: Mapping[str, Any]

    def host(self, default_known_hosts: Path, is_device: bool) -> InventoryHost:
        """Return the device; a mistake names file and line."""
        network_os = self.text("ansible_network_os")
        if is_device and not network_os:
            raise self.fault("no ansible_network_os; write cisco.ios.ios or another")
        user, user_env = self.value_or_variable("ansible_user", "ansible_ssh_user")
        password, password_env = self.secret(
            "exitkit_password_env", "ansible_password", "ansible_ssh_pass", "ansible_ssh_password"
        )
        enable_password, enable_env = self.secret(
            "exitkit_enable_password_env", "ansible_become_password", "ansible_become_pass"
        )
        known_hosts = self.text("exitkit_known_hosts")
        base = self.groups.path.parent
        return InventoryHost(
            name=self.name,
            site=self.text("exitkit_site") or self.groups.site_of(self.name),
            host=self.text("ansible_host", "ansible_ssh_host") or self.name,
            port=self.port(),
            network_os=network_os,
            username=user,
            username_env=user_env or self.text("exitkit_username_env") or "EXITKIT_NETWORK_USER",
            password_env=password_env or "EXITKIT_NETWORK_PASSWORD",
            known_hosts=base / known_hosts if known_hosts else default_known_hosts,
            password=password,
            private_key=self.private_key(base),
            passphrase_env=self.text("exitkit_key_passphrase_env")
            or "EXITKIT_NETWORK_KEY_PASSPHRASE",
            enable=self.wants_enable(),
            enable_password=enable_password,
            enable_password_env=enable_env or "EXITKIT_NETWORK_ENABLE_PASSWORD",
            jumps=self.jumps(),
        )

    def fault(self, message: str) -> InputError:
        return self.groups.fault(self.name, message)

    def value(self, *names: str) -> Any:
        """Return the first of the variables that is set, references to others followed."""
        written = next((self.variables[n] for n in names if n in self.variables), None)
        for _ in range(MOST_REFERENCES):
            reference = _REFERENCE.fullmatch(written.strip()) if isinstance(written, str) else None
            if reference is None:
                return written
            if reference[1] not in self.variables:
                raise self.fault(f"{names[0]} refers to {reference[1]}, which is not set")
            written = self.variables[reference[1]]
        raise self.fault(f"{names[0]} refers to itself; write its value")

    def text(self, *names: str) -> str:
        """Return a variable as text, empty where it is not set."""
        written = self.value(*names)
        text = "" if written is None else str(written)
        if "{{" in text and not _FROM_ENVIRONMENT.match(text):
            raise self.fault(f"{names[0]} is a template; write its value, or a lookup of `env`")
        return text

    def value_or_variable(self, *names: str) -> tuple[str, str]:
        """Return the text, or the environment variable that it looks up."""
        text = self.text(*names)
        found = _FROM_ENVIRONMENT.match(text)
        return ("", found[1]) if found else (text, "")

    def secret(self, env_name: str, *names: str) -> tuple[str, str]:
        """Return a secret out of a vault, or the environment variable that holds it."""
        text, variable = self.value_or_variable(*names)
        if text and not isinstance(self.value(*names), Unsealed):
            raise self.fault(
                f"{names[0]} holds a password; seal it with ansible-vault or name a variable in "
                f"{env_name}"
            )
        return text, variable or self.text(env_name)

    def port(self) -> int:
        written = self.value("ansible_port", "ansible_ssh_port")
        text = str(SSH_PORT if written is None else written)
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
            raise self.fault(f"ansible_port {text!r} is not a number of a port")
        return int(text)

    def private_key(self, base: Path) -> Path | None:
        named = self.text("ansible_ssh_private_key_file", "ansible_private_key_file")
        return base / Path(named).expanduser() if named else None

    def wants_enable(self) -> bool:
        method = self.text("ansible_become_method")
        wanted = self.text("ansible_become").lower() in _TRUE
        return wanted and method.rpartition(".")[2] in ("", "enable")

    def jumps(self) -> tuple[JumpHost, ...]:
        """Return the jump hosts from our own variable or from the options of ssh."""
        written = self.value("exitkit_jump_hosts")
        password_env = self.text("exitkit_jump_password_env")
        if written is None:
            options = [self.text("ansible_ssh_common_args"), self.text("ansible_ssh_extra_args")]
            written = self.jumps_of_options(" ".join(options))
        listed = written if isinstance(written, list) else str(written).split(",")
        return tuple(self.jump(str(item), password_env) for item in listed if str(item).strip())

    def jump(self, text: str, password_env: str) -> JumpHost:
        found = _JUMP.fullmatch(text.strip())
        if found is None:
            raise self.fault(f"jump host {text[:60]!r}; write user@host:port")
        port = int(found["port"] or SSH_PORT)
        return JumpHost(found["host"].strip("[]"), port, found["user"] or "", password_env)

    def jumps_of_options(self, options: str) -> str:
        """Return the list that `-J` or ProxyJump names, or the one host of a plain `ssh -W`."""
        try:
            words = shlex.split(options)
        except ValueError as error:
            raise self.fault(f"ansible_ssh_common_args: {error}; close the quote") from None
        for word, following in zip(words, [*words, ""][1:], strict=True):
            if word == "-J":
                return following
            name, _, value = (following if word == "-o" else word.removeprefix("-o")).partition("=")
            if name.strip().lower() == "proxyjump":
                return "" if value.strip().lower() == "none" else value
            if name.strip().lower() == "proxycommand":
                return self.jump_of_command(value)
        return ""

    def jump_of_command(self, command: str) -> str:
        words = shlex.split(command)
        port = words[words.index("-p") + 1] if "-p" in words[:-1] else str(SSH_PORT)
        rest = [word for word in words if word not in ("-q", "-W", "%h:%p", "-p", port)]
        if words[:1] != ["ssh"] or "-W" not in words or len(rest) != 2:
            raise self.fault("a ProxyCommand other than `ssh -W`; write exitkit_jump_hosts")
        return f"{rest[1]}:{port}"
