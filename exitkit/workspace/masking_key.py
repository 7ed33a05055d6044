"""Read the key behind the masks of secrets, without which two snapshots could not be compared."""

from __future__ import annotations

from pathlib import Path

from exitkit.errors import CannotRun, InputError

KEY_BYTES = 32


def load_masking_key(path: Path) -> bytes:
    """Return the 32 bytes that the file holds in hexadecimal."""
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        raise CannotRun(
            f"{path}: no masking key; write 32 random bytes in hexadecimal there (mode 0600), "
            "or run `exitkit init` for a new workspace"
        ) from None
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{path}: not {KEY_BYTES} bytes in hexadecimal; restore it from a copy")
    return key
