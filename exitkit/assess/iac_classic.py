"""Write resources for Terraform's classic AWS provider, as far as its types are mapped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exitkit.assess.iac_hcl import Blocks, Json
from exitkit.assess.iac_paths import at
from exitkit.assess.iac_resources import Left, Parameter, Reference, Resource, transformed
from exitkit.assess.iac_terraform import Configuration, Configured, Link, attribute_name
from exitkit.assess.iac_values import EMPTY, plain
from exitkit.knowledge.aws_iac import Terraform

PROVIDER = {"name": "aws", "source": "hashicorp/aws", "version": ">= 6.0"}
SELF, OWN = "$self", "$own"


def classic(
    resources: Sequence[Resource], mapped: Mapping[str, Sequence[Terraform]]
) -> Configuration:
    """Return the configuration; a type without a mapping, or without an argument, is left."""
    made = Configuration()
    writer = _Writer(resources, mapped)
    for one in resources:
        rows = writer.rows(one)
        left = made.left.setdefault(one.asset, [])
        if not rows:
            left.append(Left(_part_of(one), "no-mapping"))
            continue
        used: set[str] = set()
        for row in rows:
            for item in _items(one, row):
                found = writer.configured(one, row, item, used)
                missing = _missing(row.schema, found.body)
                if missing:
                    left.append(Left(_part_of(one), "required", ", ".join(missing)))
                else:
                    made.resources.append(found)
        left += [Left(name, "no-argument") for name in sorted(set(one.properties) - used)]
    kept = {one.key for one in made.resources}
    made.resources = [_without_dead_links(one, kept, writer) for one in made.resources]
    return made


def _part_of(one: Resource) -> str:
    return "" if one.key == one.asset else one.native_type.rpartition("::")[2]


def _items(one: Resource, row: Terraform) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what one resource each is made of: the whole, or each item of a list in it."""
    if not row.each:
        yield "", one.properties
        return
    for number, item in enumerate(at(row.each, one.properties) or ()):
        inner = {**(item if isinstance(item, Mapping) else {"item": item}), "_": one.properties}
        literal = transformed(inner, _literal)
        yield str(at(row.key, literal) if row.key else number), inner


def _literal(leaf: Any) -> Any:
    return leaf.literal if isinstance(leaf, Reference) else leaf


class _Writer:
    """What is known of all resources while one is written."""

    def __init__(
        self, resources: Sequence[Resource], mapped: Mapping[str, Sequence[Terraform]]
    ) -> None:
        self._mapped = mapped
        self.by_key = {one.key: one for one in resources}

    def rows(self, one: Resource) -> list[Terraform]:
        """Return the mappings that hold for a resource, the one others refer to first."""
        literal = transformed(dict(one.properties), _literal)
        found = self._mapped.get(one.native_type, ())
        return [row for row in found if not row.when or at(row.when, literal)]

    def configured(
        self, one: Resource, row: Terraform, item: tuple[str, Mapping[str, Any]], used: set[str]
    ) -> Configured:
        """Return one resource in the words of the provider; `used` takes the properties it read."""
        key, properties = item
        literal = {**transformed(dict(properties), _literal), "id": one.native_id}
        body = {}
        for name, rule in row.schema.items():
            value = self._argument(name, row, properties, one, used)
            if value not in EMPTY:
                written = self._fitted(rule, value)
                if written not in EMPTY:
                    body[name] = written
        used |= _read_by(row.each)
        identifier = at(row.id, literal) if row.id else next(iter(one.identifiers.values()), "")
        main = self.rows(one)[0] is row
        own = one.key if main else f"{one.key} {row.type} {key}".rstrip()
        name = f"{one.name} {key}".rstrip() if row.each else one.name
        return Configured(own, row.type, name, body, str(identifier or ""))

    def _argument(
        self, name: str, row: Terraform, properties: Mapping[str, Any], one: Resource,
        used: set[str],
    ) -> Any:  # fmt: skip
        if name in row.arguments:
            path = row.arguments[name]
            if path == SELF:
                return Link(one.key, self.rows(one)[0].reference)
            if path is None:
                return None
            used |= _read_by(path)
            return at(path.replace(OWN, one.native_id) if OWN in path else path, properties)
        if row.each or row.exact:
            return None
        for member, value in properties.items():
            if plain(member) == plain(name):
                used.add(member)
                return value
        return None

    def _fitted(self, rule: Mapping[str, Any], value: Any) -> Any:
        """Return a value in the form of an argument: blocks, texts with JSON, tags as a map."""
        kind = rule["type"]
        if isinstance(value, Reference):
            return self.link(value)
        if isinstance(value, Link | Parameter):
            return value
        if kind == "block":
            bodies = value if isinstance(value, list) else [value]
            return Blocks(tuple(filter(None, (self._block(rule, body) for body in bodies))))
        if kind.startswith("map"):
            if isinstance(value, list):
                return {row["Key"]: row["Value"] for row in value}
            return self._linked(value)
        if kind.startswith("list"):
            return self._linked(value if isinstance(value, list) else [value])
        if isinstance(value, Mapping | list):
            return Json(self._linked(value))
        return _scalar(kind, value)

    def _block(self, rule: Mapping[str, Any], body: Any) -> Mapping[str, Any]:
        found = {}
        members = {plain(name): name for name in body} if isinstance(body, Mapping) else {}
        for name, inner in rule["block"].items():
            member = members.get(plain(name))
            value = body[member] if member is not None else None
            if value not in EMPTY:
                found[name] = self._fitted(inner, value)
        return {} if _missing(rule["block"], found) else found

    def _linked(self, value: Any) -> Any:
        return transformed(value, self._leaf)

    def _leaf(self, value: Any) -> Any:
        return self.link(value) if isinstance(value, Reference) else value

    def link(self, value: Reference) -> Any:
        """Return the attribute that stands for a value; the value where nobody has it."""
        target = self.by_key.get(value.target)
        rows = self.rows(target) if target else []
        if not rows:
            return value.literal
        row = rows[0]
        if value.attribute == "":
            return Link(value.target, row.reference)
        if value.attribute in row.attributes:
            return Link(value.target, row.attributes[value.attribute])
        if value.attribute.endswith("Arn"):
            return Link(value.target, "arn")
        return Link(value.target, attribute_name(value.attribute))


def _without_dead_links(one: Configured, kept: set[str], writer: _Writer) -> Configured:
    """Write the id where what was referred to could not be written."""

    def alive(value: Any) -> Any:
        if isinstance(value, Link) and value.key not in kept:
            return writer.by_key[value.key].native_id
        if isinstance(value, Json):
            return Json(alive(value.value))
        if isinstance(value, Blocks):
            return Blocks(tuple(alive(body) for body in value.bodies))
        if isinstance(value, Mapping):
            return {name: alive(part) for name, part in value.items()}
        return [alive(part) for part in value] if isinstance(value, list) else value

    return replace(one, body=alive(one.body))


def _missing(rules: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    return [name for name, rule in rules.items() if rule["required"] and name not in body]


def _read_by(path: str) -> set[str]:
    """Return the names a path reads."""
    return set(re.findall(r"[A-Za-z][A-Za-z0-9]*", path or ""))


def _scalar(kind: str, value: Any) -> Any:
    if kind == "number" and isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind == "bool" and isinstance(value, str):
        return value.lower() == "true"
    return value
