"""Find out how AWS assets hang together: whose configuration names whose id or ARN."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.asset import Asset, Ref, Relation

MOST_UNRESOLVED = 50
"""So many are kept for an asset; a policy may name thousands of foreign things."""
LONGEST_ARN = 2048
_ARN = re.compile(r"arn:aws[a-z-]*:[^\s:]+:[^\s:]*:[^\s:]*:\S+\Z")
_OWN_FORM = re.compile(
    r"[a-z]+(-[a-z]+)*-[0-9a-f]{8,17}\Z|https?://\S+\Z"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z|mrk-[0-9a-f]{32}\Z"
)
_PARENT = "parent id"


@dataclass(frozen=True, slots=True)
class Meanings:
    """What a reference means, by the member that holds it or the type it points to.

    `turned` members tell the relation from the thing named to the thing that names it, by the type
    of the former or `*`; `named` gives the types that a bare name in a member can be of.
    """

    default: str
    members: Mapping[str, str]
    objects: Mapping[str, str]
    turned: Mapping[str, Mapping[str, str]]
    named: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Named:
    """An ARN, or an id that nobody else can have, and whose it is."""

    name: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Index:
    """Every name of every AWS asset: `by_id` the distinctive ones; `known` the refs, for others."""

    by_id: Mapping[str, Named]
    known: Container[Ref]


def names_of(asset: Asset) -> Iterator[Named]:
    """Yield the names under which other AWS assets may refer to this one."""
    if asset.ref.provider != "aws":
        return
    names = [asset.ref.native_id, *(v for scheme, v in asset.identifiers if scheme == "arn")]
    for name in names:
        if _ARN.match(name) or _OWN_FORM.match(name):
            yield Named(name, asset.ref)


def references(
    asset: Asset, index: Index, meanings: Meanings
) -> tuple[list[Relation], tuple[str, ...]]:
    """Return the relations of one asset, and the ARNs it names that nobody collected."""
    found: dict[str, Relation] = {}
    unresolved: set[str] = set()
    for path, text in _strings(asset):
        target = _target(asset.ref, path[-1], text, index, meanings)
        if target is None:
            if _is_foreign(text):
                unresolved.add(text)
        elif target != asset.ref:
            relation = _relation(asset.ref, path, target, meanings)
            found.setdefault(relation.urn, relation)
    return list(found.values()), tuple(sorted(unresolved)[:MOST_UNRESOLVED])


def _strings(asset: Asset) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each string of the configuration under the names of the members around it."""
    for part in asset.ref.native_id.split("|")[:-1]:
        yield (_PARENT,), part
    waiting: list[tuple[tuple[str, ...], Any]] = [((), asset.config)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [((*path, str(name)), part) for name, part in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(path, part) for part in value]
        elif isinstance(value, str) and path and len(value) <= LONGEST_ARN:
            yield path, value


def _target(subject: Ref, member: str, text: str, index: Index, meanings: Meanings) -> Ref | None:
    if found := index.by_id.get(text):
        return found.ref
    if text.startswith("arn:"):
        return _around(text, index)
    types = meanings.named.get(member, ())
    if member == _PARENT:
        types = tuple(meanings.objects)
    for native_type in types:
        for region in (subject.region, ""):
            ref = Ref("aws", subject.scope, region, native_type, text)
            if ref in index.known:
                return ref
    return None


def _around(arn: str, index: Index) -> Ref | None:
    """Return what an ARN is a part of: a version of a function, an object of a bucket."""
    fixed = len(":".join(arn.split(":", 5)[:5])) + 1
    while (cut := max(arn.rfind("/"), arn.rfind(":"))) > fixed:
        arn = arn[:cut]
        if found := index.by_id.get(arn):
            return found.ref
    return None


def _is_foreign(text: str) -> bool:
    """Tell whether a text names one thing of a customer's: no pattern, nothing of the provider."""
    if not _ARN.match(text) or re.search(r"[*?]|\$\{", text):
        return False
    account, resource = text.split(":", 5)[4:]
    return account != "aws" and resource != "root"


def _relation(subject: Ref, path: tuple[str, ...], target: Ref, meanings: Meanings) -> Relation:
    for member in reversed(path):
        by_relying = meanings.turned.get(member, {})
        if turned := by_relying.get(target.native_type, by_relying.get("*")):
            return Relation(target, turned, subject)
    if path[-1] == _PARENT:
        return Relation(subject, "memberOf", target)
    by_type = meanings.objects.get(target.native_type, meanings.default)
    return Relation(subject, meanings.members.get(path[-1], by_type), target)
