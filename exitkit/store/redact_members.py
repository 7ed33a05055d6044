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


Places = Mapping[str, Any]
"""The paths as a tree by member, in lower case; a path ends where there is an empty name."""


@dataclass(frozen=True, slots=True)
class MemberRedactor:
    """Mask what `paths` name (`properties.secrets.[].value`), what is named like a secret,
    `{name, value}` pairs so named, and what looks like a credential in any text.

    In a path `*` stands for any member; where it names an object, all texts in that are masked.
    """

    paths: Sequence[str]
    key: bytes

    def apply(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return `value` without secrets."""
        text = Redactor(CREDENTIAL_PATTERNS, self.key)
        places = (_tree(self.paths),)
        return {
            name: self._member(name, item, _below(places, name), text)
            for name, item in value.items()
        }

    def _member(self, name: str, value: Any, places: tuple[Places, ...], text: Redactor) -> Any:
        is_named = any("" in place for place in places)
        if isinstance(value, str):
            hidden = is_named or bool(SECRET_NAME.search(name))
            return self._masked(value) if hidden else text.apply(value)
        if is_named:
            # What is below a secret is one.
            places = (_EVERYTHING,)
        if isinstance(value, Mapping):
            pair = isinstance(value.get("name"), str) and SECRET_NAME.search(value["name"])
            return {
                member: self._masked(item)
                if pair and member == "value" and isinstance(item, str)
                else self._member(member, item, _below(places, member), text)
                for member, item in value.items()
            }
        if isinstance(value, list):
            return [self._member(name, item, _below(places, "[]"), text) for item in value]
        return value

    def _masked(self, value: str) -> str:
        return value if not value or value.startswith("<masked:") else mask(value, self.key)


_EVERYTHING: dict[str, Any] = {"": {}}
_EVERYTHING["*"] = _EVERYTHING["[]"] = _EVERYTHING


def _tree(paths: Sequence[str]) -> Places:
    tree: dict[str, Any] = {}
    for path in paths:
        place = tree
        for name in path.lower().split("."):
            place = place.setdefault(name, {})
        place[""] = {}
    return tree


def _below(places: tuple[Places, ...], name: str) -> tuple[Places, ...]:
    names = ("[]",) if name == "[]" else (name.lower(), "*")
    found = tuple(place[one] for place in places for one in names if one in place)
    first, dot, rest = name.partition(".")
    # Some members have a dot in their own name.
    return found + _below(_below(places, first), rest) if dot else found
