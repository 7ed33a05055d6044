"""Take stock of machines over SSH or of this one: packages, jobs, users, ways in, ports, data."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from exitkit import plugins
from exitkit.drivers import ssh
from exitkit.drivers.host_answers import redactor_of, rows_of
from exitkit.drivers.host_findings import HostAnswers, findings_of
from exitkit.drivers.host_session import (
    Answer,
    HostRefused,
    HostSession,
    HostUnavailable,
    LocalHost,
)
from exitkit.drivers.host_ssh import Login, open_host
from exitkit.errors import CannotRun
from exitkit.knowledge.host_commands import SLOW_FACTOR, HostCommand, host_commands
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Check, Context, Finding, Source
from exitkit.workspace.inventory import InventoryHost, inventory_of

LOCAL = "localhost"
NOT_THERE, NO_SUDO = 127, 126
DENIED = re.compile(r"(?i)permission denied|operation not permitted|must be (?:run as )?root")
SUDO_SAYS_NO = re.compile(r"^sudo: |is not allowed to execute|may not run sudo", re.MULTILINE)
NOTHING_THERE = re.compile(
    r"No such file or directory|^caution: |file system loop|^\[/|End-of-central|zipfile|"
    r"cannot find|^note: |^\s*$"
)
"""What `grep`, `find` and `unzip` say where there is nothing to read; no fault of the host."""


class HostsCollector:
    """Hosts of an Ansible inventory, and this machine where `local: true` says so."""

    type: ClassVar[str] = "hosts"
    needs: ClassVar[tuple[str, ...]] = (
        "paramiko:hosts", "license_expression:hosts", "packageurl:hosts",
    )  # fmt: skip

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit every host, several at a time; a hung one costs its own deadlines only."""
        places = _places(source, context.environ)
        with ThreadPoolExecutor(max_workers=context.limits.workers) as pool:
            visits = pool.map(lambda place: _Visit(source, context, place).made(), places)
            for place, visit in zip(places, visits, strict=True):
                yield from visit.calls
                findings = list(findings_of(visit.answered()))
                context.progress(f"{place.name}: {len(findings)} findings")
                yield from findings

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the hosts by address and by the host keys we accept from them."""
        names: set[str] = {"host:localhost"} if source.settings.get("local") else set()
        for place in _places(source, context.environ):
            if login := place.login:
                names.add(f"endpoint:{login.address}")
                names.update(ssh.host_key_identities(login.host, login.port, login.known_hosts))
        return frozenset(names)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for the clients, the host keys and an answer from each host."""
        for module, extra in plugins.missing(self.needs):
            yield Check(
                module, False, "not installed", f"pip install 'exitkit-reversibility[{extra}]'"
            )
        for place in _places(source, context.environ):
            subject = f"{source.id}: {place.name}"
            try:
                _open(place, context).close()
            except CannotRun as error:
                yield Check(subject, False, str(error), "see the message")
            else:
                yield Check(subject, True, f"logged in at {place.address}")


@dataclass(frozen=True, slots=True)
class _Place:
    """A host to visit; without a login it is this machine."""

    name: str
    site: str
    login: Login | None = None

    @property
    def address(self) -> str:
        return self.login.address if self.login else LOCAL


