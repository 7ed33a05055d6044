"""Take stock of machines over SSH or of this one: packages, jobs, users, ways in, ports, data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

from exitkit import plugins
from exitkit.assess.host_answers import system_of
from exitkit.drivers import host_shell
from exitkit.drivers.host_holdings import PROVIDER, HostHoldings
from exitkit.errors import ExitkitError
from exitkit.knowledge.hosts import HostCommand, host_commands
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.workspace.inventory import InventoryHost, inventory_of

REFUSALS = ("permission denied", "a password is required", "not allowed", "not in the sudoers")


class HostsCollector:
    """The hosts of an Ansible inventory, and this machine with `local: true`; only read."""

    type: ClassVar[str] = "hosts"
    needs: ClassVar[tuple[str, ...]] = ("paramiko:hosts", "license_expression:hosts")

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit every host, several at a time."""
        hosts: list[InventoryHost | None] = list(_inventory(source, context.environ))
        if source.settings.get("local"):
            hosts.append(None)
        with ThreadPoolExecutor(max_workers=context.limits.workers) as pool:
            visits = pool.map(lambda host: list(_Visit(source, context, host).findings()), hosts)
            for host, findings in zip(hosts, visits, strict=True):
                name = host.name if host else "this machine"
                context.progress(f"{name}: {len(findings)} findings")
                yield from findings

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the hosts by address and by the host keys we accept from them."""
        from exitkit.drivers.ssh import host_key_identities

        names: set[str] = {"host:localhost"} if source.settings.get("local") else set()
        for host in _inventory(source, context.environ):
            names.add(f"endpoint:ssh://{host.host}:{host.port}")
            names.update(host_key_identities(host.host, host.port, host.known_hosts))
        return frozenset(names)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for the clients, the host keys and a login on each host."""
        for module, extra in plugins.missing(self.needs):
            move = f"pip install 'exitkit-reversibility[{extra}]'"
            yield Check(module, ok=False, detail="not installed", next_move=move)
        for host in _inventory(source, context.environ):
            subject = f"{source.id}: {host.name}"
            try:
                _open(host, context).close()
            except ExitkitError as error:
                yield Check(subject, ok=False, detail=str(error), next_move="see the message")
            else:
                yield Check(subject, ok=True, detail=f"logged in at {host.host}")


@dataclass
class _Visit:
    """One host, from login to the last finding about it."""

    source: Source
    context: Context
    host: InventoryHost | None
    calls: list[Call] = field(default_factory=list)

    def findings(self) -> Iterator[Finding]:
        answers = self._answers()
        yield from self.calls
        redactor = Redactor(CREDENTIAL_PATTERNS, self.context.mask_key)
        answers = {name: redactor.apply(text) for name, text in answers.items()}
        system = system_of(answers.get("system", ""))
        name = self.host.name if self.host else system.get("HOSTNAME", "localhost")
        site = self.host.site if self.host else "local"
        machine = Ref(PROVIDER, site, "", "Host/Machine", name)
        facts = {
            "address": self.host.host if self.host else "",
            "system": system.get("PRETTY_NAME", ""),
            "systemId": system.get("ID", ""),
            "kernel": system.get("KERNEL", ""),
        }
        yield Asset(
            machine, kind_of(machine.native_type), name, facts, self.context.now,
            status="active" if answers else "unknown",
        )  # fmt: skip
        if answers:
            yield from HostHoldings(machine, answers, system, self.context.now).all()

    def _answers(self) -> dict[str, str]:
        """Return what each command printed, with a ledger line for the login and each command."""
        started = time.monotonic()
        try:
            shell = _open(self.host, self.context) if self.host else host_shell.LocalShell()
        except ExitkitError as error:
            gone = isinstance(error, host_shell.HostUnavailable)
            outcome = CallOutcome.UNAVAILABLE if gone else CallOutcome.REFUSED
            self._record("login", outcome, started, reason=str(error))
            return {}
        self._record("login", CallOutcome.COLLECTED, started, count=1)
        try:
            asked = ((command, self._ask(shell, command)) for command in host_commands())
            return {command.name: text for command, text in asked if text}
        finally:
            shell.close()

    def _ask(self, shell: host_shell.Shell, command: HostCommand) -> str:
        started, deadline_s = time.monotonic(), self.context.limits.call_deadline_s
        if command.name in self.source.settings.get("leave_out", ()):
            reason = "left out by `leave_out:` in exitkit.yaml"
            self._record(command.name, CallOutcome.EXCLUDED, started, reason=reason)
            return ""
        line = _line(command)
        printed = shell.run(line, deadline_s)
        outcome, reason = _outcome(printed)
        lines = len(printed.text.splitlines())
        if outcome is CallOutcome.COLLECTED and not lines:
            outcome = CallOutcome.EMPTY
        refused = outcome is CallOutcome.REFUSED
        self._record(
            command.name, outcome, started, count=lines, reason=reason,
            permission=f"sudo -n for: {command.reads}" if refused else "",
        )  # fmt: skip
        return printed.text

    def _record(
        self, command: str, outcome: CallOutcome, started: float, *,
        count: int = 0, permission: str = "", reason: str = "",
    ) -> None:  # fmt: skip
        name = self.host.name if self.host else "localhost"
        self.calls.append(
            Call(
                self.source.id, self.host.site if self.host else "local", "", f"host:{command}",
                outcome, count, binding=name, permission=permission, reason=reason,
                duration_ms=int((time.monotonic() - started) * 1000),
            )
        )  # fmt: skip


def _line(command: HostCommand) -> str:
    """Return the command as it is typed: tested for its program, with sudo where that is free."""
    quoted = "'" + command.run.replace("'", "'\\''") + "'"
    run = f"/bin/sh -c {quoted}"
    if command.sudo:
        run = (
            'if [ "$(id -u)" = 0 ]; then '
            + run
            + "; elif sudo -n true 2>/dev/null; then sudo -n "
            + run
            + "; else "
            + run
            + "; fi"
        )
    needs = f"command -v {command.needs} >/dev/null 2>&1 || exit {host_shell.NOT_FOUND}; "
    return (needs if command.needs else "") + run


def _outcome(printed: host_shell.Printed) -> tuple[CallOutcome, str]:
    said = " ".join(printed.errors.split())[:300]
    if printed.fault:
        return CallOutcome.UNAVAILABLE, printed.fault
    if printed.code == host_shell.NOT_FOUND and not printed.text:
        return CallOutcome.NOT_OFFERED, "the host has no such program"
    if any(word in said.lower() for word in REFUSALS):
        return CallOutcome.REFUSED, said
    if printed.code and not printed.text:
        return CallOutcome.UNAVAILABLE, f"exit code {printed.code}: {said}"
    return CallOutcome.COLLECTED, ""


def _inventory(source: Source, environ: Mapping[str, str]) -> tuple[InventoryHost, ...]:
    if "inventory" not in source.settings:
        return ()
    return inventory_of(source.settings, source.base, environ, devices=False)


def _open(host: InventoryHost, context: Context) -> host_shell.SshShell:
    environ = context.environ
    login = host_shell.Login(
        host.host, host.port, host.user(environ) or environ.get("USER", ""), host.known_hosts,
        host.password or environ.get(host.password_env, ""), host.private_key,
    )  # fmt: skip
    return host_shell.open_shell(login, context.limits.call_deadline_s)
