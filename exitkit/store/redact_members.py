"""Take secret values out of a provider's JSON answer, by place, by name and by looks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor, mask

SECRET_NAME = re.compile(
    r"(?i)(passw(or)?d|passphrase|secret|pre-?shared-?key|(shared|access|account|api|private|primary"
    r"|secondary|instrumentation|function|host|storage)_?-?key|connection_?string|sas_?token"
    r"|customdata|userdata|(auth|access|refresh|bearer)_?token)$"
)
"""Members whose text value is a secret, whatever type they stand in."""


@dataclass(frozen=True, slots=True)
class MemberRedactor:
    """Mask what `paths` name (`properties.secrets.[].value`), what is named like a secret,
    `{name, value}` pairs so named, and what looks like a credential in any text."""

    paths: Sequence[str]
    key: bytes

    def apply(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return `value` without secrets."""
        places = frozenset(path.lower() for path in self.paths)
        text = Redactor(CREDENTIAL_PATTERNS, self.key)
        return {name: self._member(name, item, name, places, text) for name, item in value.items()}

    def _member(
        self, name: str, value: Any, place: str, places: frozenset[str], text: Redactor
    ) -> Any:
        hidden = place.lower() in places or bool(SECRET_NAME.search(name))
        if isinstance(value, str):
            return self._masked(value) if hidden else text.apply(value)
        if isinstance(value, Mapping):
            pair = isinstance(value.get("name"), str) and SECRET_NAME.search(value["name"])
            return {
                member: self._masked(item)
                if pair and member == "value" and isinstance(item, str)
                else self._member(member, item, f"{place}.{member}", places, text)
                for member, item in value.items()
            }
        if isinstance(value, list):
            return [self._member(name, item, f"{place}.[]", places, text) for item in value]
        return value

    def _masked(self, value: str) -> str:
        return value if not value or value.startswith("<masked:") else mask(value, self.key)
