"""Restore a device's running configuration to another device, and compare it line by line.

Step params: `{what: network-configuration, target: <network target>, assets: {native_type:
"cisco_ios/Device", names: ["edge1"]}}`; optional `canaries`, `canary_pattern`. Target settings:
`{inventory: inventories/rehearsal/network.yml, host: spare, known_hosts: ...}`.
Masked secrets are replaced by fresh placeholders and named as losses. The configuration the
target had is kept in the workspace's `.private` folder, never among the evidence, until undone.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared, failed
from exitkit.assess.device_difference import CompareRules, compare_configurations
from exitkit.assess.device_lines import (
    MASKED,
    lines_to_restore,
    lines_to_undo,
    tree,
    tree_of,
    with_placeholders,
    without_masks,
)
from exitkit.drivers import ssh
from exitkit.errors import InputError
from exitkit.knowledge.network_platforms import Platform, platform_of
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.files import write_atomically
from exitkit.store.holdings import Holding, chosen
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.store.touched import note_touched, noted_touched
from exitkit.workspace.inventory import InventoryHost, inventory_of

DEADLINE_S = 120
TYPED_LINES = "configuration-lines"


class NetworkConfigurationRestorer:
    """Move the configuration of a router or switch to another one."""

    what: ClassVar[str] = "network-configuration"
    target_types: ClassVar[tuple[str, ...]] = ("network",)
    needs: ClassVar[tuple[str, ...]] = ("netmiko:network", "paramiko:network")

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the device by its address and by the host keys we accept from it."""
        host = _host(target, environ)
        keys = ssh.host_key_identities(host.host, host.port, host.known_hosts)
        return frozenset({f"endpoint:ssh://{host.host}:{host.port}", *keys})

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List the lines of the running configuration, without secrets."""
        host = _host(target, environ)
        platform = platform_of(host.network_os)
        with _open(host, environ) as device:
            shown = _shown(platform, device.run(platform.commands["configuration"]))
        return tuple(sorted(f"{host.name}: {item}" for item in platform.items(shown)))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Type the configuration, save it, and read it back."""
        host = _host(target, context.environ)
        platform = platform_of(host.network_os)
        if platform.restore_method != TYPED_LINES:
            return failed(
                f"{platform.title}: a restore needs {platform.restore_method}, which exitkit does"
                " not do; restore it by hand and keep the compare step"
            )
        holding, text = _kept(open_bundle(context.bundle), step)
        kept = _tree(platform, text)
        own_login = f"username {host.credentials(context.environ)[0]} "
        typed = {head: lines for head, lines in kept.items() if not head.startswith(own_login)}
        started = time.monotonic()
        with _open(host, context.environ) as device:
            before = device.run(platform.commands["configuration"])
            touched = _note(before, host, context)
            there = _tree(platform, _shown(platform, before))
            lines = lines_to_restore(typed, there)
            placeholder = f"placeholder-{secrets.token_hex(8)}"
            device.configure([with_placeholders(line, placeholder) for line in lines])
            device.save()
            after = device.run(platform.commands["configuration"])
        took_ms = int((time.monotonic() - started) * 1000)
        items = list(_compared(platform, text, after, own_login))
        unequal = sum(item.result != "equal" for item in items)
        losses = _losses(platform, kept, own_login)
        size = len(text.encode())
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{holding.name} to {host.name}: {len(items)} lines, {unequal} not as they were",
            {
                "items_restored": len(items), "bytes_restored": size,
                "items_different": unequal, "losses": len(losses),
            },
            tuple(items), losses, (), (Measurement("network", len(items), size, took_ms),),
            touched,
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Compare section by section; a line the target lacks, or has beside them, is named."""
        host = _host(target, context.environ)
        platform = platform_of(host.network_os)
        holding, text = _kept(open_bundle(context.bundle), step)
        with _open(host, context.environ) as device:
            read_back = device.run(platform.commands["configuration"])
        canaries = Canaries.of(step.params)
        canaries.expect(text.encode())
        canaries.see(read_back.encode())
        own_login = f"username {host.credentials(context.environ)[0]} "
        kept = _tree(platform, text)
        items = list(_compared(platform, text, read_back, own_login))
        proven = all(item.result == "equal" for item in items)
        return compared(
            f"{holding.name} on {host.name}",
            items,
            canaries=canaries,
            losses=_losses(platform, kept, own_login),
            proofs=[Proof(holding.urn, "configuration")] if proven else [],
        )

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Give the device back the configuration it had, and make sure that it has it."""
        if not touched and not noted_touched(context):
            return Outcome(StepStatus.SUCCEEDED, "nothing was typed")
        backup = _backup(context)
        if not backup.is_file():
            return Outcome(StepStatus.SUCCEEDED, "already as it was: its backup is gone")
        host = _host(target, context.environ)
        platform = platform_of(host.network_os)
        show = platform.commands["configuration"]
        before = _tree(platform, backup.read_text())
        with _open(host, context.environ) as device:
            lines = lines_to_undo(before, _tree(platform, device.run(show)))
            if lines:
                device.configure(lines)
            device.save()
            left = lines_to_undo(before, _tree(platform, device.run(show)))
        if left:
            shown = _shown(platform, "\n".join(left)).splitlines()
            named = next((line.strip() for line in shown if line.strip()), "")
            return failed(
                f"{host.name}: still not as it was, for one {named!r}; type it by hand, the"
                f" configuration it had is {backup.relative_to(context.workspace)}"
            )
        backup.unlink()
        return Outcome(StepStatus.SUCCEEDED, f"{host.name}: as it was", {"lines_typed": len(lines)})


