"""Name the parts of an infrastructure-as-code export, whichever tool it is written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MASK = "<masked:"


@dataclass(frozen=True, slots=True)
class Left:
    """A property that a definition does not carry, or a whole resource (`property` is empty).

    `reason` is one of REASONS.
    """

    property: str
    reason: str
    detail: str = ""


REASONS = {
    "read-only": "AWS sets it; no definition can",
    "secret": "it is a secret, which exitkit never writes",
    "write-only": "AWS takes it and never returns it",
    "not-asked": "no call of the catalog answers with it",
    "no-property": "AWS answers with it, and no property of the type takes it",
    "no-argument": "the provider has no argument for it",
    "invalid": "the schema of the type refuses the value AWS answered with",
    "supply": "a parameter or variable asks for it",
    "no-resource": "the provider has no resource for the type",
    "no-schema": "CloudFormation has no such type",
    "no-mapping": "the provider's name for the type is not mapped",
    "no-identifier": "an id that importing needs is not known",
    "not-importable": "the type cannot be imported",
    "required": "a property that must be given is not known",
    "fault": "exitkit could not read the answer; please report it",
    "made-by-aws": "AWS makes it together with another thing",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value the reader has to supply; `secret` ones are never shown."""

    name: str
    description: str
    default: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that another resource of the export supplies: its Ref, or the named attribute.

    `literal` is the value that the estate has today.
    """

    target: str
    attribute: str
    literal: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of an export.

    `key` tells it from all others of the account; `name` is made for people and tools;
    `identifiers` are what it is imported by, empty where they are not known. `attributes` are what
    other resources may refer to, by name (`` for Ref).
    """

    key: str
    asset: str
    native_type: str
    native_id: str
    name: str
    properties: Mapping[str, Any]
    identifiers: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)


def transformed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of a value with every leaf changed."""
    if isinstance(value, Mapping):
        return {name: transformed(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [transformed(part, change) for part in value]
    return change(value)


def leaves(value: Any) -> list[Any]:
    """Return every leaf of a value."""
    found: list[Any] = []
    transformed(value, found.append)
    return found
