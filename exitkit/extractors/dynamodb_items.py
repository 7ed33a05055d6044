"""Take the items of a DynamoDB table along as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes, storable
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
        from exitkit.drivers.aws_data import open_reading, scan_table

        reading = open_reading(asset, source, context)
        items = scan_table(reading, context.limits.inline_data_bytes)
        yield from reading.calls
        if isinstance(items, Failure):
            refused = items.outcome is CallOutcome.REFUSED
            yield Gap(
                asset.ref, Aspect.DATA, Level.NONE,
                "permission-denied" if refused else "api-error", items.reason,
                Responsible.CUSTOMER if refused else Responsible.PROVIDER,
                f"allow {METHOD} and take the snapshot again",
            )  # fmt: skip
        elif items is None:
            yield Gap(
                asset.ref, Aspect.DATA, Level.NONE, "too-large",
                f"the table holds more than {context.limits.inline_data_bytes} bytes",
                Responsible.TOOL, "export the table to S3 and move the files from store to store",
            )  # fmt: skip
        else:
            body = b"".join(sorted(canonical_bytes(storable(item)) + b"\n" for item in items))
            # Two accounts may each have a table of this name.
            place = f"dynamodb-{asset.ref.scope}-{asset.ref.region}"
            folder = f"datasets/{segment(f'{place}-{asset.ref.native_id}', LONGEST_NAME)}"
            content = Content(f"{folder}/items.jsonl", body, "application/jsonl", "data")
            yield Dataset(asset.ref, FORMAT, len(items), len(body))
            yield Draft(
                asset.ref,
                Aspect.DATA,
                Level.IMPORTABLE,
                METHOD,
                FORMAT,
                (content,),
                LOSS,
                len(body),
            )
