"""Tell in which section of a device's configuration each line stands, whatever it looks like."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence

Placed = tuple[tuple[str, ...], str]
"""The sections around a line, outermost first, and the line itself."""
Span = tuple[re.Pattern[str], re.Pattern[str]]
"""How a text of several lines, such as a banner, begins and ends."""

DEEPEST = 64
_COMMAND = re.compile(r"[= ](?:add|set|remove|move|enable|disable)\b|=")
_CLOSING = re.compile(r"(?:exit|quit)(?:[0-9]+|-[a-z-]+| all)?|end-[a-z]+|[!#]")
_MASK = re.compile(r"(?:<!\[CDATA\[)?<(masked(?::[0-9a-f]+)?)>(?:\]\]>)?")
_NAMING_TAGS = ("tracker", "descr", "name", "if", "refid")


def placed(lines: Iterable[str], structure: str, texts: Sequence[Span] = ()) -> Iterator[Placed]:
    """Yield each line with its sections; a line that opens a section is a line of the one around.

    `structure` is a key of STRUCTURES. Sections deeper than DEEPEST count to that depth. A text
    of several lines between two `texts` is one line.
    """
    return STRUCTURES[structure](line for line in _joined(lines, texts) if line.strip())


def _joined(lines: Iterable[str], texts: Sequence[Span]) -> Iterator[str]:
    """Make one line of each text; one that nobody closes ends with the configuration."""
    end: re.Pattern[str] | None = None
    parts: list[str] = []
    for line in lines:
        if end is None:
            end = next((span[1] for span in texts if span[0].search(line)), None)
            if end is None:
                yield line
            parts = [line.rstrip()]
            continue
        parts.append(line.strip())
        if end.search(line):
            yield " / ".join(parts)
            end = None
    if end is not None:
        yield " / ".join(parts)


def _flat(lines: Iterable[str]) -> Iterator[Placed]:
    for line in lines:
        yield (), line.strip()


def _indented(lines: Iterable[str]) -> Iterator[Placed]:
    """IOS and its kin: what is indented deeper belongs to the line above."""
    above: list[tuple[int, str]] = []
    for line in lines:
        word = line.strip()
        if _CLOSING.fullmatch(word):
            continue
        depth = len(line) - len(line.lstrip(" \t"))
        while above and above[-1][0] >= depth:
            above.pop()
        yield tuple(name for _, name in above), word
        if len(above) < DEEPEST:
            above.append((depth, word))


def _edit(lines: Iterable[str]) -> Iterator[Placed]:
    """FortiOS: `config` and `edit` open, `end` and `next` close; a quoted text may hold lines."""
    above: list[str] = []
    quoted: list[str] = []
    is_open = False
    for line in lines:
        quoted.append(line.strip())
        is_open ^= bool(line.replace('\\"', "").count('"') % 2)
        if is_open:
            continue
        word, quoted = " / ".join(quoted), []
        if word in ("end", "next"):
            del above[-1:]
            continue
        yield tuple(above), word
        if word.startswith(("config ", "edit ")) and len(above) < DEEPEST:
            above.append(word)
    if quoted:
        yield tuple(above), " / ".join(quoted)


def _braces(lines: Iterable[str]) -> Iterator[Placed]:
    """TMSH and its kin: `{` at the end of a line opens, `}` closes."""
    above: list[str] = []
    for line in lines:
        word = line.strip()
        if word.startswith("}"):
            del above[-1:]
            word = word[1:].strip()
        if word.endswith("{"):
            name = word[:-1].strip()
            yield tuple(above), name
            if len(above) < DEEPEST:
                above.append(name)
        elif word:
            yield tuple(above), word


def _paths(lines: Iterable[str]) -> Iterator[Placed]:
    """RouterOS: a path alone on its line opens a section; terse lines hold their own."""
    section: tuple[str, ...] = ()
    begun = ""
    for line in lines:
        word = f"{begun}{line.strip()}"
        begun = word[:-1] if word.endswith("\\") else ""
        if begun:
            continue
        if word.startswith("/") and not _COMMAND.search(word):
            section = (word,)
            yield (), word
        elif not word.startswith("#"):
            yield (() if word.startswith("/") else section), word
    if begun:
        yield section, begun


def _files(lines: Iterable[str]) -> Iterator[Placed]:
    """Several files one after the other, each below a line `### path`; `[...]` heads a part."""
    name: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    block: list[str] = []
    for line in (*lines, "### "):
        if not line.startswith(("### ", "[")):
            block.append(line)
            continue
        for sections, word in _indented(block):
            yield (*name, *part, *sections), word
        block = []
        if line.startswith("["):
            part = (line.strip(),)
            yield name, line.strip()
        elif line.strip() != "###":
            name, part = (line[4:].strip(),), ()
            yield (), line[4:].strip()


def _xml(lines: Iterable[str]) -> Iterator[Placed]:
    """Elements are sections; one of several alike is named by what tells it from the others."""
    text = "\n".join(lines)
    document = _MASK.sub(r"&lt;\1&gt;", text[max(text.find("<"), 0) :])
    try:
        # No device declares entities, and those of an attacker would fill the memory.
        root = None if "<!DOCTYPE" in document else ET.fromstring(document)  # noqa: S314
    except ET.ParseError:
        root = None
    if root is None:
        yield from _flat(text.splitlines())
        return
    waiting: list[tuple[tuple[str, ...], str, ET.Element]] = [((), _label(root, 1, 1), root)]
    while waiting:
        sections, label, element = waiting.pop()
        value = (element.text or "").strip()
        children = list(element)
        yield sections, f"{label}: {value}" if value and not children else label
        inner = (*sections, label)[:DEEPEST]
        seen: dict[str, int] = {}
        named = []
        alike = {child.tag: 0 for child in children}
        for child in children:
            alike[child.tag] += 1
        for child in children:
            seen[child.tag] = seen.get(child.tag, 0) + 1
            label = _label(child, alike[child.tag] if len(child) else 1, seen[child.tag])
            named.append((inner, label, child))
        waiting += reversed(named)


def _label(element: ET.Element, alike: int, number: int) -> str:
    name = element.get("name") or element.get("uuid")
    if not name and alike > 1:
        found = (element.findtext(tag) for tag in _NAMING_TAGS)
        name = next((value.strip() for value in found if value and value.strip()), "")
        if not name:
            return element.tag if number == 1 else f"{element.tag}[{number}]"
    return f"{element.tag} {name}" if name else str(element.tag)


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
