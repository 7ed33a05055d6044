"""Write and read small objects at the pace of the wire, which the general client does not reach.

Nothing is decided here: what is large, oddly named or not answered as hoped is left to the caller,
whose client tries again and knows the words for every fault. So are objects with metadata: this
library shows names in lower case, and how a maker spells them is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

SMALL_BYTES = 1024 * 1024
_UNSAID = {"", ".", ".."}
"""Parts of a key that this library reads as those of a path, and would lose."""
_HEADERS = frozenset({
    "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type",
    "Storage-Class",
})  # fmt: skip
_FAULTS = (BaseError, OSError, ValueError)


class SmallObjects:
    """The small objects of one S3 endpoint with one login."""

    def __init__(self, endpoint: str, region: str, login: Mapping[str, str], deadline_s: int):
        self._endpoint, self._region, self._login = endpoint, region, login
        self._deadline_s = deadline_s
        self._buckets: dict[str, S3Store] = {}

    def write(
        self, bucket: str, key: str, path: Path, content_type: str, tags: Mapping[str, str]
    ) -> bool:
        """Write a file's bytes; False where that was not done."""
        if not _sayable(key) or path.stat().st_size > SMALL_BYTES:
            return False
        try:
            obstore.put(
                self._bucket(bucket), key, path.read_bytes(), tags=dict(tags) or None,
                attributes={"Content-Type": content_type} if content_type else None,
                use_multipart=False,
            )  # fmt: skip
        except _FAULTS:
            return False
        return True

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and content type; None where that was not done."""
        if not _sayable(key):
            return None
        try:
            answer = obstore.get(self._bucket(bucket), key)
            described = answer.attributes
            if answer.meta["size"] > SMALL_BYTES or not _HEADERS.issuperset(described):
                return None
            return bytes(answer.bytes()), str(described.get("Content-Type", ""))
        except _FAULTS:
            return None

    def _bucket(self, bucket: str) -> S3Store:
        if bucket not in self._buckets:
            self._buckets[bucket] = S3Store(
                bucket, endpoint=self._endpoint, region=self._region,
                access_key_id=self._login["aws_access_key_id"],
                secret_access_key=self._login["aws_secret_access_key"],
                virtual_hosted_style_request=False, retry_config={"max_retries": 0},
                client_options={
                    "allow_http": True, "connect_timeout": "10s",
                    "timeout": f"{self._deadline_s}s",
                },
            )  # fmt: skip
        return self._buckets[bucket]


def _sayable(key: str) -> bool:
    return _UNSAID.isdisjoint(key.split("/"))
