"""Take the code of CloudFront functions along: what runs, and what is being written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from exitkit.drivers.definition_scan import ScannedText, scan_text
from exitkit.model.asset import Asset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

if TYPE_CHECKING:
    from exitkit.drivers.aws_calls import Failure
    from exitkit.drivers.aws_reading import Reading

READ = "cloudfront:GetFunction"
LIVE, DEVELOPMENT = "LIVE", "DEVELOPMENT"
REBUILD = "it is plain JavaScript; its events and its store of keys only CloudFront has"
NOT_LIVE = "it was never published: nothing of it runs"
SAME = "the stage in which it is written has the same code"
OTHER = "the stage in which it is written has other code, which is held too"


class CloudFrontFunctions:
    """The code of AWS::CloudFront::Function, which has two stages under one ARN."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::CloudFront::Function",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the code that runs, and that being written where it is another."""
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        stages = {stage: _read(reading, stage) for stage in (LIVE, DEVELOPMENT)}
        yield from reading.calls
        codes: dict[str, bytes] = {}
        for stage, answer in stages.items():
            if isinstance(answer, bytes):
                codes[stage] = answer
            elif answer.outcome is not CallOutcome.EMPTY or stage == DEVELOPMENT:
                yield reading.gap(Aspect.CODE, answer)
                return
        key = context.mask_key
        told = NOT_LIVE if LIVE not in codes else OTHER
        if codes[DEVELOPMENT] == codes.get(LIVE):
            del codes[DEVELOPMENT]
            told = SAME
        scans = {
            stage: scan_text(asset.ref, "code.js", text.decode("utf-8", "replace"), key)
            for stage, text in codes.items()
        }
        first = next(iter(scans.values()))
        if first.automation:
            yield first.automation
        yield Draft(
            asset.ref, Aspect.CODE, Level.OPEN, READ, "JavaScript of a CloudFront function",
            tuple(_content(asset, stage, scan) for stage, scan in scans.items()), first.losses,
            reason="semantic-loss", text=f"{REBUILD}; {told}",
        )  # fmt: skip


def _read(reading: Reading, stage: str) -> bytes | Failure:
    answer = reading.answer(READ, {"Name": reading.asset.name, "Stage": stage}, stage)
    return bytes(answer[0]["FunctionCode"].read()) if isinstance(answer, list) else answer


def _content(asset: Asset, stage: str, scan: ScannedText) -> Content:
    place = f"Function-{asset.ref.scope}-{asset.name}"
    path = f"automation/aws/{segment(place, 90)}/{stage.lower()}.js"
    return Content(path, scan.body, "text/javascript", "script")
