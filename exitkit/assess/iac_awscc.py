"""Write resources for the Cloud Control provider, whose names follow from CloudFormation's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exitkit.assess.iac_hcl import Json
from exitkit.assess.iac_resources import Left, Reference, Resource
from exitkit.assess.iac_terraform import Configuration, Configured, Link, attribute_name
from exitkit.knowledge.aws_iac import TypeSchema

PROVIDER = {"name": "awscc", "source": "hashicorp/awscc", "version": ">= 1.0"}
_META = frozenset({"Count", "DependsOn", "ForEach", "Lifecycle", "Provider", "Provisioner"})
"""What Terraform itself reads in every resource: the provider has no such attribute."""


def awscc(resources: Sequence[Resource], schemas: Mapping[str, TypeSchema]) -> Configuration:
    """Return the configuration of all resources that can be imported; the others are left."""
    made = Configuration()
    there = {one.key: one for one in resources}
    for one in resources:
        schema = schemas[one.native_type]
        body = {}
        for name, value in one.properties.items():
            if name in _META:
                made.left.setdefault(one.asset, []).append(Left(name, "no-argument"))
                continue
            node = schema.schema["properties"].get(name, {})
            body[_top_name(name, one.native_type)] = _value(node, value, schema.schema, there)
        identifier = "|".join(one.identifiers[name] for name in schema.identifier)
        kind = type_name(one.native_type)
        made.resources.append(Configured(one.key, kind, one.name, body, identifier))
    return made


def type_name(native_type: str) -> str:
    """Return the provider's name of a type."""
    _, service, noun = native_type.split("::")
    return f"awscc_{service.lower()}_{attribute_name(noun)}"


def _top_name(name: str, native_type: str) -> str:
    # `id` is the provider's own in every resource.
    if name == "Id":
        return f"{attribute_name(native_type.rpartition('::')[2])}_id"
    return attribute_name(name)


def _value(
    node: Mapping[str, Any], value: Any, root: Mapping[str, Any], there: Mapping[str, Resource]
) -> Any:
    """Spell a value by its schema: properties get other names, keys of a map keep theirs."""
    node = _resolved(node, root)
    if isinstance(value, Reference):
        return _link(value, there)
    if isinstance(value, Mapping):
        properties = node.get("properties")
        if not properties or _is_any(node):
            return _json(node, value, there)
        return {
            attribute_name(name): _value(properties.get(name, {}), part, root, there)
            for name, part in value.items()
        }
    if isinstance(value, list):
        if _is_any(node):
            return _json(node, value, there)
        items = node.get("items")
        inner = items if isinstance(items, Mapping) else {}
        return [_value(inner, part, root, there) for part in value]
    return value


def _json(node: Mapping[str, Any], value: Any, there: Mapping[str, Resource]) -> Any:
    """Return a map of texts as it is, and what has no shape of its own as JSON."""
    literal = _linked(value, there)
    return literal if "patternProperties" in node and not _is_any(node) else Json(literal)


def _is_any(node: Mapping[str, Any]) -> bool:
    """Whether a value of several kinds is meant, which the provider takes as JSON."""
    told = node.get("type")
    return told is None or isinstance(told, list)


def _resolved(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(16):
        if "$ref" not in node:
            break
        found: Any = root
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found.get(step, {})
        node = found
    return node


def _linked(value: Any, there: Mapping[str, Resource]) -> Any:
    if isinstance(value, Reference):
        return _link(value, there)
    if isinstance(value, Mapping):
        return {name: _linked(part, there) for name, part in value.items()}
    return [_linked(part, there) for part in value] if isinstance(value, list) else value


def _link(value: Reference, there: Mapping[str, Resource]) -> Any:
    target = there.get(value.target)
    if target is None:
        return value.literal
    name = value.attribute or next(iter(target.identifiers), "")
    return Link(value.target, _top_name(name, target.native_type))
