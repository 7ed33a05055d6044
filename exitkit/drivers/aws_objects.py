"""Read the objects of a bucket and their versions: the listing always, the bytes one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of
from exitkit.drivers.aws_kept import key_of
from exitkit.drivers.aws_reading import BLOCK, Reading
from exitkit.drivers.deadlines import Beat
from exitkit.drivers.object_versions import note_order, rows_in_order
from exitkit.store.canonical import instant, timestamp

LIST, LIST_VERSIONS = "s3:ListObjectsV2", "s3:ListObjectVersions"
READ, TAGS = "s3:GetObject", "s3:GetObjectTagging"
READ_VERSION = "s3:GetObjectVersion"
"""The same call, by the name of the permission that it needs for an earlier version."""
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects nobody can read before a restore, which costs money."""


ObjectId = tuple[str, str]
"""A key with the id of an earlier version of it; the id is empty for the object as it is now."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object, version or delete marker as the listing tells of it.

    `etag` is MD5 where it was put in one part; `version` is that of a listing of versions;
    `is_latest` tells the object as it is now, or the marker that hides its key.
    """

    key: str
    size_bytes: int
    etag: str
    storage_class: str
    modified_at: str
    version: str = ""
    is_latest: bool = True
    is_marker: bool = False

    @property
    def id(self) -> ObjectId:
        """What to ask for to get its bytes."""
        return self.key, "" if self.is_latest else self.version

    def readable_bytes(self, largest: int) -> int | None:
        """Return its size, or None where its bytes cannot be had: archived, or over `largest`."""
        closed = self.is_marker or self.storage_class in ARCHIVED or self.size_bytes > largest
        return None if closed else self.size_bytes


@dataclass(slots=True)
class Volume:
    """A number of objects; `readable_bytes` counts those that can be read and are not too large."""

    count: int = 0
    size_bytes: int = 0
    readable_bytes: int = 0

    def add(self, one: ListedObject, largest: int) -> None:
        """Count one more."""
        self.count += 1
        self.size_bytes += one.size_bytes
        self.readable_bytes += one.readable_bytes(largest) or 0


