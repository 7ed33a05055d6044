"""Take stock of network devices over SSH: configuration, version, inventory, license lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from exitkit import plugins
from exitkit.drivers import ssh
from exitkit.drivers.deadlines import run_all
from exitkit.drivers.device_access import device_access
from exitkit.errors import ExitkitError
from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.network_platforms import MASK, Platform, platform_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.paths import segment
from exitkit.store.pattern_hints import is_found, lines_with
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.workspace.inventory import InventoryHost, inventory_of

PROVIDER = "network"
GRACE_S = 3
LICENSE_TYPE = "License/Feature"
LICENSE_KINDS = {
    "permanent": "perpetual",
    "evaluation": "evaluation",
    "subscription": "subscription",
}


class NetworkCollector:
    """Devices of an Ansible inventory; a hung one costs its own deadline and nobody else's."""

    type: ClassVar[str] = "network"
    needs: ClassVar[tuple[str, ...]] = ("netmiko:network", "paramiko:network")

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit every device, several at a time, and tell of each as soon as it is done."""
        hosts = _inventory(source, context.environ)
        # Read before the threads begin, which would all read the same files at once.
        platforms = [platform_of(host.network_os) for host in hosts]
        visits = [
            _Visit(source, context, host, platform)
            for host, platform in zip(hosts, platforms, strict=True)
        ]
        jobs = [_visit_of(visit) for visit in visits]
        # The device has the deadline itself; the time above it is for what a library holds on to.
        deadline_s = context.limits.call_deadline_s + GRACE_S
        for index, findings in run_all(jobs, context.limits.workers, deadline_s):
            host = hosts[index]
            late = _Visit(source, context, host, platforms[index])
            found = late.overdue() if findings is None else findings
            context.progress(f"{host.name}: {len(found)} findings")
            yield from found

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the devices by address and by the host keys we accept from them."""
        names: set[str] = set()
        for host in _inventory(source, context.environ):
            names.add(f"endpoint:ssh://{host.host}:{host.port}")
            names.update(ssh.host_key_identities(host.host, host.port, host.known_hosts))
        return frozenset(names)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for the clients, the credentials, the host keys and an answer from each device."""
        for module, extra in plugins.missing(self.needs):
            yield Check(
                module, False, "not installed", f"pip install 'exitkit-reversibility[{extra}]'"
            )
        for host in _inventory(source, context.environ):
            try:
                _open(host, context).close()
            except ExitkitError as error:
                yield Check(f"{source.id}: {host.name}", False, str(error), "see the message")
            else:
                yield Check(f"{source.id}: {host.name}", True, f"logged in at {host.host}")


def _visit_of(visit: _Visit) -> Callable[[object], list[Finding]]:
    return lambda beat: list(visit.findings())


@dataclass
class _Visit:
    """One device, from login to the last finding about it."""

    source: Source
    context: Context
    host: InventoryHost
    platform: Platform
    calls: list[Call] = field(default_factory=list)

    def overdue(self) -> list[Finding]:
        """Return what is left to say of a device that held a library past every deadline."""
        reason = f"{self.host.name}: no end at its deadline; look at the device"
        self._record("login", CallOutcome.UNAVAILABLE, time.monotonic(), reason=reason)
        return list(self._told(self.platform, {}))

    def findings(self) -> Iterator[Finding]:
        """Visit the device and say everything about it."""
        yield from self._told(self.platform, self._answers(self.platform))

    def _told(self, platform: Platform, answers: Mapping[str, str]) -> Iterator[Finding]:
        ref = Ref(
            PROVIDER, self.host.site, "", f"{platform.name}/Device", self.host.name
        )  # fmt: skip
        yield from self.calls
        redactor = Redactor((*platform.secrets, *CREDENTIAL_PATTERNS), self.context.mask_key)
        answers = {subject: redactor.apply(text) for subject, text in answers.items()}
        facts = _facts(platform, answers)
        yield Asset(
            ref, kind_of(ref.native_type), self.host.name,
            {
                "host": self.host.host, "port": self.host.port, "platform": platform.name,
                "title": platform.title, "vendor": platform.vendor, "facts": facts,
            },
            self.context.now,
            identifiers=(("serial", facts["serial"]),) if "serial" in facts else (),
            status="active" if answers else "unknown",
        )  # fmt: skip
        licenses = list(_licenses(platform, answers.get("license", "")))
        configuration = answers.get("configuration", "")
        yield from _configuration(ref, platform, configuration, self.context)
        yield from device_access(ref, platform, configuration, self.context.now)
        yield _identity(ref)
        yield _device_license(ref, len(licenses))
        for item in licenses:
            yield from _license(ref, item, platform, self.context)

    def _answers(self, platform: Platform) -> dict[str, str]:
        """Return what each command printed, with a ledger line for the login and each command."""
        started = time.monotonic()
        try:
            device = _open(self.host, self.context)
        except ExitkitError as error:
            self._record("login", _outcome(error), started, reason=str(error))
            return {}
        self._record("login", CallOutcome.COLLECTED, started, count=1)
        answers: dict[str, str] = {}
        with device:
            for subject, command in platform.commands.items():
                started = time.monotonic()
                try:
                    if subject == "configuration":
                        device.prepare(platform.before)
                    answer = device.run(command)
                except ExitkitError as error:
                    self._record(command, _outcome(error), started, reason=str(error))
                    continue
                if self._accepted(platform, subject, command, answer, started):
                    answers[subject] = answer
        return answers

    def _accepted(
        self, platform: Platform, subject: str, command: str, answer: str, started: float
    ) -> bool:
        if platform.is_whole(subject, answer):
            # A banner may say that access is denied; who reads it to us was not refused.
            self._record(command, CallOutcome.COLLECTED, started, count=1)
            return True
        if is_found(platform.forbidden, answer):
            self._record(
                command, CallOutcome.REFUSED, started, permission=command,
                reason=f"{self.host.name}: {answer.strip().splitlines()[0]}; allow the command",
            )  # fmt: skip
            return False
        if is_found(platform.rejected, answer):
            # A release without license or inventory commands has nothing to hide behind them.
            missing = subject in ("license", "inventory")
            outcome = CallOutcome.NOT_OFFERED if missing else CallOutcome.UNSUPPORTED
            self._record(command, outcome, started, reason="the device does not know the command")
            return False
        is_empty = not answer or answer.isspace()
        outcome = CallOutcome.EMPTY if is_empty else CallOutcome.COLLECTED
        self._record(command, outcome, started, count=0 if is_empty else 1)
        return not is_empty

    def _record(
        self, command: str, outcome: CallOutcome, started: float, *,
        count: int = 0, permission: str = "", reason: str = "",
    ) -> None:  # fmt: skip
        self.calls.append(
            Call(
                self.source.id, self.host.site, "", f"ssh:{command}", outcome, count,
                binding=self.host.name, permission=permission, reason=reason,
                duration_ms=int((time.monotonic() - started) * 1000),
            )
        )  # fmt: skip


def _inventory(source: Source, environ: Mapping[str, str]) -> tuple[InventoryHost, ...]:
    return inventory_of(source.settings, source.base, environ)


def _open(host: InventoryHost, context: Context) -> ssh.Device:
    return ssh.open_host(host, context.environ, context.limits.call_deadline_s)


def _outcome(error: ExitkitError) -> CallOutcome:
    unavailable = isinstance(error, ssh.DeviceUnavailable)
    return CallOutcome.UNAVAILABLE if unavailable else CallOutcome.REFUSED


def _facts(platform: Platform, answers: Mapping[str, str]) -> dict[str, str]:
    text = "\n".join(answers.get(subject, "") for subject in ("version", "inventory"))
    found = {name: pattern.search(text) for name, pattern in platform.facts.items()}
    return {name: match["value"] for name, match in found.items() if match}


def _configuration(
    ref: Ref, platform: Platform, text: str, context: Context
) -> Iterator[Draft | Gap]:
    if not text:
        yield Gap(
            ref, Aspect.CONFIGURATION, Level.NONE, "api-error",
            "The device did not give its configuration; the ledger says why.",
            Responsible.CUSTOMER, "Make the device reachable for the inventory user, then repeat.",
            method="ssh", confidence="high",
        )  # fmt: skip
        yield _credentials(ref, 0)
        return
    kept = platform.without_volatile(text)
    # Hundreds of devices are held at once until the bundle is written, not their configurations.
    spooled = context.spool / f"{segment(ref.scope)}.{segment(ref.native_id)}.txt"
    size_bytes = spooled.write_bytes(kept.encode())
    withheld = sum(1 for _ in lines_with(MASK, kept))
    loss = platform.not_restored + ((f"{withheld} lines hold a masked secret",) if withheld else ())
    yield Draft(
        ref, Aspect.CONFIGURATION, Level.IMPORTABLE,
        method=f"ssh: {platform.commands['configuration']}",
        format=f"text/plain; {platform.title} configuration",
        contents=(
            Content(
                f"network/{spooled.stem}/running-config.txt", spooled, "text/plain",
                "device-config", origin="device-cli",
            ),
        ),
        loss=loss, volume_bytes=size_bytes,
    )  # fmt: skip
    yield _credentials(ref, withheld)


def _credentials(ref: Ref, lines: int) -> Gap:
    return Gap(
        ref, Aspect.CREDENTIALS, Level.DESCRIBED, "security-risk",
        f"{lines} lines hold passwords, keys or communities; their values are masked.",
        Responsible.CUSTOMER, "Set new secrets on the new device; the masked lines say where.",
        method="ssh", confidence="high",
    )  # fmt: skip


def _identity(ref: Ref) -> Gap:
    return Gap(
        ref, Aspect.IDENTITY, Level.DESCRIBED, "provider-managed",
        "Serial number, hardware addresses and the carrier's addresses stay with this device.",
        Responsible.PROVIDER, "Plan new addresses and announce them to neighbors and filters.",
        method="ssh", confidence="medium",
    )  # fmt: skip


def _device_license(ref: Ref, listed: int) -> Gap:
    if listed:
        return Gap(
            ref, Aspect.LICENSE, Level.DESCRIBED, "hardware-bound-key",
            f"{listed} licenses are listed as assets of their own; each has its own verdict.",
            Responsible.VENDOR, "Ask the vendor to move each license to the new serial number.",
            method="ssh", confidence="medium",
        )  # fmt: skip
    return Gap(
        ref, Aspect.LICENSE, Level.UNKNOWN, "not-assessed",
        "The device names no licenses; the right to use its software is not known.",
        Responsible.CUSTOMER, "Add the agreement to the license schedule.",
        method="ssh", confidence="low",
    )  # fmt: skip


def _licenses(platform: Platform, text: str) -> Iterator[dict[str, str]]:
    if platform.license_lines is not None:
        yield from platform.license_lines.read(text)


def _license(
    device: Ref, item: Mapping[str, str], platform: Platform, context: Context
) -> Iterator[Finding]:
    name = f"{device.native_id}/{item['product']}"
    ref = Ref(PROVIDER, device.scope, "", LICENSE_TYPE, name)
    yield Asset(
        ref, kind_of(LICENSE_TYPE), item["product"], dict(item), context.now,
        volatile=frozenset(("time_left",)),
    )  # fmt: skip
    yield Relation(device, "licensedBy", ref)
    kind = LICENSE_KINDS.get(item.get("kind", "").lower(), "other")
    yield License(
        ref, item["product"], platform.vendor, "unknown", license_type=kind, quantity=1,
        metric="device", restrictions=("named-hardware",),
    )  # fmt: skip
    yield Gap(
        ref, Aspect.LICENSE, Level.UNKNOWN, "not-assessed",
        f"The device does not say whether {item['product']} may move to other hardware.",
        Responsible.VENDOR, f"Ask {platform.vendor}; write the answer into the license schedule.",
        method="ssh", confidence="low",
    )  # fmt: skip
