"""Read the data behind AWS assets: objects, items, code; each failure as a ledger line."""

from __future__ import annotations

import hashlib
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from exitkit.drivers.aws import Account, account_of
from exitkit.drivers.aws_answers import plain
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of, pages
from exitkit.drivers.deadlines import Beat, run_all
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Source

T = TypeVar("T")

BLOCK = 1024 * 1024
OVERDUE = Failure(CallOutcome.UNAVAILABLE, "no answer within the deadline", dead=True)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a bucket as it was read; `spooled` holds its bytes."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str
    metadata: Mapping[str, str]
    spooled: Path


@dataclass(slots=True)
class Reading:
    """An open client for one asset, and the ledger lines of what was asked with it."""

    asset: Asset
    source: Source
    context: Context
    account: Account
    client: Any
    calls: list[Call] = field(default_factory=list)

    def note(self, operation: str, count: int = 0, failure: Failure | None = None) -> None:
        """Write one line for a call or for a run of equal calls."""
        outcome = CallOutcome.COLLECTED if count else CallOutcome.EMPTY
        self.calls.append(
            Call(
                self.source.id, self.asset.ref.scope, self.asset.ref.region, operation,
                failure.outcome if failure else outcome, count, self.asset.ref.native_id,
                failure.permission if failure else "", failure.reason if failure else "",
            )
        )  # fmt: skip

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a call; FAULTS pass through."""
        return pages(self.client, operation.partition(":")[2], arguments, lambda: None)

    def within_deadline(self, jobs: Sequence[Callable[[Beat], T]]) -> Iterator[T | Failure]:
        """Yield the answers of jobs run side by side; a failure for each that never answered."""
        limits = self.context.limits
        for _, answer in run_all(jobs, min(8, limits.workers), limits.call_deadline_s):
            yield OVERDUE if answer is None else answer


def open_reading(asset: Asset, source: Source, context: Context) -> Reading:
    """Return a client of the asset's account and region for its own service."""
    service = asset.ref.native_type.split("::")[1].lower()
    account = account_of(source, asset.ref.scope, context.environ, context.limits)
    client = account.client(service, asset.ref.region, context.limits)
    return Reading(asset, source, context, account, client)


def list_objects(reading: Reading) -> list[tuple[str, int]] | Failure:
    """Return (key, size) of every object, in key order."""
    operation = "s3:ListObjectsV2"

    def whole_listing(beat: Beat) -> list[tuple[str, int]] | Failure:
        found: list[tuple[str, int]] = []
        try:
            for page in reading.ask(operation, {"Bucket": reading.asset.ref.native_id}):
                found += [(row["Key"], int(row["Size"])) for row in page.get("Contents", ())]
                beat()
        except FAULTS as fault:
            return failure_of(fault, operation)
        return found

    (answer,) = reading.within_deadline([whole_listing])
    if isinstance(answer, Failure):
        reading.note(operation, failure=answer)
        return answer
    reading.note(operation, len(answer))
    return sorted(answer)


def read_objects(reading: Reading, keys: Sequence[str]) -> list[StoredObject] | Failure:
    """Return every object with its bytes in the spool, or the first failure."""
    operation = "s3:GetObject"
    jobs = [_object_job(reading, operation, key) for key in keys]
    found: list[StoredObject] = []
    for answer in reading.within_deadline(jobs):
        if isinstance(answer, Failure):
            reading.note(operation, len(found), answer)
            return answer
        found.append(answer)
    reading.note(operation, len(found))
    return sorted(found, key=lambda one: one.key)


def _object_job(
    reading: Reading, operation: str, key: str
) -> Callable[[Beat], StoredObject | Failure]:
    name = hashlib.sha256(f"{reading.asset.ref.urn}/{key}".encode("utf-8", "surrogatepass"))
    spooled = reading.context.spool / name.hexdigest()

    def job(beat: Beat) -> StoredObject | Failure:
        digest, size = hashlib.sha256(), 0
        try:
            answer = reading.client.get_object(Bucket=reading.asset.ref.native_id, Key=key)
            with spooled.open("wb") as stream:
                for block in answer["Body"].iter_chunks(BLOCK):
                    stream.write(block)
                    digest.update(block)
                    size += len(block)
                    beat()
        except FAULTS as fault:
            return failure_of(fault, operation)
        return StoredObject(
            key, size, digest.hexdigest(), answer.get("ContentType", ""),
            dict(answer.get("Metadata", {})), spooled,
        )  # fmt: skip

    return job


def scan_table(reading: Reading, most_bytes: int) -> list[Any] | Failure | None:
    """Return every item of a table as JSON-compatible data; None beyond `most_bytes`."""
    operation = "dynamodb:Scan"

    def whole_table(beat: Beat) -> list[Any] | Failure:
        items: list[Any] = []
        size = 0
        try:
            for page in reading.ask(operation, {"TableName": reading.asset.ref.native_id}):
                fresh = [plain(item) for item in page.get("Items", ())]
                items += fresh
                size += sum(len(str(item)) for item in fresh)
                if size > most_bytes:
                    return []
                beat()
        except FAULTS as fault:
            return failure_of(fault, operation)
        return [size, *items]

    (answer,) = reading.within_deadline([whole_table])
    if isinstance(answer, Failure):
        reading.note(operation, failure=answer)
        return answer
    reading.note(operation, max(0, len(answer) - 1))
    return answer[1:] if answer else None


def read_code(reading: Reading) -> Path | Failure:
    """Return the function's package in the spool, as the provider hands it out."""
    operation = "lambda:GetFunction"
    spooled = reading.context.spool / reading.asset.ref.urn.removeprefix("urn:uuid:")

    def download(beat: Beat) -> Path | Failure:
        try:
            name = reading.asset.ref.native_id
            address = reading.client.get_function(FunctionName=name)["Code"]["Location"]
            endpoint = reading.account.endpoint_url
            if endpoint and not _same_host(endpoint, address):
                # A stand-in for AWS names addresses of the real one; nothing is fetched there.
                return Failure(CallOutcome.UNSUPPORTED, "the code's address is elsewhere")
            with urllib.request.urlopen(address, timeout=60) as answer, spooled.open("wb") as out:  # noqa: S310
                while block := answer.read(BLOCK):
                    out.write(block)
                    beat()
        except FAULTS as fault:
            return failure_of(fault, operation)
        return spooled

    (answer,) = reading.within_deadline([download])
    failed = isinstance(answer, Failure)
    if isinstance(answer, Failure) and answer.outcome is not CallOutcome.UNSUPPORTED:
        reading.note(operation, failure=answer)
    else:
        reading.note(operation, 0 if failed else 1)
    return answer


def _same_host(endpoint: str, address: str) -> bool:
    return urllib.parse.urlsplit(endpoint).netloc == urllib.parse.urlsplit(address).netloc
