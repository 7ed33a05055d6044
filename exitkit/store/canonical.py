"""Write every record as the one byte string it can be, so that digests and diffs mean something."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

from exitkit.errors import InvalidBundle, PluginError
from exitkit.model.identity import encodable

LARGEST_INTEGER = 2**53 - 1
LONGEST_LINE = 16 * 1024 * 1024
DEEPEST_NESTING = 64


def canonical_bytes(value: Any) -> bytes:
    """Return RFC 8785 bytes of `value`; floats and integers beyond 2^53-1 are refused."""
    try:
        return _canonical(value)
    except ValueError as error:
        raise PluginError(f"canonical JSON: {error}; pass it through storable() first") from error


def parse_line(line: bytes) -> Any:
    """Return the value of one canonical line (with or without its LF), trusting nothing in it."""
    line = line.removesuffix(b"\n")
    if len(line) > LONGEST_LINE:
        raise InvalidBundle(f"a line of {len(line)} bytes; at most {LONGEST_LINE} are read")
    try:
        value = _STRICT.decode(line.decode())
        same = (_PLAIN.encode(value).encode() if _is_simple(line) else _canonical(value)) == line
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"not canonical JSON: {error}") from error
    if not same:
        raise InvalidBundle("not canonical JSON: key order, spacing, escapes or a repeated key")
    return value


def quick_line(line: bytes) -> Any:
    """Return the value of one line like `parse_line`, of any form: to compare, not to trust."""
    if line.count(b"{") + line.count(b"[") > DEEPEST_NESTING:
        return parse_line(line)
    try:
        return _QUICK.decode(line.decode())
    except ValueError as error:
        raise InvalidBundle(f"not canonical JSON: {error}") from error


def storable(value: Any) -> Any:
    """Return `value` with everything canonical JSON cannot hold turned into strings and lists."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, dict):
        return {str(storable(str(key))): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((storable(item) for item in value), key=canonical_bytes)
    if isinstance(value, bytes | bytearray):
        return {"encoding": "base64", "value": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime):
        return timestamp(value) if value.tzinfo else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def timestamp(instant: dt.datetime) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.mmmZ`; an instant without a zone is a bug."""
    if instant.tzinfo is None:
        raise PluginError(f"{instant.isoformat()}: an instant without a zone; use UTC")
    text = instant.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def instant(text: str) -> dt.datetime:
    """Return the instant that `timestamp` wrote."""
    return dt.datetime.fromisoformat(text)


def _canonical(value: Any) -> bytes:
    fault = _fault(value, 1)
    if fault:
        raise ValueError(fault)
    plain = _has_plain_keys(value)
    ordered = value if plain else _in_utf16_order(value)
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), sort_keys=plain)
    return text.encode()


def _is_simple(line: bytes) -> bool:
    """Tell whether only its order of keys can be wrong: no odd characters, no deep nesting."""
    shallow = line.count(b"{") + line.count(b"[") <= DEEPEST_NESTING
    return shallow and line.isascii() and b"\\u" not in line


def _fault(value: Any, depth: int) -> str:
    """Say what canonical JSON cannot hold, or nothing."""
    if depth > DEEPEST_NESTING:
        return f"nested deeper than {DEEPEST_NESTING}"
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if abs(value) <= LARGEST_INTEGER else f"integer {str(value)[:24]} beyond 2^53-1"
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"key {key!r} is not a string"
            fault = _fault(item, depth + 1)
            if fault:
                return f"{key}: {fault}"
        return ""
    if isinstance(value, list | tuple):
        return next(filter(None, (_fault(item, depth + 1) for item in value)), "")
    return f"{type(value).__name__} {str(value)[:40]!r} has no canonical form"


def _has_plain_keys(value: Any) -> bool:
    """Tell whether code point order is UTF-16 order for every key, as it is for ASCII."""
    if isinstance(value, dict):
        return all(key.isascii() and _has_plain_keys(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(_has_plain_keys(item) for item in value)
    return True


def _in_utf16_order(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_in_utf16_order(item) for item in value]
    return value


def _refuse_float(text: str) -> Any:
    raise ValueError(f"{text[:24]} is not an integer")


def _within_bounds(text: str) -> int:
    # Checked before it is built: Python refuses, or takes long for, thousands of digits.
    value = int(text) if len(text) < 20 else LARGEST_INTEGER + 1
    if abs(value) > LARGEST_INTEGER:
        raise ValueError(f"integer {text[:24]} beyond 2^53-1")
    return value


_QUICK = json.JSONDecoder(parse_float=_refuse_float, parse_constant=_refuse_float)
_STRICT = json.JSONDecoder(
    parse_float=_refuse_float, parse_constant=_refuse_float, parse_int=_within_bounds
)
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
