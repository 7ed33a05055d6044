"""Find in the items of a list the members that carry the id, the ARN and the tags of a type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tools.build_aws_catalog.nouns import endings, plain, singular, type_noun

SUFFIXES = ("id", "arn", "name", "identifier")
ENDED = re.compile(
    r"deleted|terminated|deregistered|disassociated|released.*|delete_complete", re.IGNORECASE
)
"""States of what is gone, though AWS still answers with it for a while."""
STATE = re.compile(r"(lifecycle|lifecyclestate|status|state|stage)$")
TAG_MEMBERS = ("tags", "taglist", "tagset", "tagslist", "resourcetags")


def ids(
    native_type: str, leaves: Iterable[str], members: Iterable[str], told: Iterable[str] = ()
) -> dict[str, str | None]:
    """Map each part of a type's identifier to the item member that holds it, or to None.

    `told` are the arguments of the call: a part of that name is known without the item.

    No member serves two parts: exact names take theirs first, then the last part, which is the
    most specific. What stays without a member comes from the parent.
    """
    parts = list(leaves)
    low = {plain(member): member for member in members}
    found: dict[str, str | None] = {}
    for leaf in parts:
        if (name := plain(leaf.split("/")[-1])) in low:
            found[leaf] = low.pop(name)
    known = {plain(name) for name in told} if len(parts) > 1 else set()
    for leaf in reversed(parts):
        if leaf not in found:
            if plain(leaf) in known:
                found[leaf] = None
                continue
            member = _member_for(native_type, leaf, low, len(parts) == 1)
            found[leaf] = low.pop(plain(member)) if member else None
    return {leaf: found[leaf] for leaf in parts}


def _member_for(native_type: str, leaf: str, low: Mapping[str, str], only: bool) -> str | None:
    name = plain(leaf.split("/")[-1])
    hit = next((low[wanted] for wanted in _wanted(native_type, name) if wanted in low), None)
    if hit:
        return hit
    tails = [m for m in low if m in ("id", "arn", "name") and name.endswith(m)]
    tails += [m for m in low if len(name) > 3 and m.endswith(name)]
    if tails:
        return low[tails[0]]
    return _by_type_noun(native_type, low) if only or name in SUFFIXES else None


def _wanted(native_type: str, leaf: str) -> Iterator[str]:
    """Yield the names a member for `leaf` may have, best first."""
    noun = plain(type_noun(native_type))
    yield leaf
    for suffix in SUFFIXES:
        if not leaf.endswith(suffix):
            continue
        base = leaf.removesuffix(suffix)
        yield from (noun + suffix, base + suffix, suffix, singular(base) + suffix)
        if suffix == "identifier":
            yield from (f"{noun}id", "id", f"{base}id", "name", f"{noun}name")
        elif suffix == "name":
            yield from ("name", "id", noun, f"{noun}identifier", f"{base}id", f"{base}identifier")
        elif suffix == "id":
            yield from (f"{noun}identifier", "identifier", "name")
        else:
            yield "resourcearn"


def _by_type_noun(native_type: str, low: Mapping[str, str]) -> str | None:
    """Fall back on `GroupId` for a SecurityGroup whose schema just says `Id`."""
    for suffix in ("id", "name", "arn", "identifier"):
        for ending in endings(type_noun(native_type)):
            if ending + suffix in low:
                return low[ending + suffix]
    return low.get("uuid") or low.get("id")


def arn(native_type: str, element_shape: str, members: Iterable[str]) -> str | None:
    """Return the member that holds the ARN of the item itself."""
    names = list(members)
    noun = plain(type_noun(native_type))
    low = {plain(member): member for member in names}
    for wanted in (f"{noun}arn", "arn", "resourcearn", f"{plain(element_shape)}arn"):
        if wanted in low:
            return low[wanted]
    for member in names:
        stem = plain(member).removesuffix("arn")
        if plain(member).endswith("arn") and stem and (stem in noun or noun in plain(member)):
            return member
    return None


def tags(members: Iterable[str]) -> str | None:
    """Return the member that holds the tags."""
    return next((member for member in members if plain(member) in TAG_MEMBERS), None)


def ended(
    native_type: str, held: Mapping[str, Mapping[str, Any]], shapes: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the state of the item itself, with those of its values that say that it is gone."""
    noun = plain(type_noun(native_type))
    return {
        member: gone
        for member, reference in held.items()
        if (stem := STATE.sub("", plain(member))) != plain(member) and stem in noun
        if (
            gone := [
                word for word in shapes[reference["shape"]].get("enum", ()) if ENDED.fullmatch(word)
            ]
        )
    }
