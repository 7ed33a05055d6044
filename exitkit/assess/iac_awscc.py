"""Write resources for the Cloud Control provider, whose names follow from CloudFormation's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.iac_hcl import Json
from exitkit.assess.iac_resources import Left, Reference, Resource
from exitkit.assess.iac_terraform import Configuration, Configured, Link, attribute_name
from exitkit.knowledge.aws_iac import Departures, TypeSchema

PROVIDER = {"name": "awscc", "source": "hashicorp/awscc", "version": ">= 1.0"}
BLOCK, MAP, JSON, PLAIN, NONE = "block", "map", "json", "plain", "none"
"""What the provider takes for a property: members by their names, names of the customer's own, a
text of JSON, a value or values, or nothing."""

Node = Mapping[str, Any]


def awscc(
    resources: Sequence[Resource], schemas: Mapping[str, TypeSchema], departures: Departures
) -> Configuration:
    """Return the configuration of all resources that can be imported; the others are left."""
    made = Configuration()
    known = [one for one in resources if one.native_type not in departures.absent]
    there = {one.key: one for one in known}
    for one in resources:
        left = made.left.setdefault(one.asset, [])
        if one.key not in there:
            part = "" if one.key == one.asset else one.native_type.rpartition("::")[2]
            left.append(Left(part, "no-resource"))
            continue
        schema = schemas[one.native_type]
        writer = _Writer(schema.schema, there, departures.of(one.native_type))
        body = {}
        for name, value in one.properties.items():
            node = schema.schema["properties"].get(name, {})
            if writer.kind(node, name) == NONE:
                writer.left.append(name)
                continue
            body[top_name(name, one.native_type)] = writer.value(node, value, name)
        left += [Left(name, "no-argument") for name in writer.left]
        identifier = "|".join(one.identifiers[name] for name in schema.identifier)
        kind = type_name(one.native_type)
        made.resources.append(Configured(one.key, kind, one.name, body, identifier))
    return made


def type_name(native_type: str) -> str:
    """Return the provider's name of a type."""
    _, service, noun = native_type.split("::")
    return f"awscc_{service.lower()}_{attribute_name(noun)}"


def top_name(name: str, native_type: str) -> str:
    """Return the name of an argument of the resource itself."""
    # `id` is the provider's own in every resource, and `provider` Terraform's.
    if name == "Id":
        return f"{attribute_name(native_type.rpartition('::')[2])}_id"
    return "provider_name" if name == "Provider" else attribute_name(name)


@dataclass(slots=True)
class _Writer:
    """Spells the values of one resource; `left` are the paths nothing takes."""

    root: Node
    there: Mapping[str, Resource]
    departs: Mapping[str, str]
    left: list[str] = field(default_factory=list)

    def kind(self, node: Node, path: str) -> str:
        """Return what the provider takes: what its own schema says, else what follows by rule."""
        return self.departs.get(path) or kind_of(resolved(node, self.root), self.root)

    def value(self, node: Node, value: Any, path: str) -> Any:
        """Spell a value by its schema: properties get other names, keys of a map keep theirs."""
        if isinstance(value, Reference):
            return _link(value, self.there)
        kind = self.kind(node, path)
        if not isinstance(value, Mapping | list) or kind == PLAIN:
            return _linked(value, self.there)
        if kind != BLOCK:
            literal = _linked(value, self.there)
            return literal if kind == MAP else Json(literal)
        nodes = members(inner_type(node, self.root), self.root)
        if isinstance(value, list):
            return [self._block(nodes, one, path) for one in value]
        if "patternProperties" in resolved(node, self.root) and not nodes.keys() & value.keys():
            return {name: self._block(nodes, one, path) for name, one in value.items()}
        return self._block(nodes, value, path)

    def _block(self, nodes: Mapping[str, Node], value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            return _linked(value, self.there)
        found = {}
        for name, part in value.items():
            place, node = f"{path}.{name}", nodes.get(name, {})
            if self.kind(node, place) == NONE:
                self.left.append(place)
            else:
                found[attribute_name(name)] = self.value(node, part, place)
        return found


def kind_of(node: Node, root: Node) -> str:
    """Return what the provider takes for a property by the schema alone."""
    told = node.get("type")
    if isinstance(told, list):
        return JSON
    if told == "array":
        return BLOCK if kind_of(resolved(_items(node), root), root) == BLOCK else PLAIN
    if members(node, root):
        return BLOCK
    if "patternProperties" in node:
        named: Node = next(iter(node["patternProperties"].values()), {})
        return BLOCK if members(resolved(named, root), root) else MAP
    return JSON if told in (None, "object") else PLAIN


def inner_type(node: Node, root: Node) -> Node:
    """Return what the members stand in: each item of a list, each value of a map, or itself."""
    node = resolved(node, root)
    if node.get("type") == "array":
        return inner_type(_items(node), root)
    if "patternProperties" in node and not members(node, root):
        return resolved(next(iter(node["patternProperties"].values()), {}), root)
    return node


def members(node: Node, root: Node) -> dict[str, Node]:
    """Return the properties of an object, those of all its variants among them."""
    found: dict[str, Node] = {}
    for word in ("oneOf", "anyOf", "allOf"):
        for variant in node.get(word, ()):
            inner = resolved(variant, root)
            found |= members(inner, root) if inner is not node else {}
    return {**found, **node.get("properties", {})}


def resolved(node: Node, root: Node) -> Node:
    """Follow references to where something is described."""
    for _ in range(16):
        if "$ref" not in node:
            break
        found: Any = root
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found.get(step, {})
        node = found
    return node


def _items(node: Node) -> Node:
    items = node.get("items")
    return items if isinstance(items, Mapping) else {}


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
    return Link(value.target, top_name(name, target.native_type))
