"""Tell in which section of a device's configuration each line stands, whatever it looks like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

Placed = tuple[tuple[str, ...], str]
"""The sections around a line, outermost first, and the line itself."""

DEEPEST = 64
_TAG = re.compile(r"<(?P<close>/)?(?P<name>[A-Za-z_][\w.:-]*)[^<>]*?(?P<empty>/)?>")
_COMMAND = re.compile(r"[= ](?:add|set|remove|move|enable|disable)\b|=")


def placed(lines: Iterable[str], structure: str) -> Iterator[Placed]:
    """Yield each line with its sections; a line that opens a section is a line of the one around.

    `structure` is a key of STRUCTURES. Sections deeper than DEEPEST count to that depth.
    """
    return STRUCTURES[structure](line for line in lines if line.strip())


def _flat(lines: Iterable[str]) -> Iterator[Placed]:
    for line in lines:
        yield (), line.strip()


def _indented(lines: Iterable[str]) -> Iterator[Placed]:
    """IOS and its kin: what is indented deeper belongs to the line above."""
    above: list[tuple[int, str]] = []
    for line in lines:
        depth = len(line) - len(line.lstrip(" \t"))
        while above and above[-1][0] >= depth:
            above.pop()
        yield tuple(name for _, name in above), line.strip()
        if len(above) < DEEPEST:
            above.append((depth, line.strip()))


def _edit(lines: Iterable[str]) -> Iterator[Placed]:
    """FortiOS: `config` and `edit` open, `end` and `next` close."""
    above: list[str] = []
    for line in lines:
        word = line.strip()
        if word in ("end", "next"):
            del above[-1:]
            continue
        yield tuple(above), word
        if word.startswith(("config ", "edit ")) and len(above) < DEEPEST:
            above.append(word)


def _braces(lines: Iterable[str]) -> Iterator[Placed]:
    """TMSH and its kin: `{` at the end of a line opens, `}` closes."""
    above: list[str] = []
    for line in lines:
        word = line.strip()
        if word == "}":
            del above[-1:]
        elif word.endswith("{"):
            name = word[:-1].strip()
            yield tuple(above), name
            if len(above) < DEEPEST:
                above.append(name)
        else:
            yield tuple(above), word


def _paths(lines: Iterable[str]) -> Iterator[Placed]:
    """RouterOS: a path alone on its line opens a section; terse lines hold their own."""
    section: tuple[str, ...] = ()
    for line in lines:
        word = line.strip()
        if word.startswith("/") and not _COMMAND.search(word):
            section = (word,)
        else:
            yield (() if word.startswith("/") else section), word


def _files(lines: Iterable[str]) -> Iterator[Placed]:
    """Several files one after the other, each below a line `### path`."""
    section: tuple[str, ...] = ()
    for line in lines:
        if line.startswith("### "):
            section = (line[4:].strip(),)
        else:
            yield section, line.rstrip()


def _xml(lines: Iterable[str]) -> Iterator[Placed]:
    """XML written one element a line; elements of one name are numbered, for their order counts."""
    above: list[str] = []
    counts: list[Counter[str]] = [Counter()]
    for line in lines:
        word = line.strip()
        tag = _TAG.match(word)
        if tag is None:
            if not word.startswith(("<?", "<!")):
                yield tuple(above), word
        elif tag["close"]:
            del above[-1:]
            counts = counts[: len(above) + 1]
        elif tag["empty"] or f"</{tag['name']}>" in word:
            yield tuple(above), word
        elif len(above) < DEEPEST:
            counts[-1][tag["name"]] += 1
            number = counts[-1][tag["name"]]
            above.append(tag["name"] if number == 1 else f"{tag['name']}[{number}]")
            counts.append(Counter())


STRUCTURES: dict[str, Callable[[Iterable[str]], Iterator[Placed]]] = {
    "braces": _braces,
    "edit": _edit,
    "files": _files,
    "flat": _flat,
    "indented": _indented,
    "paths": _paths,
    "set": _flat,
    "xml": _xml,
}
