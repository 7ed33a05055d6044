"""Hold the hand-written mappings against the schemas: no name in them may lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import jmespath
import pytest

from exitkit.knowledge.aws_iac import TypeSchema, load_mapped, load_schemas, load_terraform

MAPPED = load_mapped()
TERRAFORM = load_terraform()
PARTS = {part.native_type for rules in MAPPED.values() for part in rules.parts}
# One of both service names that a type of any sort may have is enough for all.
SCHEMAS: Mapping[str, TypeSchema] = load_schemas({*MAPPED, *PARTS, *TERRAFORM})


@pytest.mark.parametrize("native_type", sorted(MAPPED))
def test_every_correction_is_of_a_property_that_the_type_takes(native_type: str) -> None:
    schema, rules = SCHEMAS[native_type], MAPPED[native_type]
    for name in {**rules.properties, **rules.create, **rules.deep, **rules.ask, **rules.refers}:
        assert name in schema.settable, name
    assert set(rules.attributes) <= schema.read_only
    for path in (*rules.properties.values(), *rules.create.values(), *rules.deep.values()):
        assert jmespath.compile(path)
    for target in (*rules.refers.values(), *rules.waits_for):
        assert target.startswith("AWS::")


@pytest.mark.parametrize("native_type", sorted(MAPPED))
def test_every_part_is_a_type_and_named_by_what_identifies_it(native_type: str) -> None:
    for part in MAPPED[native_type].parts:
        schema = SCHEMAS[part.native_type]
        assert set(part.properties) <= set(schema.settable)
        assert set(part.identifiers) in (set(), set(schema.identifier))
        for path in (part.each, *part.properties.values(), *part.identifiers.values()):
            assert jmespath.compile(path)


@pytest.mark.parametrize("native_type", sorted(TERRAFORM))
def test_every_argument_is_one_that_the_provider_takes(native_type: str) -> None:
    assert native_type in SCHEMAS
    for row in TERRAFORM[native_type]:
        assert set(row.arguments) <= set(row.schema), row.type
        for path in (row.when, row.each, row.key, row.id, *row.arguments.values()):
            assert path in ("", None, "$self") or jmespath.compile(path)
        needed = {name for name, rule in row.schema.items() if rule["required"]}
        if row.each or row.exact:
            assert needed <= set(row.arguments), row.type


def test_corrections_hold_for_types_that_exitkit_lists_or_takes_apart() -> None:
    assert SCHEMAS.keys() == {*MAPPED, *PARTS, *TERRAFORM}
    assert len(TERRAFORM) >= 50