@dataclass(frozen=True, slots=True)
class Listing:
    """The listing of a bucket in the spool, in the order of its keys, the newest version first.

    `now` are the objects as they are, `earlier` the versions that came before; neither counts the
    delete markers.
    """

    spooled: Path
    now: Volume
    earlier: Volume
    markers: int = 0

    def __iter__(self) -> Iterator[ListedObject]:
        """Yield the objects as they are now."""
        return (one for one in self._rows() if one.is_latest and not one.is_marker)

    def versions(self) -> Iterator[ListedObject]:
        """Yield all versions and delete markers by key, the oldest first."""
        for _, same_key in groupby(self._rows(), key=lambda one: one.key):
            yield from reversed(list(same_key))

    def _rows(self) -> Iterator[ListedObject]:
        with self.spooled.open(encoding="utf-8") as lines:
            for line in lines:
                yield ListedObject(*json.loads(line))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a bucket as it was read; `spooled` holds its bytes."""

    size_bytes: int
    sha256: str
    content_type: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    spooled: Path
    version: str = ""


def list_objects(reading: Reading) -> Listing | Failure:
    """Write the listing into the spool: a bucket may hold more keys than memory does."""
    return _listed(reading, LIST, _objects_of)


def list_versions(reading: Reading) -> Listing | Failure:
    """Do the same with all versions and delete markers."""
    note_order(reading.client)
    return _listed(reading, LIST_VERSIONS, _versions_of)


def _listed(
    reading: Reading,
    operation: str,
    rows_of: Callable[[Mapping[str, Any]], Iterable[ListedObject]],
) -> Listing | Failure:
    largest = reading.context.limits.max_file_bytes

    def job(beat: Beat) -> Listing | Failure:
        listing = Listing(reading.spool("listing"), Volume(), Volume())
        markers = 0
        try:
            with listing.spooled.open("w", encoding="utf-8") as out:
                for page in reading.ask(operation, {"Bucket": reading.asset.ref.native_id}):
                    for one in rows_of(page):
                        out.write(json.dumps(astuple(one)) + "\n")
                        if one.is_marker:
                            markers += 1
                        else:
                            part = listing.now if one.is_latest else listing.earlier
                            part.add(one, largest)
                    beat()
        except FAULTS as fault:
            return failure_of(fault, operation)
        return replace(listing, markers=markers)

    ((_, answer),) = reading.within_deadline([job])
    if isinstance(answer, Failure):
        reading.note(operation, 0, answer)
    else:
        reading.note(operation, answer.now.count + answer.earlier.count + answer.markers)
    return answer


def _objects_of(page: Mapping[str, Any]) -> Iterator[ListedObject]:
    for row in page.get("Contents", ()):
        yield ListedObject(row["Key"], int(row["Size"]), *_described(row))


def _versions_of(page: Mapping[str, Any]) -> Iterator[ListedObject]:
    for row, is_marker in rows_in_order(page):
        yield ListedObject(
            row["Key"], int(row.get("Size", 0)), *_described(row), str(row["VersionId"]),
            bool(row.get("IsLatest")), is_marker,
        )  # fmt: skip


def _described(row: Mapping[str, Any]) -> tuple[str, str, str]:
    etag = str(row.get("ETag", "")).strip('"')
    return etag, row.get("StorageClass", ""), timestamp(instant(row["LastModified"]))


def read_objects(
    reading: Reading, wanted: Sequence[ListedObject]
) -> dict[ObjectId, StoredObject | Failure]:
    """Return each object with its bytes in the spool, or why it could not be read.

    One line of the ledger tells of all: with a failure, of how many and why the first one.
    """
    ids = [one.id for one in wanted]
    jobs = [_object_job(reading, one) for one in wanted]
    found = {ids[index]: answer for index, answer in reading.within_deadline(jobs)}
    failures = [(one, found[one]) for one in ids if isinstance(found[one], Failure)]
    if not failures:
        reading.note(READ, len(found))
        return found
    (key, version), first = failures[0]
    if isinstance(first, Failure):
        named = f"first {key} {version}".rstrip()
        reason = f"{first.reason} ({len(failures)} of {len(ids)} objects, {named})"
        reading.note(READ, len(found) - len(failures), replace(first, reason=reason))
    return found


def probe_tags(reading: Reading, key: str) -> Failure | None:
    """Return why tags of objects cannot be read, asked of one object.

    Where they may not be read, the answer about an object is silent about how many it has.
    """

    def job(beat: Beat) -> dict[str, str] | Failure:
        try:
            return _tags(reading, {"Bucket": reading.asset.ref.native_id, "Key": key})
        except FAULTS as fault:
            return failure_of(fault, TAGS)

    ((_, answer),) = reading.within_deadline([job])
    failure = answer if isinstance(answer, Failure) else None
    reading.note(TAGS, 0 if failure else 1, failure)
    return failure


def _tags(reading: Reading, named: Mapping[str, str]) -> dict[str, str]:
    answer = reading.client.get_object_tagging(**named)
    return {pair["Key"]: pair["Value"] for pair in answer.get("TagSet", ())}


def _object_job(reading: Reading, one: ListedObject) -> Callable[[Beat], StoredObject | Failure]:
    key, version = one.id
    name = hashlib.sha256(f"{key} {version}".encode("utf-8", "surrogatepass")).hexdigest()
    spooled = reading.spool(name)
    # What has these has the same bytes; nobody can tell where a store gives no tag of them.
    kept_as = key_of(reading.asset.ref.urn, *astuple(one)) if one.etag else ""

    def job(beat: Beat) -> StoredObject | Failure:
        if kept_as and (known := reading.kept.take(kept_as, spooled)):
            return StoredObject(**known, spooled=spooled)
        try:
            held = _read(reading, key, version, spooled, beat)
        except FAULTS as fault:
            return failure_of(fault, READ_VERSION if version else READ)
        if kept_as:
            known = {name: value for name, value in asdict(held).items() if name != "spooled"}
            reading.kept.keep(kept_as, spooled, held.sha256, known)
        return held

    return job


def _read(reading: Reading, key: str, version: str, spooled: Path, beat: Beat) -> StoredObject:
    named = {"Bucket": reading.asset.ref.native_id, "Key": key}
    if version:
        named["VersionId"] = version
    digest, size = hashlib.sha256(), 0
    answer = reading.client.get_object(**named)
    with spooled.open("wb") as stream:
        for block in answer["Body"].iter_chunks(BLOCK):
            size += len(block)
            if size > reading.context.limits.max_file_bytes:
                # It grew since it was listed; the budget was claimed for what was listed.
                raise ValueError("the object is larger than its listing says")
            stream.write(block)
            digest.update(block)
            beat()
    tags = _tags(reading, named) if answer.get("TagCount") else {}
    return StoredObject(
        size, digest.hexdigest(), answer.get("ContentType", ""),
        dict(answer.get("Metadata", {})), tags, spooled, answer.get("VersionId", ""),
    )  # fmt: skip
