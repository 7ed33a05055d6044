"""Check records against the very schemas that travel inside the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs


def schema_bytes(schema: str) -> bytes:
    """Return the text of a record schema (`asset`, `call` ...)."""
    return (files("exitkit.schemas") / "records" / f"{schema}.schema.json").read_bytes()


def record_fault(schema: str, record: Mapping[str, Any]) -> str:
    """Say in one line what is wrong with a record, or nothing."""
    return fault_of(_own_validator(schema), record)


def validator(text: bytes) -> Any:
    """Return a validator for the text of a schema."""
    return jsonschema_rs.Draft202012Validator(json.loads(text))


def fault_of(checker: Any, record: Mapping[str, Any]) -> str:
    """Say in one line what `checker` holds against a record, or nothing."""
    if checker.is_valid(record):
        return ""
    error = next(checker.iter_errors(record))
    place = ".".join(str(part) for part in error.instance_path)
    return f"{place}: {error.message[:200]}" if place else str(error.message)[:200]


@lru_cache(maxsize=32)
def _own_validator(schema: str) -> Any:
    return validator(schema_bytes(schema))
