"""Every field that a rule reads can be written: schemas and rules speak of the same files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from exitkit.knowledge.rulebook import Rule, load_rules
from exitkit.workspace.schema_faults import schema_named

# What exitkit itself adds beside the two documents.
DERIVED = ("inventory.", "rehearsal.", "plan.derived.")
RULES = load_rules()


def fields_of(predicate: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths a predicate reads, items of lists below their list."""
    if isinstance(predicate, list):
        for part in predicate:
            yield from fields_of(part, prefix)
    if not isinstance(predicate, Mapping):
        return
    below = prefix
    for quantifier in ("every", "some"):
        if quantifier in predicate:
            yield prefix + predicate[quantifier]
            below = f"{prefix}{predicate[quantifier]}."
    if isinstance(predicate.get("field"), str):
        yield prefix + predicate["field"]
    for name, value in predicate.items():
        yield from fields_of(value, below if name in ("holds", "where") else prefix)


def is_written_in(root: Mapping[str, Any], path: str) -> bool:
    """Tell whether the schema has a member at `path`, or is open there."""
    here: Mapping[str, Any] = root
    for part in path.replace("[]", "").split("."):
        here = _inside(root, here)
        if "properties" not in here:
            return True
        if part not in here["properties"]:
            return False
        here = here["properties"][part]
    return True


def _inside(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema or "items" in schema:
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = root["$defs"][name] if name else schema["items"]
    return schema


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_reads_only_fields_that_can_be_written(rule: Rule) -> None:
    for path in [*fields_of(rule.check), *fields_of(rule.applies_when)]:
        # `root.` steps out of a list again; what follows is read by other rules too.
        if path.startswith(DERIVED) or "root." in path:
            continue
        name = "plan" if path.startswith("plan.") else "contract"
        assert is_written_in(schema_named(name), path.removeprefix("plan.")), path
