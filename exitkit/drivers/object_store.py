"""Speak S3 to any maker's object store, with the calls that every maker answers safely.

Tags travel in the header of the object itself. The calls that write tags, access lists and legal
holds are never made: some makers answer one by replacing the object's content with its body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from exitkit.drivers.object_versions import note_order, rows_in_order
from exitkit.drivers.small_objects import SmallObjects
from exitkit.errors import CannotRun, ExitkitError

CHUNK = 1024 * 1024
_REGION_MISSED = "IllegalLocationConstraintException"
_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


class StoreError(ExitkitError):
    """The store answered with an error, or not at all; `absent` where the thing is not there."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says of an object beside its bytes."""

    size_bytes: int
    content_type: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object or one delete marker, by the id that the store gave it."""

    key: str
    version: str
    is_marker: bool
    is_latest: bool


class ObjectStore:
    """One endpoint with one login; every fault leaves as a StoreError."""

    def __init__(
        self, client: Any, session: Any, login: Mapping[str, str], small: SmallObjects | None
    ) -> None:
        self._client, self._session, self._login = client, session, login
        self._small = small
        note_order(client)

    @property
    def endpoint(self) -> str:
        """The URL we speak to."""
        return str(self._client.meta.endpoint_url).rstrip("/")

    def account(self) -> str:
        """Return the AWS account behind it; empty where another maker serves.

        One address of Amazon serves every account: it does not tell a source from a target.
        """
        if "amazonaws" not in self.endpoint:
            return ""
        sts = self._session.client(
            "sts", region_name=self._client.meta.region_name, **self._login
        )  # fmt: skip
        with _named_faults("account"):
            return str(sts.get_caller_identity()["Account"])

    def buckets(self) -> tuple[str, ...]:
        """List the buckets by name."""
        with _named_faults("buckets"):
            answer = self._client.list_buckets()
        return tuple(sorted(bucket["Name"] for bucket in answer.get("Buckets", ())))

    def keys(self, bucket: str) -> Iterator[str]:
        """List the keys of a bucket, page by page."""
        with _named_faults(f"bucket {bucket}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                yield from (entry["Key"] for entry in page.get("Contents", ()))

    def versioning(self, bucket: str) -> str:
        """Return `Enabled`, `Suspended`, or nothing where the bucket never kept versions."""
        try:
            with _named_faults(f"bucket {bucket}"):
                answer = self._client.get_bucket_versioning(Bucket=bucket)
        except StoreError as fault:
            if isinstance(fault.__cause__, ClientError):
                return ""  # The maker knows no versions, and says so.
            raise
        return str(answer.get("Status", ""))

    def keep_versions(self, bucket: str) -> None:
        """Ask a bucket to keep versions; `versioning` tells whether it does."""
        try:
            with _named_faults(f"bucket {bucket}"):
                wanted = {"Status": "Enabled"}
                self._client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted)
        except StoreError as fault:
            if not isinstance(fault.__cause__, ClientError):
                raise

    def versions(self, bucket: str) -> dict[str, list[StoredVersion]]:
        """Return by key all versions and delete markers, the oldest first; none kept is nothing."""
        found: dict[str, list[StoredVersion]] = {}
        if not self.versioning(bucket):
            return found
        with _named_faults(f"bucket {bucket}"):
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for row, is_marker in rows_in_order(page):
                    is_latest = bool(row.get("IsLatest"))
                    one = StoredVersion(row["Key"], row["VersionId"], is_marker, is_latest)
                    found.setdefault(one.key, []).append(one)
        return {key: rows[::-1] for key, rows in found.items()}

    def create_bucket(self, bucket: str) -> None:
        """Create a bucket in the region of the endpoint.

        Some makers refuse a call that names none, others a name that is not their own for it: the
        first is asked for where it is missed.
        """
        with _named_faults(f"bucket {bucket}"):
            try:
                self._client.create_bucket(Bucket=bucket)
            except ClientError as fault:
                if fault.response.get("Error", {}).get("Code") != _REGION_MISSED:
                    raise
                place = {"LocationConstraint": self._client.meta.region_name}
                self._client.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)

    def write(
        self,
        bucket: str,
        key: str,
        path: Path,
        content_type: str,
        metadata: Mapping[str, str],
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write a file's bytes, in parts where it is large."""
        small = None if metadata else self._small
        if small and small.write(bucket, key, path, content_type, tags):
            return
        extra: dict[str, Any] = {"Metadata": dict(metadata)} if metadata else {}
        if tags:
            extra["Tagging"] = urlencode(tags)
        if content_type:
            extra["ContentType"] = content_type
        with _named_faults(f"object {bucket}/{key}"):
            if path.stat().st_size < _TRANSFER.multipart_threshold:
                # The transfer manager starts threads for each file; most files are small.
                with path.open("rb") as stream:
                    self._client.put_object(Bucket=bucket, Key=key, Body=stream, **extra)
            else:
                self._client.upload_file(str(path), bucket, key, ExtraArgs=extra, Config=_TRANSFER)

    def tags(self, bucket: str, key: str, version: str = "") -> dict[str, str]:
        """Return the tags of an object; none where the maker knows no tags."""
        try:
            with _named_faults(f"object {bucket}/{key}"):
                answer = self._client.get_object_tagging(**_named(bucket, key, version))
        except StoreError:
            return {}
        return {pair["Key"]: pair["Value"] for pair in answer.get("TagSet", ())}

    def read(self, bucket: str, key: str, version: str = "") -> Iterator[bytes]:
        """Yield an object's bytes."""
        yield from self.fetch(bucket, key, version)[1]

    def fetch(
        self, bucket: str, key: str, version: str = ""
    ) -> tuple[StoredObject, Iterator[bytes]]:
        """Return what the store says of an object together with its bytes, by one call."""
        found = self._small.read(bucket, key) if self._small and not version else None
        if found:
            return StoredObject(len(found[0]), found[1], {}), iter((found[0],))
        with _named_faults(f"object {bucket}/{key}"):
            answer = self._client.get_object(**_named(bucket, key, version))

        def chunks() -> Iterator[bytes]:
            with _named_faults(f"object {bucket}/{key}"):
                try:
                    yield from answer["Body"].iter_chunks(CHUNK)
                finally:
                    answer["Body"].close()

        described = StoredObject(
            answer["ContentLength"], answer.get("ContentType", ""), answer.get("Metadata", {})
        )
        return described, chunks()

    def delete(self, bucket: str, key: str, version: str = "") -> None:
        """Delete an object; one that is not there is deleted already.

        Without `version`, a bucket that keeps versions puts a delete marker on top of them.
        """
        with _absent_is_fine(), _named_faults(f"object {bucket}/{key}"):
            self._client.delete_object(**_named(bucket, key, version))

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket; one that is not there is deleted already."""
        with _absent_is_fine(), _named_faults(f"bucket {bucket}"):
            self._client.delete_bucket(Bucket=bucket)


def open_object_store(
    settings: Mapping[str, Any], environ: Mapping[str, str], who: str, deadline_s: int = 60
) -> ObjectStore:
    """Return the store of a target: `endpoint_url`, and the login its `*_key_env` name."""
    config = Config(
        connect_timeout=10,
        read_timeout=deadline_s,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
        # Checksum trailers are an Amazon dialect that other makers store as content.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    login = {}
    if settings.get("access_key_env"):
        login = {
            "aws_access_key_id": _from(environ, settings["access_key_env"], who),
            "aws_secret_access_key": _from(environ, settings["secret_key_env"], who),
        }
    session = boto3.session.Session(profile_name=settings.get("profile"))
    region = settings.get("region") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    client = session.client(
        "s3", endpoint_url=settings.get("endpoint_url"), region_name=region, config=config, **login
    )
    endpoint = settings.get("endpoint_url")
    small = SmallObjects(endpoint, region, login, deadline_s) if endpoint and login else None
    return ObjectStore(client, session, login, small)


_TRANSFER = TransferConfig(multipart_threshold=64 * CHUNK, max_concurrency=4)


def _named(bucket: str, key: str, version: str) -> dict[str, str]:
    place = {"Bucket": bucket, "Key": key}
    return {**place, "VersionId": version} if version else place


def _from(environ: Mapping[str, str], variable: str, who: str) -> str:
    value = environ.get(variable)
    if not value:
        raise CannotRun(f"{who}: {variable} is not set; export the key it should hold")
    return value


@contextmanager
def _named_faults(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as fault:
        error = fault.response.get("Error", {})
        code = str(error.get("Code", "no code"))
        raise StoreError(
            f"{what}: {code} {error.get('Message', '')}".strip(), absent=code in _ABSENT
        ) from fault
    except (BotoCoreError, boto3.exceptions.Boto3Error, OSError) as fault:
        raise StoreError(f"{what}: {str(fault).splitlines()[0]}") from fault


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    try:
        yield
    except StoreError as fault:
        if not fault.absent:
            raise
