"""The schemas that editors use: sound, and explained where people write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest

from exitkit.workspace.schema_faults import schema_named


@pytest.mark.parametrize("name", ["workspace", "contract", "plan"])
def test_a_schema_is_itself_valid(name: str) -> None:
    jsonschema_rs.meta.validate(dict(schema_named(name)))


def silent_members(schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        target = root["$defs"].get(member.get("$ref", "").rpartition("/")[2], member)
        told = {"description", "const", "enum"} & (member.keys() | target.keys())
        if not told and name not in ("id", "type"):
            yield f"{place}.{name}"
        yield from silent_members(member, root, f"{place}.{name}")


def test_every_member_of_exitkit_yaml_is_explained() -> None:
    schema = schema_named("workspace")
    silent = list(silent_members(schema, schema, "workspace"))
    for name, definition in schema["$defs"].items():
        silent += silent_members(definition, schema, name)
    assert silent == []


def test_every_section_of_a_contract_is_explained() -> None:
    schema = schema_named("contract")
    sections = {
        name: section
        for name, section in schema["properties"].items()
        if section.get("properties") or section.get("items")
    }
    assert [name for name, section in sections.items() if "description" not in section] == []
