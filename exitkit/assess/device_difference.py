"""Say what a target device lacks of a configuration, and in which section of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exitkit.assess.device_lines import without_masks
from exitkit.model.run import ItemResult

ANOTHER_ORDER = "its entries stand in another order"
DEFAULT_HIDDEN = "a default that the target does not print"
DEFAULT_SHOWN = "a default that the target spells out"
_SEQUENCE = re.compile(r"^(rule )?(?:seq )?\d+ (?=(?:permit|deny|remark)\b)")
_SINGLE = re.compile(r"^(?:set )?(description|hostname|sysname|name|alias|comment)\b")

Section = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompareRules:
    """What a platform means by its lines.

    `ordered` finds sections by their path, joined by ` > `, whose order matters; with the groups
    `list` and `entry` it finds top-level lines that make up such a section together. `defaults`
    finds lines that say no more than their absence.
    """

    ordered: tuple[re.Pattern[str], ...] = ()
    defaults: tuple[re.Pattern[str], ...] = ()

    def is_ordered(self, section: Section) -> bool:
        """Tell whether the order in a section matters."""
        name = " > ".join(section)
        return any(p.search(name) for p in self.ordered if "list" not in p.groupindex)

    def is_default(self, text: str) -> bool:
        """Tell whether a line says what holds without it."""
        return any(pattern.search(text) for pattern in self.defaults)

    def list_of(self, text: str) -> tuple[str, str] | None:
        """Return the list that a top-level line belongs to, and what it says there."""
        for pattern in self.ordered:
            if "list" in pattern.groupindex and (found := pattern.search(text)):
                return found["list"], found["entry"]
        return None


def compare_configurations(
    kept: Iterable[tuple[Section, str]], there: Iterable[tuple[Section, str]], rules: CompareRules
) -> Iterator[ItemResult]:
    """Yield an item for each line of `kept`, and for what a section of both has more `there`.

    What only the target has, outside of sections and lists of both, is its own affair.
    """
    wanted, lists = _sections(kept, rules)
    present, _ = _sections(there, rules)
    heads = {(*section, text) for section, lines in present.items() for text in lines}
    sizes = _sizes(wanted)
    for section, lines in wanted.items():
        if section and section not in heads:
            continue  # said once, where the line that heads the section is missing
        inner = {text: sizes[(*section, text)] for text in lines}
        one = _Compared(
            section, lines, present.get(section, ()), inner, frozenset(present), rules
        )  # fmt: skip
        yield from one.items(ordered=section in lists or rules.is_ordered(section))


def _sections(
    placed: Iterable[tuple[Section, str]], rules: CompareRules
) -> tuple[dict[Section, list[str]], set[Section]]:
    """Group lines by section; a list told line by line becomes a section of its own."""
    found: dict[Section, list[str]] = {}
    lists: set[Section] = set()
    for around, line in placed:
        section, text = tuple(_plain(head) for head in around), _plain(line)
        told = None if section else rules.list_of(text)
        if told is not None:
            section, text = (told[0],), _plain(told[1])
            if section not in lists:
                lists.add(section)
                found.setdefault((), []).append(told[0])
        found.setdefault(section, []).append(text)
    return found, lists


def _plain(text: str) -> str:
    return _SEQUENCE.sub(r"\1", " ".join(without_masks(text).split()))


def _sizes(sections: Mapping[Section, Sequence[str]]) -> Counter[Section]:
    """Count the lines below each section, at any depth."""
    sizes: Counter[Section] = Counter()
    for section, lines in sections.items():
        for depth in range(1, len(section) + 1):
            sizes[section[:depth]] += len(lines)
    return sizes


@dataclass(frozen=True, slots=True)
class _Compared:
    """One section on both sides; `inner` counts the lines below each of its own.

    `sections` are all those of the target.
    """

    name: Section
    wanted: Sequence[str]
    present: Sequence[str]
    inner: Mapping[str, int]
    sections: frozenset[Section]
    rules: CompareRules

    def items(self, *, ordered: bool) -> Iterator[ItemResult]:
        missing = Counter(self.wanted) - Counter(self.present)
        extra = Counter(self.present) - Counter(self.wanted)
        changed = {} if ordered else self._changed(missing, extra)
        left = missing.copy()
        for place, text in enumerate(self.wanted):
            if left[text]:
                left[text] -= 1
                yield self._missing(text, changed.get(text), place if ordered else None)
            else:
                yield self._item(text, "equal")
        for text in extra if self.name else ():
            if self.rules.is_default(text):
                yield self._item(text, "equal", DEFAULT_SHOWN)
            elif text not in changed.values():
                yield self._item(text, "extra")
        if ordered and (moved := self._moved(missing, extra)):
            yield ItemResult(" > ".join(self.name), "different", moved)

    def _item(self, text: str, result: str, detail: str = "") -> ItemResult:
        return ItemResult(" > ".join((*self.name, text)), result, detail)

    def _missing(self, text: str, other: str | None, place: int | None) -> ItemResult:
        if other is not None:
            return self._item(text, "different", f"there: {other}")
        if self.rules.is_default(text):
            return self._item(text, "equal", DEFAULT_HIDDEN)
        details = []
        if place is not None:
            details.append(f"entry {place + 1} of {len(self.wanted)}")
            details += [f"after {self.wanted[place - 1]!r}"] if place else []
        if lines := self.inner[text]:
            details.append(f"with its {lines} line{'s' if lines > 1 else ''}")
        return self._item(text, "missing", ", ".join(details))

    def _changed(self, missing: Iterable[str], extra: Iterable[str]) -> dict[str, str]:
        """Pair a missing line with the one that says the same thing with another value.

        A line that heads a section is not a value. At the top only long lines are compared, for
        `vlan 10` and `vlan 20` are two things.
        """
        rest = [text for text in missing if not self.inner[text]]
        others = [text for text in extra if (*self.name, text) not in self.sections]
        keys = (_all_but_last, _words, _subject) if self.name else (_several_words, _subject)
        found: dict[str, str] = {}
        for key in keys:
            wanted = Counter(key(text) for text in rest if text not in found)
            left = [text for text in others if text not in found.values()]
            present = Counter(map(key, left))
            by_key = {key(text): text for text in left}
            for text in rest:
                name = key(text)
                if text not in found and name and wanted[name] == present[name] == 1:
                    found[text] = by_key[name]
        return found

    def _moved(self, missing: Counter[str], extra: Counter[str]) -> str:
        wanted = [text for text in self.wanted if text not in missing]
        present = [text for text in self.present if text not in extra]
        for one, other in zip(wanted, present, strict=False):
            if one != other:
                return f"{ANOTHER_ORDER}: {one!r} is due where {other!r} stands"
        return ""


def _several_words(text: str) -> str:
    """Return all words but the last, where there are several: `ip route 10.0.0.0 255.0.0.0`."""
    words = text.rpartition(" ")[0]
    return words if " " in words else ""


def _all_but_last(text: str) -> str:
    return text.rpartition(" ")[0]


def _words(text: str) -> str:
    """Return the words before the first value: `ip address` of `ip address 10.0.0.1`."""
    words = text.split()
    count = next((n for n, word in enumerate(words) if re.search(r"[\d\"<]", word)), 0)
    return " ".join(words[:count])


def _subject(text: str) -> str:
    found = _SINGLE.match(text)
    return found.group(1) if found else ""