def _host(target: Target, environ: Mapping[str, str]) -> InventoryHost:
    hosts = {host.name: host for host in inventory_of(target.settings, target.base, environ)}
    name = str(target.settings["host"])
    if name not in hosts:
        raise InputError(
            f"target {target.id}: no host {name!r} in {target.settings['inventory']};"
            f" there are {', '.join(sorted(hosts))}"
        )
    return hosts[name]


def _open(host: InventoryHost, environ: Mapping[str, str]) -> ssh.Device:
    return ssh.open_host(host, environ, DEADLINE_S)


def _kept(bundle: Bundle, step: Step) -> tuple[Holding, str]:
    holdings = chosen(bundle, step)
    if len(holdings) != 1:
        names = ", ".join(holding.name for holding in holdings)
        raise InputError(f"step {step.id}: one device goes to one device; `names` matches {names}")
    paths = holdings[0].paths("device-config")
    if not paths:
        raise InputError(
            f"step {step.id}: the bundle holds no configuration of {holdings[0].name};"
            " see its ledger lines"
        )
    return holdings[0], bundle.content_path(paths[0]).read_text(encoding="utf-8")


def _tree(platform: Platform, text: str) -> dict[str, list[str]]:
    if platform.structure != "indented":
        return tree_of(platform.placed(text))
    lines = platform.without_volatile(text).splitlines()
    return tree(
        [line for line in lines if line.strip() and not any(p.search(line) for p in platform.skip)]
    )


def _compared(
    platform: Platform, text: str, read_back: str, own_login: str
) -> Iterator[ItemResult]:
    kept = [
        (around, line)
        for around, line in platform.placed(text)
        if not (*around, line)[0].startswith(own_login)
    ]
    there = platform.placed(_shown(platform, read_back))
    return compare_configurations(kept, there, CompareRules(platform.ordered, platform.defaults))


def _shown(platform: Platform, text: str) -> str:
    """Take the secrets out; the masks read all alike, so that they say nothing."""
    redactor = Redactor((*platform.secrets, *CREDENTIAL_PATTERNS), secrets.token_bytes(16))
    return without_masks(redactor.apply(text))


def _losses(platform: Platform, kept: Mapping[str, list[str]], own_login: str) -> tuple[str, ...]:
    items = [
        without_masks(f"{head} > {line}" if line else head)
        for head, section in kept.items()
        for line in ("", *section)
    ]
    replaced = [
        f"{item}: a placeholder stands for the secret"
        for item in items
        if MASKED in item and not item.startswith(own_login)
    ]
    untouched = [f"{own_login.strip()}: left as it is, it is our own login"]
    own = untouched if any(item.startswith(own_login) for item in items) else []
    return (*replaced, *own, *platform.not_restored)


def _note(before: str, host: InventoryHost, context: StepContext) -> dict[str, Any]:
    """Keep the configuration the device had before the first attempt."""
    backup = _backup(context)
    backup.parent.mkdir(mode=0o700, exist_ok=True)
    if not backup.is_file():
        write_atomically(backup, before.encode(), mode=0o600)
    touched = {"device": host.name, "backup": str(backup.relative_to(context.workspace))}
    note_touched(context, touched)
    return touched


def _backup(context: StepContext) -> Path:
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", context.idempotency_key)[-60:]
    digest = hashlib.sha256(context.idempotency_key.encode()).hexdigest()[:8]
    return context.workspace / ".private" / f"{name}-{digest}.cfg"