@dataclass
class _Visit:
    """One host, from login to the last command."""

    source: Source
    context: Context
    place: _Place
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def made(self) -> _Visit:
        """Run every command that is not excluded, and return the visit itself."""
        started = time.monotonic()
        try:
            session = _open(self.place, self.context)
        except (HostRefused, HostUnavailable) as error:
            outcome = CallOutcome.REFUSED
            if isinstance(error, HostUnavailable):
                outcome = CallOutcome.UNAVAILABLE
            self._record("login", outcome, started, permission="login", reason=str(error))
            return self
        self._record("login", CallOutcome.COLLECTED, started, count=1)
        try:
            self._run_all(session)
        finally:
            session.close()
        return self

    def answered(self) -> HostAnswers:
        """Return what was told, ready to be read."""
        place = self.place
        return HostAnswers(place.name, place.site, place.address, self.answers, self.context.now)

    def _run_all(self, session: HostSession) -> None:
        excluded = tuple(self.source.settings.get("leave_out", ()))
        redactor = redactor_of(self.context.mask_key)
        for command in host_commands():
            started = time.monotonic()
            if any(fnmatchcase(command.id, pattern) for pattern in excluded):
                self._record(
                    command.id,
                    CallOutcome.EXCLUDED,
                    started,
                    reason="left out by `leave_out:` in exitkit.yaml",
                )
                continue
            try:
                answer, without = self._asked(session, command)
            except HostUnavailable as error:
                self._record(command.id, CallOutcome.UNAVAILABLE, started, reason=str(error))
                continue
            rows = rows_of(command, answer.text, redactor) if answer.text else []
            outcome, reason = _outcome(command, answer, len(rows), without)
            if rows or outcome in (CallOutcome.COLLECTED, CallOutcome.EMPTY):
                self.answers[command.id] = rows
            refused = outcome is CallOutcome.REFUSED
            self._record(
                command.id, outcome, started, count=len(rows), reason=redactor.apply(reason),
                permission=f"sudo: {command.needs} ({command.id})" if refused else "",
            )  # fmt: skip

    def _asked(self, session: HostSession, command: HostCommand) -> tuple[Answer, str]:
        """Return the answer, and what is missing from it because sudo said no."""
        limits = self.context.limits
        deadline_s = limits.call_deadline_s * (SLOW_FACTOR if command.slow else 1)

        def run(*, sudo: bool) -> Answer:
            script = command.script(sudo=sudo)
            return session.run(script, deadline_s, limits.max_file_bytes)

        is_root = [row["number"] for row in self.answers.get("user", ())] == [0]
        if not command.root or is_root:
            return run(sudo=False), ""
        if self.source.settings.get("sudo", True):
            answer = run(sudo=True)
            said_no = answer.exit_code == NO_SUDO or (
                answer.exit_code == 1 and SUDO_SAYS_NO.search(answer.errors) and not answer.text
            )
            if not said_no:
                return answer, ""
            return run(sudo=False), f"sudo refused; without it {command.without} may be missing"
        return run(sudo=False), f"sudo: false; without it {command.without} may be missing"

    def _record(
        self, operation: str, outcome: CallOutcome, started: float, *,
        count: int = 0, permission: str = "", reason: str = "",
    ) -> None:  # fmt: skip
        self.calls.append(
            Call(
                self.source.id, self.place.site, "", f"host:{operation}", outcome, count,
                binding=self.place.name, permission=permission, reason=reason,
                duration_ms=int((time.monotonic() - started) * 1000),
            )
        )  # fmt: skip


def _outcome(
    command: HostCommand, answer: Answer, count: int, without: str
) -> tuple[CallOutcome, str]:
    if answer.exit_code == NOT_THERE:
        return CallOutcome.NOT_OFFERED, f"no {command.needs} on this host"
    if answer.is_cut:
        return CallOutcome.UNAVAILABLE, f"{command.needs} {answer.is_cut}"
    if without:
        return CallOutcome.REFUSED, without
    lines = [line for line in answer.errors.splitlines() if not NOTHING_THERE.search(line)]
    denied = [line for line in lines if DENIED.search(line)]
    if denied:
        more = f" (and {len(denied) - 1} more)" if len(denied) > 1 else ""
        return CallOutcome.REFUSED, f"{denied[0].strip()[:200]}{more}"
    if answer.exit_code and lines and not count:
        return CallOutcome.UNAVAILABLE, lines[0].strip()[:200]
    return (CallOutcome.COLLECTED if count else CallOutcome.EMPTY), ""


def _places(source: Source, environ: Mapping[str, str]) -> tuple[_Place, ...]:
    settings = source.settings
    places = [_Place(platform.node() or LOCAL, "local")] if settings.get("local") else []
    if "inventory" in settings:
        hosts = inventory_of(settings, source.base, environ, devices=False)
        places += [_place(host, environ) for host in hosts]
    return tuple(places)


def _place(host: InventoryHost, environ: Mapping[str, str]) -> _Place:
    own = ssh.Login(
        host.user(environ) or environ.get("USER", ""),
        host.password or environ.get(host.password_env, ""), host.private_key,
        environ.get(host.passphrase_env, ""), "SSH_AUTH_SOCK" in environ,
    )  # fmt: skip
    login = Login(
        host.host, host.port, own.username, host.known_hosts, own.password, own.key_file,
        own.passphrase, own.agent, tuple(ssh.jump_hops(host, own, environ)),
    )  # fmt: skip
    return _Place(host.name, host.site, login)


def _open(place: _Place, context: Context) -> HostSession:
    if place.login is None:
        return LocalHost()
    return open_host(place.login, context.limits.call_deadline_s)
