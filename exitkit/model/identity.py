"""Give every record the same name in every snapshot, whoever collects it."""

from __future__ import annotations

import hashlib
import json

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def stable_urn(*parts: str) -> str:
    """Return `urn:uuid:` of the UUIDv8 (RFC 9562) of SHA-256 over the canonical JSON of `parts`.

    The first part names the record type and its version (`ebf-asset-1`), so that two kinds
    of record never share an id.
    """
    text = _ENCODE([encodable(part) for part in parts])
    digest = hashlib.sha256(text.encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return (
        f"urn:uuid:{digest[:8]}-{digest[8:12]}-8{digest[13:16]}"
        f"-{variant}{digest[17:20]}-{digest[20:32]}"
    )


def encodable(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold (bytes of a file name, half a pair) spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
