"""Take the code of Lambda functions and layers along, and say how portable it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit import plugins
from exitkit.model.asset import Asset
from exitkit.model.holdings import Automation
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

LONGEST_NAME = 90
FORMAT = "deployment package (zip)"
SCAN_NEEDS = ("tree_sitter:scripts",)
METHODS = {
    "AWS::Lambda::Function": "lambda:GetFunction",
    "AWS::Lambda::LayerVersion": "lambda:GetLayerVersion",
}


class LambdaCode:
    """The code of functions and layer versions; one built as an image lives in its registry."""

    native_types: ClassVar[tuple[str, ...]] = (
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
    )
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the package, checked against the digest AWS gives for it."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_packages import keep_code, read_code
        from exitkit.drivers.aws_reading import open_reading

        if asset.config.get("PackageType") == "Image":
            yield Gap(
                asset.ref, Aspect.CODE, Level.DESCRIBED, "not-supported-by-tool",
                "the function runs a container image", Responsible.TOOL,
                "copy the image from its registry (docker pull, skopeo copy)",
            )  # fmt: skip
            return
        reading = open_reading(asset, source, context)
        package = read_code(reading)
        yield from reading.calls
        if isinstance(package, Failure):
            if package.outcome is CallOutcome.EXCLUDED:
                yield _left_out(asset, package.reason)
            else:
                yield reading.gap(Aspect.CODE, package)
            return
        # Two accounts may each have a function of this name.
        place = f"lambda-{asset.ref.scope}-{asset.ref.region}"
        name = segment(f"{place}-{asset.ref.native_id}", LONGEST_NAME)
        held = package.spooled
        loss: tuple[str, ...] = ("not scanned: the extra `scripts` is not installed",)
        if not plugins.missing(SCAN_NEEDS):
            from exitkit.drivers.package_scan import scan_package

            scan = scan_package(held, context.mask_key)
            yield Automation(asset.ref, scan.language, scan.portability, scan.findings)
            loss = scan.losses
            held = scan.masked or held
            if not scan.masked:
                keep_code(reading, package)
        content = Content(f"datasets/{name}/code.zip", held, "application/zip", "data")
        yield Draft(
            asset.ref, Aspect.CODE, Level.OPEN, METHODS[asset.ref.native_type], FORMAT, (content,),
            loss=loss,
        )  # fmt: skip


def _left_out(asset: Asset, why: str) -> Gap:
    return Gap(
        asset.ref, Aspect.CODE, Level.DESCRIBED, "not-supported-by-tool", why, Responsible.TOOL,
        "raise the limit it names, or take the package from the repository it was built from",
    )  # fmt: skip
