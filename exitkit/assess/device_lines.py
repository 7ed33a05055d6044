"""Work out which lines turn one device configuration into another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Tree = Mapping[str, Sequence[str]]
"""A configuration: each top-level line with the lines of its section, in order."""

MASKED = "<masked>"
_MASK = re.compile(r"(?:\b\d )?<masked:[0-9a-f]+>")
_NUMBERED_LIST = re.compile(r"(access-list \S+) ")


def tree(lines: Sequence[str]) -> dict[str, list[str]]:
    """Group lines by the section they stand in; deeper levels count to their section."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in lines:
        if line.startswith(" ") and section:
            found[section].append(line.strip())
        else:
            section = line.strip()
            found.setdefault(section, [])
    return found


def tree_of(placed: Iterable[tuple[tuple[str, ...], str]]) -> dict[str, list[str]]:
    """Group lines by the whole path of sections around them (`Platform.placed`)."""
    found: dict[str, list[str]] = {}
    for sections, line in placed:
        if sections:
            found.setdefault(" > ".join(sections), []).append(line)
        else:
            found.setdefault(line, [])
    return found


def without_masks(text: str) -> str:
    """Write every mask alike, with the digit that says how the device had encoded the secret."""
    return _MASK.sub(MASKED, text)


def with_placeholders(text: str, placeholder: str) -> str:
    """Put a value where a secret was masked, in clear where the device had encoded it."""

    def replaced(match: re.Match[str]) -> str:
        return f"0 {placeholder}" if match.group(0)[0].isdigit() else placeholder

    return _MASK.sub(replaced, text)


def lines_to_restore(kept: Tree, there: Tree) -> list[str]:
    """Return what to type on a device that holds `there`, so that it also holds `kept`.

    What stands in a section of both and only on the device is taken out, for a forgotten permit
    or `shutdown` would change what the section does; sections of its own are left alone.
    """
    typed = [f"no {name}" for name in sorted(_numbered_lists(kept) & _numbered_lists(there))]
    for head in kept:
        present = there.get(head, ())
        wanted = [without_masks(line) for line in kept[head]]
        if _is_list(head) and present and list(present) != wanted:
            typed.append(f"no {head}")  # its order matters, and an entry is added at the end
            continue
        gone = [line for line in present if without_masks(line) not in wanted]
        if gone:
            typed += [head, *(f" {_negated(line)}" for line in gone)]
    for head, section in kept.items():
        typed += [head, *(f" {line}" for line in section)]
    return typed


def lines_to_undo(before: Tree, now: Tree) -> list[str]:
    """Return what to type on a device that holds `now`, so that it holds `before` again."""
    typed = []
    lists = {name for name in _numbered_lists(now) if _list(now, name) != _list(before, name)}
    typed += [f"no {name}" for name in sorted(lists)]
    for head in reversed(list(now)):
        if head not in before:
            if head.startswith("interface "):
                # A real one stays whatever is typed; what it was told has to go by itself.
                typed += [head, *(f" {_negated(line)}" for line in now[head])]
            if not head.startswith(("hostname ", *(f"{name} " for name in lists))):
                typed.append(_negated(head))
        elif _is_list(head) and list(now[head]) != list(before[head]):
            typed.append(f"no {head}")
        else:
            gone = [line for line in now[head] if line not in before[head]]
            typed += [head, *(f" {_negated(line)}" for line in gone)] if gone else []
    for head, section in before.items():
        in_list = head.startswith(tuple(f"{name} " for name in lists))
        if head in now and not in_list and list(now[head]) == list(section):
            continue
        typed += [head, *(f" {line}" for line in section)]
    return typed


def _numbered_lists(lines: Tree) -> set[str]:
    return {match.group(1) for head in lines if (match := _NUMBERED_LIST.match(head))}


def _list(lines: Tree, name: str) -> list[str]:
    return [head for head in lines if head.startswith(f"{name} ")]


def _is_list(head: str) -> bool:
    return head.startswith(("ip access-list ", "ipv6 access-list ", "mac access-list "))


def _negated(line: str) -> str:
    if line.startswith("description "):
        return "no description"  # FRR does not take its text
    return line.removeprefix("no ") if line.startswith("no ") else f"no {line}"
