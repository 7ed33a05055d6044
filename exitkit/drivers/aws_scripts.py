"""Read what a machine runs when it starts, however it is packed, so that secrets can be found."""

from __future__ import annotations

import base64
import binascii
import email
import re
import zlib

from exitkit.store.redact import Redactor, mask

LONGEST_SCRIPT_BYTES = 1024 * 1024
_GZIP = b"\x1f\x8b"
_IN_BASE64 = re.compile(r"^content-transfer-encoding:\s*base64", re.IGNORECASE | re.MULTILINE)


def readable_script(value: str, redactor: Redactor) -> str:
    """Return a start script as masked text: out of base64, gzip and the parts of a MIME message.

    What cannot be read as text cannot be searched for secrets either: it becomes one mask.
    """
    text = _text(_unpacked(value))
    if text is not None and _IN_BASE64.search(text):
        text = _parts(text)
    return mask(value, redactor.key) if text is None else redactor.apply(text)


def _unpacked(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value.encode("utf-8", "surrogatepass")


def _text(body: bytes) -> str | None:
    """Return the text of bytes that may be gzip; None where they are none, or too large."""
    if body.startswith(_GZIP):
        unzip = zlib.decompressobj(wbits=31)
        try:
            body = unzip.decompress(body, LONGEST_SCRIPT_BYTES)
        except zlib.error:
            return None
        if not unzip.eof:
            return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _parts(message: str) -> str | None:
    """Return all parts of a MIME message, unpacked, each under its type."""
    found = []
    for part in email.message_from_string(message).walk():
        if part.is_multipart():
            continue
        body = part.get_payload(decode=True)
        text = _text(body) if isinstance(body, bytes) else None
        if text is None:
            return None
        found.append(f"Content-Type: {part.get_content_type()}\n\n{text}")
    return "\n".join(found)
