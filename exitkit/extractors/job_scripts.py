"""Take along the scripts of Glue jobs, which lie in a bucket and not in the job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from exitkit.drivers.definition_scan import scan_text
from exitkit.model.asset import Asset
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

READ = "s3:GetObject"
LARGEST_SCRIPT_BYTES = 4 * 1024 * 1024
REBUILD = "it is plain source; what it imports of Glue only AWS has"


class GlueScripts:
    """The code of AWS::Glue::Job: the object that its command names."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::Glue::Job",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the script with its class; nothing where the job names none."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        bucket, key = _place(asset)
        if not key:
            return
        reading = open_reading(asset, source, context)
        store = reading.account.client("s3", asset.ref.region, context.limits)
        reading = replace(reading, client=store)
        answer = reading.answer(READ, {"Bucket": bucket, "Key": key})
        yield from reading.calls
        if isinstance(answer, Failure):
            yield reading.gap(Aspect.CODE, answer)
            return
        body: bytes = answer[0]["Body"].read(LARGEST_SCRIPT_BYTES + 1)
        if len(body) > LARGEST_SCRIPT_BYTES:
            yield reading.too_large(
                Aspect.CODE, f"s3://{bucket}/{key} is larger than a script", "max_file_bytes",
                "take it from the bucket",
            )  # fmt: skip
            return
        name = key.rpartition("/")[2]
        scan = scan_text(asset.ref, name, body.decode("utf-8", "replace"), context.mask_key)
        if scan.automation:
            yield scan.automation
        place = f"Job-{asset.ref.scope}-{asset.ref.region}-{asset.ref.native_id}"
        path = f"automation/aws/{segment(place, 90)}/{segment(name, 60)}"
        yield Draft(
            asset.ref, Aspect.CODE, Level.OPEN, READ, "script of a Glue job",
            (Content(path, scan.body, "text/plain", "script"),), scan.losses,
            reason="semantic-loss", text=REBUILD, volume_bytes=len(scan.body),
        )  # fmt: skip


def _place(asset: Asset) -> tuple[str, str]:
    """Return bucket and key of the script, empty where the job names no object of S3."""
    command = asset.config.get("Command")
    location = str(command.get("ScriptLocation") or "") if isinstance(command, dict) else ""
    if not location.startswith("s3://"):
        return "", ""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key
