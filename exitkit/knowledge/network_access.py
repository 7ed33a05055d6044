"""Read from a device's configuration who may log in to it, and whom it opens a tunnel to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exitkit.store.pattern_hints import hint_of, runs_of

if TYPE_CHECKING:
    from exitkit.knowledge.network_platforms import Platform

MOST_WAYS_IN = 10_000
LONGEST_NAME = 200
ABOVE = " > "
"""Stands between a line and the section it is in, as in the items of a configuration."""
LINE_BY_LINE = ("indented", "set", "flat")
"""Structures whose lines can be read without the lines between them and their sections."""


@dataclass(frozen=True, slots=True)
class AccessLines:
    """How one type of principal stands in a configuration.

    `patterns` are searched in its items and have a group `name`, some a group `permission`;
    `otherwise` is the permission of one for whom none is written.
    """

    type: str
    patterns: tuple[re.Pattern[str], ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class WayIn:
    """One principal that a device lets in; `via` is the beginning of the item that says so."""

    type: str
    name: str
    via: str
    permissions: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    via: str
    permissions: set[str] = field(default_factory=set)


def ways_in(platform: Platform, text: str) -> Iterator[WayIn]:
    """Yield each principal of a configuration once, in the order of their first lines."""
    found: dict[tuple[AccessLines, str], _Found] = {}
    for sections, line in platform.placed(_relevant(platform, text)):
        item = ABOVE.join((*sections, line))
        for lines in platform.access:
            for pattern in lines.patterns:
                if match := pattern.search(item):
                    _take(found, lines, match)
        if len(found) >= MOST_WAYS_IN:
            break
    for (lines, name), way in found.items():
        permissions = tuple(sorted(way.permissions)) or (lines.otherwise,)
        yield WayIn(lines.type, name, way.via, permissions)


def _take(
    found: dict[tuple[AccessLines, str], _Found], lines: AccessLines, match: re.Match[str]
) -> None:
    name = match["name"].strip("\"' ")
    if not name or name.startswith("<masked:") or len(name) > LONGEST_NAME:
        return
    way = found.setdefault((lines, name), _Found(match.string[: match.end("name")][:LONGEST_NAME]))
    permission = match.groupdict().get("permission")
    if permission:
        way.permissions.add(permission.strip()[:LONGEST_NAME])


def _relevant(platform: Platform, text: str) -> str:
    """Return the lines that a pattern could find, each below the lines of its sections."""
    if platform.structure not in LINE_BY_LINE:
        return text if platform.access else ""
    starts: set[int] = set()
    for _, hint in runs_of(tuple(dict.fromkeys(_last_parts(platform, text)))):
        spans = None if hint is None else hint.spans(text)
        if spans is None:
            return text
        for start, end in spans:
            starts |= set(_with_sections(text, start, end))
    return "\n".join(text[start : _end(text, start)] for start in sorted(starts))


def _last_parts(platform: Platform, text: str) -> Iterator[str]:
    """Yield of each pattern what it says of the line itself, where its sections may be there."""
    for lines in platform.access:
        for pattern in lines.patterns:
            *sections, line = pattern.pattern.split(ABOVE)
            hints = [hint_of(section) for section in sections]
            if all(hint is None or any(word in text for word in hint.words) for hint in hints):
                yield line


def _with_sections(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where each line of a span begins, and where the lines less indented above it do."""
    while start <= end:
        yield start
        at, depth = start, _depth(text, start)
        while depth and at:
            at = text.rfind("\n", 0, at - 1) + 1
            if _depth(text, at) < depth and text[at : _end(text, at)].strip():
                depth = _depth(text, at)
                yield at
        start = _end(text, start) + 1


def _end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _depth(text: str, start: int) -> int:
    at = start
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at - start
