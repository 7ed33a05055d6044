"""Take along what Azure runs for the customer: workflows, and the functions of function apps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.drivers.definition_scan import scan_text
from exitkit.model.asset import Asset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source

FUNCTIONS = "Microsoft.Web/sites/functions"
FUNCTIONS_API = "2023-12-01"
WORKFLOWS = "Microsoft.Logic/workflows"
KEPT = ("language", "isDisabled", "config")
"""What is kept of a function: its addresses and samples can hold its keys."""
PACKAGE_STAYS = (
    "its functions and what starts them are held, its package is not: Azure hands that out only "
    "for the publishing credentials, which can write too"
)
REBUILD = "it is documented text, but only Azure runs it as it is"


class Workflows:
    """The code of a Logic App, which its configuration already holds."""

    native_types: ClassVar[tuple[str, ...]] = (WORKFLOWS,)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("azure:azure",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the definition as a file; nothing where the resource could not be read."""
        definition = _member(asset.config, "properties", "definition")
        if definition:
            yield from _scanned(
                asset, source, WORKFLOWS, "workflow.json", {"definition": definition}, context,
                Level.OPEN, ("semantic-loss", REBUILD),
            )  # fmt: skip


class FunctionApps:
    """The functions of a function app: what each is written in, and what starts it."""

    native_types: ClassVar[tuple[str, ...]] = ("Microsoft.Web/sites", "Microsoft.Web/sites/slots")
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("azure:azure",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the functions with their bindings; nothing for a web application."""
        from exitkit.drivers.azure_reading import AzureReading, arm_reader

        if "functionapp" not in str(asset.config.get("kind") or "").casefold():
            return
        operation = asset.ref.native_type + FUNCTIONS.removeprefix("Microsoft.Web/sites")
        reading = AzureReading(asset, source, operation)
        arm = arm_reader(source, context)
        rows: list[Mapping[str, Any]] = []
        try:
            for answer in arm.pages(f"{asset.ref.native_id}/functions", FUNCTIONS_API):
                rows += answer.body.get("value", ()) if answer.status == 200 else ()
        finally:
            arm.close()
        call = reading.line(answer, len(rows))
        yield call
        if call.outcome in (CallOutcome.REFUSED, CallOutcome.UNAVAILABLE):
            yield reading.gap(Aspect.CODE, answer)
            return
        functions = [_function(row) for row in rows]
        yield from _scanned(
            asset, source, operation, "functions.json", {"functions": functions}, context,
            Level.DESCRIBED, ("not-supported-by-tool", PACKAGE_STAYS),
        )  # fmt: skip


def _function(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = row.get("properties")
    told = properties if isinstance(properties, Mapping) else {}
    name = str(row.get("name") or "").rpartition("/")[2]
    return {"name": name, **{member: told[member] for member in KEPT if member in told}}


def _member(config: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found: Any = config
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _scanned(
    asset: Asset,
    source: Source,
    method: str,
    name: str,
    document: Mapping[str, Any],
    context: Context,
    level: Level,
    why: tuple[str, str],
) -> Iterator[Finding]:
    """Yield a document with its class, as a script of a repository has one."""
    from exitkit.drivers.azure_reading import AzureReading

    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    scan = scan_text(asset.ref, name, text, context.mask_key)
    if scan.automation:
        yield scan.automation
    path = AzureReading(asset, source, method).path(name)
    content = Content(path, scan.body, "application/json", "script")
    reason, told = why
    yield Draft(
        asset.ref, Aspect.CODE, level, method, name, (content,), scan.losses,
        reason=reason, text=told, volume_bytes=len(scan.body),
    )  # fmt: skip
