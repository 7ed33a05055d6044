"""Take the objects of a bucket along, or at least their listing when they are too many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes
from exitkit.store.paths import segment

if TYPE_CHECKING:
    from exitkit.drivers.aws_calls import Failure
    from exitkit.drivers.aws_data import StoredObject

METHOD = "s3:GetObject"
FORMAT = "objects as stored, objects.jsonl"
LOSS = ("tags, access control lists and retention of single objects",)
EARLIER_VERSIONS = "earlier versions of objects"


class S3Objects:
    """The data of AWS::S3::Bucket."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::S3::Bucket",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the objects and their listing, or the listing, or why not even that."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_data import list_objects, open_reading, read_objects

        reading = open_reading(asset, source, context)
        listing = list_objects(reading)
        if isinstance(listing, Failure):
            yield from reading.calls
            yield _gap(asset, listing)
            return
        size = sum(size for _, size in listing)
        largest = max((size for _, size in listing), default=0)
        limits = context.limits
        if size > limits.inline_data_bytes or largest > limits.max_file_bytes:
            yield from reading.calls
            yield from _listed_only(asset, listing, size)
            return
        objects = read_objects(reading, [key for key, _ in listing])
        yield from reading.calls
        if isinstance(objects, Failure):
            yield _gap(asset, objects)
        else:
            yield from _held(asset, objects)


def _held(asset: Asset, objects: Sequence[StoredObject]) -> Iterator[Finding]:
    folder = f"datasets/{segment(asset.ref.native_id)}"
    lines = [_line(one, folder) for one in objects]
    sums = "".join(_sum_line(one.sha256, one.key) for one in objects)
    contents = [
        Content(line["path"], one.spooled, one.content_type or "application/octet-stream", "data")
        for line, one in zip(lines, objects, strict=True)
    ]
    contents += [
        Content(f"{folder}/objects.jsonl", _jsonl(lines), "application/jsonl", "data"),
        Content(f"{folder}/objects.sha256", sums.encode(), "text/plain", "data"),
    ]
    size = sum(one.size_bytes for one in objects)
    listing = f"{folder}/objects.jsonl"
    yield Dataset(asset.ref, FORMAT, len(objects), size, listing=listing)
    yield Draft(
        asset.ref,
        Aspect.DATA,
        Level.IMPORTABLE,
        METHOD,
        FORMAT,
        tuple(contents),
        _loss(asset),
        size,
    )


def _listed_only(asset: Asset, listing: Sequence[tuple[str, int]], size: int) -> Iterator[Finding]:
    folder = f"datasets/{segment(asset.ref.native_id)}"
    lines = [{"key": key, "sizeBytes": size_bytes} for key, size_bytes in listing]
    content = Content(f"{folder}/listing.jsonl", _jsonl(lines), "application/jsonl", "data")
    loss = (*_loss(asset), f"the bytes of {len(listing)} objects, {size} in all")
    yield Dataset(asset.ref, "listing.jsonl", len(listing), size)
    yield Draft(
        asset.ref, Aspect.DATA, Level.DESCRIBED, "s3:ListObjectsV2", "listing.jsonl",
        (content,), loss, size,
    )  # fmt: skip


def _line(one: StoredObject, folder: str) -> dict[str, Any]:
    return {
        "key": one.key,
        "sizeBytes": one.size_bytes,
        "sha256": one.sha256,
        "path": f"{folder}/objects/{segment(one.key, 90)}",
        "contentType": one.content_type,
        "metadata": [{"key": name, "value": value} for name, value in sorted(one.metadata.items())],
    }


def _sum_line(sha256: str, key: str) -> str:
    """Return a line `sha256sum -c` reads; a name with a line break is escaped as it would."""
    escaped = key.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{chr(92) if escaped != key else ''}{sha256}  {escaped}\n"


def _jsonl(lines: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(canonical_bytes(line) + b"\n" for line in lines)


def _loss(asset: Asset) -> tuple[str, ...]:
    versioning = asset.config.get("Versioning") or {}
    return (*LOSS, EARLIER_VERSIONS) if versioning.get("Status") else LOSS


def _gap(asset: Asset, failure: Failure) -> Gap:
    refused = failure.outcome is CallOutcome.REFUSED
    return Gap(
        asset.ref, Aspect.DATA, Level.NONE,
        "permission-denied" if refused else "api-error", failure.reason,
        Responsible.CUSTOMER if refused else Responsible.PROVIDER,
        f"allow {failure.permission} and the key's kms:Decrypt, then take the snapshot again"
        if refused else "take the snapshot again",
    )  # fmt: skip
