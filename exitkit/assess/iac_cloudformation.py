"""Write resources as CloudFormation templates that fit the limits of the service."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.iac_resources import Parameter, Reference, Resource, leaves, transformed
from exitkit.knowledge.aws_iac import Mapped

MOST_RESOURCES = 500
MOST_PARAMETERS = 200
LONGEST_TEMPLATE = 1024 * 1024
LONGEST_NAME = 200
_HEAD = 2048
"""Bytes kept free for what stands around the resources."""


@dataclass(slots=True)
class Template:
    """One template; `importing` is the list that `create-change-set --resources-to-import` takes.

    `carried` are the keys of its resources.
    """

    resources: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    importing: list[dict[str, Any]] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    size_bytes: int = _HEAD

    def document(self, description: str) -> dict[str, Any]:
        """Return the template as a whole."""
        whole: dict[str, Any] = {
            "AWSTemplateFormatVersion": "2010-09-09", "Description": description,
        }  # fmt: skip
        if self.parameters:
            whole["Parameters"] = self.parameters
        return {**whole, "Resources": self.resources}


def templates(
    resources: Sequence[Resource], mapped: Mapping[str, Mapped], *, retain: bool
) -> list[Template]:
    """Return the templates of `resources`, which come after what they refer to.

    What another template holds is a parameter with the id of today as its default. `retain` keeps
    the things when a stack goes: an import must never put anything at risk.
    """
    names = _logical_names(resources)
    after = dict(_dependencies(resources, mapped, names))
    made = [Template()]
    for one in resources:
        body, parameters = _body(one, names, set(made[-1].carried), retain)
        if not _fits(made[-1], body, parameters):
            made.append(Template())
            body, parameters = _body(one, names, set(), retain)
        template = made[-1]
        waits = [name for name in after.get(one.key, ()) if name in template.resources]
        if waits:
            body["DependsOn"] = waits
        template.resources[names[one.key]] = body
        template.parameters.update(parameters)
        template.carried.append(one.key)
        template.size_bytes += _size(body) + _size(parameters)
        if one.identifiers:
            template.importing.append(
                {
                    "ResourceType": one.native_type,
                    "LogicalResourceId": names[one.key],
                    "ResourceIdentifier": dict(one.identifiers),
                }
            )
    return [template for template in made if template.resources]


def _fits(template: Template, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    return (
        len(template.resources) < MOST_RESOURCES
        and len({*template.parameters, *parameters}) <= MOST_PARAMETERS
        and template.size_bytes + _size(body) + _size(parameters) <= LONGEST_TEMPLATE
    )


def _size(body: Mapping[str, Any]) -> int:
    # Written with an indent of two below two members: what the file will hold, and a little more.
    text = json.dumps(body, indent=2)
    return len(text.encode()) + 4 * text.count("\n") + LONGEST_NAME + 16


def _body(
    one: Resource, names: Mapping[str, str], here: set[str], retain: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a resource as the template holds it, and the parameters it needs."""
    parameters: dict[str, Any] = {}

    def leaf(value: Any) -> Any:
        if isinstance(value, Reference):
            if value.target in here:
                name = names[value.target]
                if value.attribute:
                    return {"Fn::GetAtt": [name, value.attribute]}
                return {"Ref": name}
            name = f"{names[value.target]}{_words(value.attribute)}"
            parameters[name] = {"Type": "String", "Default": value.literal}
            return {"Ref": name}
        if isinstance(value, Parameter):
            name = f"{names[one.key]}{_words(value.name)}"
            parameters[name] = _asked(value)
            return {"Ref": name}
        return value

    body: dict[str, Any] = {"Type": one.native_type}
    if retain:
        body |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    properties = {name: transformed(value, leaf) for name, value in one.properties.items()}
    if properties:
        body["Properties"] = properties
    return body, parameters


def _asked(parameter: Parameter) -> dict[str, Any]:
    asked: dict[str, Any] = {"Type": "String", "Description": parameter.description}
    if parameter.default:
        asked["Default"] = parameter.default
    if parameter.secret:
        asked["NoEcho"] = True
    return asked


def _dependencies(
    resources: Sequence[Resource], mapped: Mapping[str, Mapped], names: Mapping[str, str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield what each resource has to wait for although it does not refer to it.

    A route to a gateway works only once the gateway is attached: both refer to the gateway.
    """
    referring: dict[tuple[str, str], list[str]] = {}
    for one in resources:
        for target in _targets(one):
            referring.setdefault((one.native_type, target), []).append(names[one.key])
    for one in resources:
        types = mapped[one.native_type].waits_for if one.native_type in mapped else ()
        waits = [
            name
            for native_type in types
            for target in _targets(one)
            for name in referring.get((native_type, target), ())
        ]
        if waits:
            yield one.key, list(dict.fromkeys(waits))


def _targets(one: Resource) -> list[str]:
    found = (leaf.target for leaf in leaves(dict(one.properties)) if isinstance(leaf, Reference))
    return list(dict.fromkeys(found))


def _logical_names(resources: Sequence[Resource]) -> dict[str, str]:
    """Name each resource after its type and its name, equal in every export of an estate.

    Two of one name are told apart by their ids.
    """
    wanted = {
        one.key: f"{one.native_type.rpartition('::')[2]}{_words(one.name)}"[:LONGEST_NAME]
        for one in resources
    }
    count = Counter(wanted.values())
    return {
        key: name if count[name] == 1 else f"{name}{_suffix(key)}" for key, name in wanted.items()
    }


def _suffix(key: str) -> str:
    """Return eight characters of a key: of the asset's own id, then of the part's."""
    urn, _, part = key.partition(" ")
    return urn.rpartition(":")[2].replace("-", "")[:8] + _words(part)


def _words(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))
