"""Take along the runbooks of Azure Automation, with the class that a script of them has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.drivers.definition_scan import scan_text
from exitkit.model.asset import Asset
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source

API_VERSION = "2023-11-01"
READ = "Microsoft.Automation/automationAccounts/runbooks/content"
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
        from exitkit.drivers.azure_reading import AzureReading, arm_reader

        arm = arm_reader(source, context)
        reading = AzureReading(asset, source, READ)
        try:
            answer, text = arm.text(f"{asset.ref.native_id}/content", API_VERSION, LARGEST_BYTES)
        finally:
            arm.close()
        yield reading.line(answer, int(answer.status == 200))
        if answer.status != 200:
            missing = answer.status == 404
            yield _unpublished(asset) if missing else reading.gap(Aspect.CODE, answer)
            return
        name = f"{asset.name.rpartition('/')[2]}{_suffix(asset)}"
        scan = scan_text(asset.ref, name, text, context.mask_key)
        if scan.automation:
            yield scan.automation
        content = Content(reading.path(name), scan.body, "text/plain", "script")
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


def _unpublished(asset: Asset) -> Gap:
    return Gap(
        asset.ref, Aspect.CODE, Level.DESCRIBED, "other",
        "No version of it was ever published; a draft is not taken.", Responsible.CUSTOMER,
        "Publish the runbook, or delete it.", method=READ, confidence="high",
    )  # fmt: skip
