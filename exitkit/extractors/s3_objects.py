"""Take the objects of a bucket along as far as limits allow, and the listing of all of them.

A bucket with versions has a second listing, of all versions and delete markers; their bytes come
along where the source says `object_versions: fetch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    from exitkit.drivers.aws_objects import ListedObject, Listing, ObjectId, StoredObject
    from exitkit.drivers.aws_reading import Reading

METHOD = "s3:GetObject"
FORMAT = "objects as stored, objects.jsonl"
LISTING_ONLY = "objects.jsonl"
LOSS = ("access control lists and retention of single objects",)
TAGS = "tags of single objects: {reason}"
UNLISTED = "earlier versions of objects: {reason}"
LEFT_OUT = {
    "not-supported-by-tool": "archived",
    "too-large": "over limits",
    "out-of-scope": "earlier versions",
}
"""By reason of an object that was not asked for what the ledger calls it."""
EARLIER = "the bytes of {absent} of {count} earlier versions of objects"


class S3Objects:
    """The data of AWS::S3::Bucket."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::S3::Bucket",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the objects and their listing, or the listing, or why not even that."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_objects import list_objects, list_versions, probe_tags
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        versioned = bool((asset.config.get("Versioning") or {}).get("Status"))
        listing = list_versions(reading) if versioned else list_objects(reading)
        loss: tuple[str, ...] = LOSS
        if versioned and isinstance(listing, Failure):
            loss = (*loss, UNLISTED.format(reason=listing.reason))
            versioned, listing = False, list_objects(reading)
        if isinstance(listing, Failure):
            yield from reading.calls
            yield reading.gap(Aspect.DATA, listing, Level.NONE)
            return
        wanted = _wanted(reading, listing)
        if wanted and (failure := probe_tags(reading, wanted[0].key)):
            loss = (*loss, TAGS.format(reason=failure.reason))
        found = list(_found(_Held.of(reading, listing, wanted), loss, versioned=versioned))
        yield from reading.calls
        yield from found


def _wanted(reading: Reading, listing: Listing) -> list[ListedObject] | None:
    """Return what to read within the budget: the objects as they are before what they were.

    None where not even the objects as they are fit.
    """
    limits = reading.context.limits
    sizes = [listing.now.readable_bytes]
    if _fetches_versions(reading):
        sizes.insert(0, sizes[0] + listing.earlier.readable_bytes)
    granted = reading.context.budget.claim_first(sizes, limits.inline_data_bytes)
    if granted is None:
        return None

    def readable(rows: Iterable[ListedObject]) -> list[ListedObject]:
        return [one for one in rows if one.readable_bytes(limits.max_file_bytes) is not None]

    wanted = readable(listing)
    if granted < len(sizes) - 1:
        wanted += readable(one for one in listing.versions() if not one.is_latest)
    return wanted


def _fetches_versions(reading: Reading) -> bool:
    return reading.source.settings.get("object_versions") == "fetch"


@dataclass(frozen=True, slots=True)
class _Held:
    """A bucket's listing with what was read of it, and where that goes in the bundle."""

    reading: Reading
    listing: Listing
    read: Mapping[ObjectId, StoredObject | Failure]
    folder: str

    @classmethod
    def of(cls, reading: Reading, listing: Listing, wanted: list[ListedObject] | None) -> _Held:
        from exitkit.drivers.aws_objects import read_objects

        read = {} if wanted is None else read_objects(reading, wanted)
        return cls(reading, listing, read, f"datasets/{segment(reading.asset.ref.native_id)}")

    def line(self, one: ListedObject) -> tuple[dict[str, Any], Content | None]:
        """Describe an object or version, and return its bytes where we have them."""
        from exitkit.drivers.aws_objects import StoredObject

        held = self.read.get(one.id)
        if not isinstance(held, StoredObject):
            asked = one.is_latest or _fetches_versions(self.reading)
            return _missing(one, held, "" if asked else "out-of-scope"), None
        key, version = one.id
        place = f"versions/{segment(f'{key} {version}', 90)}" if version else (
            f"objects/{segment(key, 90)}"
        )  # fmt: skip
        path = f"{self.folder}/{place}"
        line = {
            "sizeBytes": held.size_bytes,
            "sha256": held.sha256,
            "path": path,
            "contentType": held.content_type,
            "metadata": _pairs(held.metadata),
            **({"tags": _pairs(held.tags)} if held.tags else {}),
        }
        media_type = held.content_type or "application/octet-stream"
        return {"key": key, **line}, Content(path, held.spooled, media_type, "data")

    def listed(self, name: str, body: Path, media_type: str = "application/jsonl") -> Content:
        """Return a file that we made beside the bytes."""
        path = f"{self.folder}/{name}"
        return Content(path, body, media_type, "data", "generated-by-exitkit")


