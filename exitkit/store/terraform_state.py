"""Keep of infrastructure state what names and joins its resources, and none of its values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor, mask

# Terraform writes every value in clear, also those it calls sensitive, so nothing else is kept.
_TOP = ("version", "terraform_version", "serial", "lineage")
_RESOURCE = ("module", "mode", "type", "name", "provider", "each")
_INSTANCE = ("index_key", "schema_version", "dependencies")
_ATTRIBUTES = frozenset({"id", "arn", "name", "region", "location", "self_link"})
# The id of these is the secret they made.
_IDS_ARE_VALUES = ("random_", "tls_", "null_", "terraform_data")


def mask_state(body: bytes, key: bytes) -> bytes:
    """Return the state with masks for values; what is no state becomes one mask as a whole."""
    try:
        state = json.loads(body)
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, Mapping):
        return mask(body.decode("latin-1"), key).encode()
    kept = {name: state[name] for name in _TOP if name in state}
    outputs = state.get("outputs")
    if isinstance(outputs, Mapping):
        kept["outputs"] = {str(name): _masked(value, key) for name, value in outputs.items()}
    kept["resources"] = [
        _resource(one, key) for one in _list(state.get("resources")) if isinstance(one, Mapping)
    ]
    text = json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    readable = Redactor(CREDENTIAL_PATTERNS, key).apply(text)
    return readable.encode("utf-8", "replace")


def _resource(resource: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    kept = {name: resource[name] for name in _RESOURCE if name in resource}
    own_id = not str(resource.get("type", "")).startswith(_IDS_ARE_VALUES)
    kept["instances"] = [
        _instance(one, key, own_id=own_id)
        for one in _list(resource.get("instances"))
        if isinstance(one, Mapping)
    ]
    return kept


def _instance(instance: Mapping[str, Any], key: bytes, *, own_id: bool) -> dict[str, Any]:
    kept = {name: instance[name] for name in _INSTANCE if name in instance}
    attributes = instance.get("attributes")
    if isinstance(attributes, Mapping):
        kept["attributes"] = {
            str(name): value
            if own_id and name in _ATTRIBUTES and isinstance(value, str)
            else _masked(value, key)
            for name, value in attributes.items()
            if value not in (None, "", [], {})
        }
    return kept


def _masked(value: Any, key: bytes) -> str:
    return mask(json.dumps(value, sort_keys=True), key)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
