"""Take the code of a Lambda function along, byte for byte as it was deployed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import ClassVar

from exitkit.model.asset import Asset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

METHOD = "lambda:GetFunction"
LONGEST_NAME = 90
FORMAT = "deployment package (zip)"


class LambdaCode:
    """The code of AWS::Lambda::Function; one built as an image lives in its registry."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::Lambda::Function",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the package, checked against the digest in the configuration."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_data import open_reading, read_code

        if asset.config.get("PackageType") == "Image":
            yield _gap(
                asset, "not-supported-by-tool", "the function runs a container image",
                Responsible.TOOL, "copy the image from its registry (docker pull, skopeo copy)",
            )  # fmt: skip
            return
        reading = open_reading(asset, source, context)
        package = read_code(reading)
        yield from reading.calls
        if isinstance(package, Failure):
            refused = package.outcome is CallOutcome.REFUSED
            yield _gap(
                asset, "permission-denied" if refused else "api-error", package.reason,
                Responsible.CUSTOMER if refused else Responsible.PROVIDER,
                f"allow {METHOD}, or take the package from the repository it was built from",
            )  # fmt: skip
            return
        digest = base64.b64encode(hashlib.sha256(package.read_bytes()).digest()).decode()
        if digest != asset.config.get("CodeSha256", digest):
            yield _gap(
                asset, "api-error", "the package handed out is not the one deployed",
                Responsible.PROVIDER, "take the snapshot again; report the error if it stays",
            )  # fmt: skip
            return
        # Two accounts may each have a function of this name.
        place = f"lambda-{asset.ref.scope}-{asset.ref.region}"
        name = segment(f"{place}-{asset.ref.native_id}", LONGEST_NAME)
        content = Content(f"datasets/{name}/code.zip", package, "application/zip", "data")
        yield Draft(asset.ref, Aspect.CODE, Level.OPEN, METHOD, FORMAT, (content,))


def _gap(asset: Asset, reason: str, text: str, who: Responsible, workaround: str) -> Gap:
    return Gap(asset.ref, Aspect.CODE, Level.DESCRIBED, reason, text, who, workaround)
