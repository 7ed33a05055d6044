"""Take along the runbooks of Azure Automation, with the class that a script of them has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.drivers.definition_scan import scan_text
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

API_VERSION = "2023-11-01"
READ = "Microsoft.Automation/automationAccounts/runbooks/content"
LONGEST_NAME = 90
LARGEST_BYTES = 4 * 1024 * 1024
SUFFIXES = {"python2": ".py", "python3": ".py", "python": ".py", "graph": ".graphrunbook"}
"""By the type of a runbook; every other is PowerShell."""


class Runbooks:
    """The published code of a runbook; what was never published is a draft and said to be one."""

    native_types: ClassVar[tuple[str, ...]] = ("Microsoft.Automation/automationAccounts/runbooks",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("azure:azure",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the text of the runbook, masked, and the lines that tie it down."""
        from exitkit.drivers.azure import ArmReader

        arm = ArmReader(
            source.settings.get("endpoint_url"), str(source.settings.get("tenant_id") or ""),
            context.environ, context.limits.call_deadline_s,
        )  # fmt: skip
        try:
            answer, text = arm.text(f"{asset.ref.native_id}/content", API_VERSION, LARGEST_BYTES)
        finally:
            arm.close()
        yield _line(asset, source, answer.status, f"{answer.code}: {answer.message}".strip(": "))
        if answer.status != 200:
            yield _gap(asset, answer.status, answer.message or answer.code)
            return
        name = f"{asset.name.rpartition('/')[2]}{_suffix(asset)}"
        scan = scan_text(asset.ref, name, text, context.mask_key)
        if scan.automation:
            yield scan.automation
        folder = segment(asset.ref.native_id.strip("/").replace("/", "-"), LONGEST_NAME)
        content = Content(f"automation/azure/{folder}/{segment(name, 60)}", scan.body,
                          "text/plain", "script")  # fmt: skip
        yield Draft(
            asset.ref, Aspect.CODE, Level.OPEN, READ, "runbook", (content,), scan.losses,
            reason="semantic-loss", volume_bytes=len(scan.body),
            text="it is plain source; schedules, assets and sandboxes of Automation only Azure has",
        )  # fmt: skip


def _suffix(asset: Asset) -> str:
    properties = asset.config.get("properties")
    kind = str(properties.get("runbookType") or "") if isinstance(properties, dict) else ""
    lowered = kind.casefold()
    return next((s for name, s in SUFFIXES.items() if lowered.startswith(name)), ".ps1")


def _line(asset: Asset, source: Source, status: int, reason: str) -> Call:
    outcome = CallOutcome.COLLECTED
    if status in (401, 403):
        outcome = CallOutcome.REFUSED
    elif status == 404:
        outcome = CallOutcome.EMPTY
    elif status != 200:
        outcome = CallOutcome.UNAVAILABLE
    return Call(
        source.id, asset.ref.scope, asset.ref.region, f"{READ}:GET", outcome,
        int(status == 200), binding=asset.ref.native_id,
        permission=f"{READ}/read" if outcome is CallOutcome.REFUSED else "",
        reason="" if status == 200 else reason,
    )  # fmt: skip


def _gap(asset: Asset, status: int, said: str) -> Gap:
    if status == 404:
        return Gap(
            asset.ref, Aspect.CODE, Level.DESCRIBED, "other",
            "No version of it was ever published; a draft is not taken.", Responsible.CUSTOMER,
            "Publish the runbook, or delete it.", method=READ, confidence="high",
        )  # fmt: skip
    refused = status in (401, 403)
    return Gap(
        asset.ref, Aspect.CODE, Level.DESCRIBED,
        "permission-denied" if refused else "api-error", said or "no answer",
        Responsible.CUSTOMER if refused else Responsible.PROVIDER,
        f"Allow {READ}/read and take the snapshot again." if refused else "Repeat the snapshot.",
        method=READ, confidence="high",
    )  # fmt: skip
