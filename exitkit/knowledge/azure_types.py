"""Know the Azure resource types: their canonical names, API versions and secret members.

`azure/types.json.gz` is made by `make azure-types` and names the commit of what it was made of.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

UNSTABLE = ("preview", "alpha", "beta", "privatepreview")


def canonical_type(native_type: str) -> str:
    """Return a type as its provider spells it; ARM itself answers in any case."""
    return _spellings().get(native_type.lower(), native_type)


def secret_paths(native_type: str) -> tuple[str, ...]:
    """Return the members that the provider marks as secret: `properties.secrets.[].value`."""
    row = _types().get(canonical_type(native_type), {})
    return tuple(row.get("secure", ()))


def known_api_version(native_type: str) -> str:
    """Return the newest API version in the table, where a provider could not be asked."""
    return str(_types().get(canonical_type(native_type), {}).get("api", ""))


def newest_stable(api_versions: Iterable[str]) -> str:
    """Return the newest version that is not a preview, else the newest; empty where none."""
    versions = sorted(api_versions)
    stable = [v for v in versions if not any(word in v.lower() for word in UNSTABLE)]
    return (stable or versions or [""])[-1]


@cache
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in _types()}


@cache
def _types() -> dict[str, dict[str, Any]]:
    packed = (files("exitkit.knowledge.azure") / "types.json.gz").read_bytes()
    types: dict[str, dict[str, Any]] = json.loads(gzip.decompress(packed))["types"]
    return types
