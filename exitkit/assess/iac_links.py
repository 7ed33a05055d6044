"""Let the resources of an export refer to each other instead of naming ids, without circles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exitkit.assess.iac_resources import Reference, Resource, leaves, transformed
from exitkit.knowledge.aws_iac import Mapped

_OWN_FORM = re.compile(
    r"arn:aws[a-z-]*:[^\s:]+:[^\s:]*:[^\s:]*:\S+\Z"
    r"|[a-z]+(-[a-z]+)*-[0-9a-f]{8,17}\Z|https?://\S+\Z"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z|mrk-[0-9a-f]{32}\Z"
)
"""Names that nobody else can have, wherever they stand."""


def linked(
    resources: Sequence[Resource],
    mapped: Mapping[str, Mapped],
    stand_ins: Mapping[str, tuple[str, str]],
) -> list[Resource]:
    """Return the resources in an order in which each comes after those it refers to.

    `stand_ins` gives for the id of what AWS makes itself the id of what it comes with, and the
    attribute there. References that would go in a circle stay the ids they are.
    """
    index = _Index(resources, mapped, stand_ins)
    joined = [replace(one, properties=index.joined(one)) for one in resources]
    groups = list(_groups({one.key: _targets(one) for one in joined}))
    circle = {key: number for number, group in enumerate(groups) for key in group}
    by_key = {one.key: one for one in joined}
    ordered = [by_key[key] for group in groups for key in group]
    return [
        replace(one, name=_name(one, by_key), properties=_straight(one, circle)) for one in ordered
    ]


def _name(one: Resource, by_key: Mapping[str, Resource]) -> str:
    """Return the name, with the names of other things where it holds their ids."""
    name = one.name
    for leaf in leaves(dict(one.properties)):
        if isinstance(leaf, Reference) and leaf.literal in name:
            name = name.replace(leaf.literal, by_key[leaf.target].name)
    return name


class _Index:
    """What each id of the estate is an attribute of."""

    def __init__(
        self,
        resources: Iterable[Resource],
        mapped: Mapping[str, Mapped],
        stand_ins: Mapping[str, tuple[str, str]],
    ) -> None:
        self._mapped = mapped
        self._anywhere: dict[str, Reference] = {}
        self._named: dict[tuple[str, str], Reference] = {}
        by_id: dict[str, Resource] = {}
        for one in resources:
            by_id.setdefault(one.native_id, one)
            # Ref last: where both say the same, it is the shorter one.
            for attribute, value in sorted(one.attributes.items(), reverse=True):
                reference = Reference(one.key, attribute, value)
                if _OWN_FORM.match(value):
                    self._anywhere[value] = reference
                if attribute == "":
                    self._named[one.native_type, value] = reference
        for name, (within, attribute) in stand_ins.items():
            if attribute and within in by_id:
                self._anywhere[name] = Reference(by_id[within].key, attribute, name)

    def joined(self, resource: Resource) -> dict[str, Any]:
        """Return the properties with each id of another resource as a reference to it."""
        rules = self._mapped.get(resource.native_type)
        refers = rules.refers if rules else {}

        def change(name: str) -> Any:
            native_type = refers.get(name, "")

            def leaf(value: Any) -> Any:
                if not isinstance(value, str):
                    return value
                found = self._named.get((native_type, value)) or self._anywhere.get(value)
                return found if found and found.target != resource.key else value

            return leaf

        return {
            name: transformed(value, change(name)) for name, value in resource.properties.items()
        }


def _targets(resource: Resource) -> list[str]:
    found: dict[str, None] = {}

    def note(leaf: Any) -> Any:
        if isinstance(leaf, Reference):
            found[leaf.target] = None
        return leaf

    transformed(dict(resource.properties), note)
    return list(found)


def _straight(resource: Resource, circle: Mapping[str, int]) -> dict[str, Any]:
    own = circle[resource.key]

    def leaf(value: Any) -> Any:
        if isinstance(value, Reference) and circle.get(value.target, own) == own:
            return value.literal
        return value

    return {name: transformed(value, leaf) for name, value in resource.properties.items()}


def _groups(targets: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Yield what refers to each other in circles together, targets first (Tarjan)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in targets:
        if root in number:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(targets[root]))]
        number[root] = lowest[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            key, rest = work[-1]
            following = next((one for one in rest if one in targets), None)
            if following is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[key])
                if lowest[key] == number[key]:
                    group = []
                    while True:
                        group.append(member := stack.pop())
                        on_stack.discard(member)
                        if member == key:
                            break
                    yield group
            elif following not in number:
                number[following] = lowest[following] = len(number)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(targets[following])))
            elif following in on_stack:
                lowest[key] = min(lowest[key], number[following])