def _found(held: _Held, loss: tuple[str, ...], *, versioned: bool) -> Iterator[Finding]:
    """Yield what is held; whole only where every object is."""
    asset, now = held.reading.asset, held.listing.now
    contents, missing = _objects(held)
    whole, some = not missing, len(contents) > 1
    form = FORMAT if whole or some else LISTING_ONLY
    # A listing without any bytes behind it is nothing to restore from.
    path = f"{held.folder}/objects.jsonl" if whole or some else ""
    dataset = Dataset(asset.ref, form, now.count, now.size_bytes, listing=path)
    left_out = Counter(missing)
    if versioned:
        before, absent = _versions(held)
        contents += before
        left_out += absent
        earlier = held.listing.earlier
        dataset = replace(
            dataset, versions=f"{held.folder}/versions.jsonl", earlier_versions=earlier.count,
            earlier_bytes=earlier.size_bytes, delete_markers=held.listing.markers,
        )  # fmt: skip
        if absent:
            told = EARLIER.format(absent=sum(absent.values()), count=earlier.count)
            loss = (*loss, told)
    yield dataset
    reason, text = _why(missing, now.count)
    _note_left_out(held.reading, left_out)
    if missing:
        loss = (*loss, f"the bytes of {sum(missing.values())} of {now.count} objects")
    yield Draft(
        asset.ref, Aspect.DATA, Level.IMPORTABLE if whole else Level.DESCRIBED, METHOD, form,
        tuple(contents), loss, now.size_bytes, reason, text,
    )  # fmt: skip


def _objects(held: _Held) -> tuple[list[Content], Counter[str]]:
    """Return the objects as they are with their listing, and why how many are absent."""
    spooled, sums = held.reading.spool("objects"), held.reading.spool("sums")
    contents: list[Content] = []
    missing: Counter[str] = Counter()
    with spooled.open("wb") as lines, sums.open("w", encoding="utf-8", newline="") as sum_lines:
        for one in held.listing:
            line, body = held.line(one)
            if body:
                contents.append(body)
                sum_lines.write(_sum_line(line["sha256"], one.key))
            else:
                missing[line["reason"]] += 1
            lines.write(canonical_bytes(line) + b"\n")
    contents.append(held.listed("objects.jsonl", spooled))
    if len(contents) > 1 or not held.listing.now.count:
        contents.append(held.listed("objects.sha256", sums, "text/plain"))
    return contents, missing


def _versions(held: _Held) -> tuple[list[Content], Counter[str]]:
    """Do the same for all versions and delete markers; bytes only of those that came earlier."""
    from exitkit.drivers.aws_objects import StoredObject

    spooled = held.reading.spool("versions")
    contents: list[Content] = []
    missing: Counter[str] = Counter()
    with spooled.open("wb") as lines:
        for one in held.listing.versions():
            line: dict[str, Any] = {"key": one.key, "isDeleteMarker": True}
            body = None
            if not one.is_marker:
                line, body = held.line(one)
                now = held.read.get(one.id)
                if isinstance(now, StoredObject) and now.version not in ("", one.version):
                    # Somebody wrote it between the listing and the reading.
                    line, body = _missing(one, None, "window-too-short"), None
                if not one.is_latest:
                    contents += [body] if body else []
                    missing += Counter([] if body else [line["reason"]])
            line |= {"version": one.version, "modifiedAt": one.modified_at}
            line |= {"isLatest": True} if one.is_latest else {}
            lines.write(canonical_bytes(line) + b"\n")
    contents.append(held.listed("versions.jsonl", spooled))
    return contents, missing


def _pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in sorted(named.items())]


def _missing(one: ListedObject, failure: Failure | None, why: str = "") -> dict[str, Any]:
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
        "reason": why or reason,
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

    for code, why in LEFT_OUT.items():
        if number := missing[code]:
            failure = Failure(CallOutcome.EXCLUDED, f"{number} objects were not read: {why}")
            reading.note(METHOD, failure=failure, part=why)


def _sum_line(sha256: str, key: str) -> str:
    """Return a line `sha256sum -c` reads; a name with a line break is escaped as it would."""
    escaped = key.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{chr(92) if escaped != key else ''}{sha256}  {escaped}\n"
