"""Read the objects of a bucket: their listing always, their bytes one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of
from exitkit.drivers.aws_reading import BLOCK, Reading
from exitkit.drivers.deadlines import Beat

LIST, READ, TAGS = "s3:ListObjectsV2", "s3:GetObject", "s3:GetObjectTagging"
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects nobody can read before a restore, which costs money."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object as the listing tells of it; `etag` is MD5 where it was put in one part."""

    key: str
    size_bytes: int
    etag: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The listing of a bucket in the spool, in the order of its keys.

    `small_bytes` counts the objects that can be read and are no larger than a file may be.
    """

    spooled: Path
    count: int
    size_bytes: int
    small_bytes: int

    def __iter__(self) -> Iterator[ListedObject]:
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


def list_objects(reading: Reading) -> Listing | Failure:
    """Write the listing into the spool: a bucket may hold more keys than memory does."""
    ((_, answer),) = reading.within_deadline([_listing_job(reading)])
    failure = answer if isinstance(answer, Failure) else None
    reading.note(LIST, answer.count if isinstance(answer, Listing) else 0, failure)
    return answer


def _listing_job(reading: Reading) -> Callable[[Beat], Listing | Failure]:
    spooled = reading.spool("listing")
    largest = reading.context.limits.max_file_bytes

    def job(beat: Beat) -> Listing | Failure:
        count = size = small_bytes = 0
        try:
            with spooled.open("w", encoding="utf-8") as out:
                for page in reading.ask(LIST, {"Bucket": reading.asset.ref.native_id}):
                    for row in page.get("Contents", ()):
                        one = int(row["Size"])
                        out.write(json.dumps(_fields(row)) + "\n")
                        count, size = count + 1, size + one
                        if one <= largest and row.get("StorageClass") not in ARCHIVED:
                            small_bytes += one
                    beat()
        except FAULTS as fault:
            return failure_of(fault, LIST)
        return Listing(spooled, count, size, small_bytes)

    return job


def _fields(row: Mapping[str, Any]) -> list[Any]:
    etag = str(row.get("ETag", "")).strip('"')
    return [row["Key"], int(row["Size"]), etag, row.get("StorageClass", "")]


def read_objects(reading: Reading, keys: Sequence[str]) -> dict[str, StoredObject | Failure]:
    """Return each object with its bytes in the spool, or why it could not be read.

    One line of the ledger tells of all: with a failure, of how many and why the first one.
    """
    jobs = [_object_job(reading, key) for key in keys]
    found = {keys[index]: answer for index, answer in reading.within_deadline(jobs)}
    failures = [(key, found[key]) for key in keys if isinstance(found[key], Failure)]
    if not failures:
        reading.note(READ, len(found))
        return found
    key, first = failures[0]
    if isinstance(first, Failure):
        reason = f"{first.reason} ({len(failures)} of {len(keys)} objects, first {key})"
        reading.note(READ, len(found) - len(failures), replace(first, reason=reason))
    return found


def probe_tags(reading: Reading, key: str) -> Failure | None:
    """Return why tags of objects cannot be read, asked of one object.

    Where they may not be read, the answer about an object is silent about how many it has.
    """

    def job(beat: Beat) -> dict[str, str] | Failure:
        try:
            return _tags(reading, key)
        except FAULTS as fault:
            return failure_of(fault, TAGS)

    ((_, answer),) = reading.within_deadline([job])
    failure = answer if isinstance(answer, Failure) else None
    reading.note(TAGS, 0 if failure else 1, failure)
    return failure


def _tags(reading: Reading, key: str) -> dict[str, str]:
    bucket = reading.asset.ref.native_id
    answer = reading.client.get_object_tagging(Bucket=bucket, Key=key)
    return {pair["Key"]: pair["Value"] for pair in answer.get("TagSet", ())}


def _object_job(reading: Reading, key: str) -> Callable[[Beat], StoredObject | Failure]:
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    spooled = reading.spool(name)

    def job(beat: Beat) -> StoredObject | Failure:
        digest, size = hashlib.sha256(), 0
        try:
            answer = reading.client.get_object(Bucket=reading.asset.ref.native_id, Key=key)
            with spooled.open("wb") as stream:
                for block in answer["Body"].iter_chunks(BLOCK):
                    size += len(block)
                    if size > reading.context.limits.max_file_bytes:
                        # It grew since it was listed; the budget was claimed for what was listed.
                        raise ValueError("the object is larger than its listing says")
                    stream.write(block)
                    digest.update(block)
                    beat()
            tags = _tags(reading, key) if answer.get("TagCount") else {}
        except FAULTS as fault:
            return failure_of(fault, READ)
        return StoredObject(
            size, digest.hexdigest(), answer.get("ContentType", ""),
            dict(answer.get("Metadata", {})), tags, spooled,
        )  # fmt: skip

    return job
