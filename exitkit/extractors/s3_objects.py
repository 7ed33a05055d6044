"""Take the objects of a bucket along as far as limits allow, and the listing of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes
from exitkit.store.paths import segment

if TYPE_CHECKING:
    from exitkit.drivers.aws_calls import Failure
    from exitkit.drivers.aws_objects import ListedObject, Listing, StoredObject
    from exitkit.drivers.aws_reading import Reading

METHOD = "s3:GetObject"
FORMAT = "objects as stored, objects.jsonl"
LISTING_ONLY = "objects.jsonl"
LOSS = ("access control lists and retention of single objects",)
TAGS = "tags of single objects: {reason}"
EARLIER_VERSIONS = "earlier versions of objects"

Read = Mapping[str, "StoredObject | Failure"]


class S3Objects:
    """The data of AWS::S3::Bucket."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::S3::Bucket",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the objects and their listing, or the listing, or why not even that."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_objects import ARCHIVED, list_objects, probe_tags, read_objects
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        listing = list_objects(reading)
        if isinstance(listing, Failure):
            yield from reading.calls
            yield reading.gap(Aspect.DATA, listing, Level.NONE)
            return
        read: Read = {}
        loss = _loss(asset)
        if context.budget.claim(listing.small_bytes, context.limits.inline_data_bytes):
            largest = context.limits.max_file_bytes
            keys = [
                one.key
                for one in listing
                if one.size_bytes <= largest and one.storage_class not in ARCHIVED
            ]
            if keys and (failure := probe_tags(reading, keys[0])):
                loss = (*loss, TAGS.format(reason=failure.reason))
            read = read_objects(reading, keys)
        found = list(_draft(reading, listing, read, loss))
        yield from reading.calls
        yield from found


def _draft(
    reading: Reading, listing: Listing, read: Read, loss: tuple[str, ...]
) -> Iterator[Finding]:
    """Yield what is held; whole only where every object is."""
    from exitkit.drivers.aws_objects import StoredObject

    asset = reading.asset
    folder = f"datasets/{segment(asset.ref.native_id)}"
    spooled, sums = reading.spool("objects"), reading.spool("sums")
    contents: list[Content] = []
    missing: Counter[str] = Counter()
    with spooled.open("wb") as lines, sums.open("w", encoding="utf-8", newline="") as sum_lines:
        for one in listing:
            held = read.get(one.key)
            if isinstance(held, StoredObject):
                line = _held(one, held, folder)
                media_type = held.content_type or "application/octet-stream"
                contents.append(Content(line["path"], held.spooled, media_type, "data"))
                sum_lines.write(_sum_line(held.sha256, one.key))
            else:
                line = _missing(one, held)
                missing[line["reason"]] += 1
            lines.write(canonical_bytes(line) + b"\n")
    contents.append(_listed(f"{folder}/objects.jsonl", spooled, "application/jsonl"))
    if len(contents) > 1 or not listing.count:
        contents.append(_listed(f"{folder}/objects.sha256", sums, "text/plain"))
    whole, some = not missing, len(contents) > 1
    form = FORMAT if whole or some else LISTING_ONLY
    # A listing without any bytes behind it is nothing to restore from.
    path = f"{folder}/objects.jsonl" if whole or some else ""
    yield Dataset(asset.ref, form, listing.count, listing.size_bytes, listing=path)
    absent = sum(missing.values())
    reason, text = _why(missing, listing.count)
    _note_left_out(reading, missing)
    if absent:
        loss = (*loss, f"the bytes of {absent} of {listing.count} objects")
    yield Draft(
        asset.ref, Aspect.DATA, Level.IMPORTABLE if whole else Level.DESCRIBED, METHOD, form,
        tuple(contents), loss, listing.size_bytes, reason, text,
    )  # fmt: skip


def _held(one: ListedObject, held: StoredObject, folder: str) -> dict[str, Any]:
    line = {
        "key": one.key,
        "sizeBytes": held.size_bytes,
        "sha256": held.sha256,
        "path": f"{folder}/objects/{segment(one.key, 90)}",
        "contentType": held.content_type,
        "metadata": _pairs(held.metadata),
    }
    return {**line, "tags": _pairs(held.tags)} if held.tags else line


def _pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in sorted(named.items())]


def _missing(one: ListedObject, failure: Failure | None) -> dict[str, Any]:
    """Describe an object without its bytes by the provider's own tag of them, and say why."""
    from exitkit.drivers.aws_objects import ARCHIVED

    if failure:
        reason = "permission-denied" if failure.outcome is CallOutcome.REFUSED else "api-error"
    else:
        reason = "not-supported-by-tool" if one.storage_class in ARCHIVED else "too-large"
    return {
        "key": one.key,
        "sizeBytes": one.size_bytes,
        "etag": one.etag,
        "storageClass": one.storage_class,
        "reason": reason,
    }


def _why(missing: Counter[str], count: int) -> tuple[str, str]:
    """Return the commonest reason, and a sentence with all of them."""
    if not missing:
        return "", ""
    told = ", ".join(f"{number} {code}" for code, number in sorted(missing.items()))
    worst = min(missing, key=lambda code: (-missing[code], code))
    return worst, f"{sum(missing.values())} of {count} objects are only listed: {told}"


def _note_left_out(reading: Reading, missing: Counter[str]) -> None:
    """Say in the ledger which objects were not even asked for."""
    from exitkit.drivers.aws_calls import Failure

    for code in ("not-supported-by-tool", "too-large"):
        if number := missing[code]:
            why = "over limits" if code == "too-large" else "archived"
            failure = Failure(CallOutcome.EXCLUDED, f"{number} objects were not read: {why}")
            reading.note(METHOD, failure=failure, part=why)


def _listed(path: str, body: Path, media_type: str) -> Content:
    return Content(path, body, media_type, "data", "generated-by-exitkit")


def _sum_line(sha256: str, key: str) -> str:
    """Return a line `sha256sum -c` reads; a name with a line break is escaped as it would."""
    escaped = key.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{chr(92) if escaped != key else ''}{sha256}  {escaped}\n"


def _loss(asset: Asset) -> tuple[str, ...]:
    versioning = asset.config.get("Versioning") or {}
    return (*LOSS, EARLIER_VERSIONS) if versioning.get("Status") else LOSS
