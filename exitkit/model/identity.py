"""Give every record the same name in every snapshot, whoever collects it."""

from __future__ import annotations

import hashlib
import json
import uuid


def stable_urn(*parts: str) -> str:
    """Return `urn:uuid:` of the UUIDv8 (RFC 9562) of SHA-256 over the canonical JSON of `parts`.

    The first part names the record type and its version (`ebf-asset-1`), so that two kinds
    of record never share an id.
    """
    text = json.dumps(
        [encodable(part) for part in parts], ensure_ascii=False, separators=(",", ":")
    )
    digest = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return f"urn:uuid:{uuid.UUID(bytes=bytes(digest))}"


def encodable(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold (bytes of a file name, half a pair) spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
