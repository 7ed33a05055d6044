"""Take the items of a DynamoDB table along as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

METHOD = "dynamodb:Scan"
LONGEST_NAME = 90
FORMAT = "DynamoDB JSON lines"
LOSS = ("time to live already run out", "changes while the scan ran")


class DynamodbItems:
    """The data of AWS::DynamoDB::Table."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::DynamoDB::Table",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield every item, sorted so that an unchanged table gives the same bytes."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_items import scan_table
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        items = scan_table(reading)
        yield from reading.calls
        if isinstance(items, Failure):
            if items.outcome is CallOutcome.EXCLUDED:
                yield reading.too_large(
                    Aspect.DATA, items.reason, "inline_data_bytes",
                    "export the table to S3 and move the files from store to store",
                )  # fmt: skip
            else:
                yield reading.gap(Aspect.DATA, items, Level.NONE)
            return
        # Two accounts may each have a table of this name.
        place = f"dynamodb-{asset.ref.scope}-{asset.ref.region}"
        folder = f"datasets/{segment(f'{place}-{asset.ref.native_id}', LONGEST_NAME)}"
        content = Content(f"{folder}/items.jsonl", items.spooled, "application/jsonl", "data")
        yield Dataset(asset.ref, FORMAT, items.count, items.size_bytes)
        loss: tuple[str, ...] = LOSS
        if items.earlier:
            read = f"{items.earlier} of {items.count} items were read then"
            loss += (f"changes since the snapshot was first started, {items.earlier_at}: {read}",)
        yield Draft(
            asset.ref, Aspect.DATA, Level.IMPORTABLE, METHOD, FORMAT, (content,), loss,
            items.size_bytes,
        )  # fmt: skip
