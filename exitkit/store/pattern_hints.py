"""Find where a pattern could match at all, so that a long text is not searched for every secret."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MOST_HITS = 500
"""More hits than this, and the whole text is searched at once."""
MARKS = frozenset("=:")
"""What stands between the name of a credential and its value; a single one is found fastest."""
FEW_MARKS = 100
ODD_LETTERS = frozenset("\u017f\u212a\u0130\u0131")
"""Letters that match an ASCII letter where case is ignored, and do not lower to it."""
# The parser of `re` itself: nothing else says for certain what a pattern needs.
_parser: Any = importlib.import_module("re._parser")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


@dataclass(frozen=True, slots=True)
class Hint:
    """Each match holds one of `words` and ends within `lines` written lines around its line.

    It also holds one of `rarer`, which are sought instead where `marks` are few in a text.
    """

    words: tuple[str, ...]
    lines: int
    ignores_case: bool
    marks: tuple[str, ...] = ()
    rarer: tuple[str, ...] = ()

    def spans(self, text: str) -> list[tuple[int, int]] | None:
        """Return the whole lines that any match lies in, apart from each other; None for all."""
        searched = text
        if self.ignores_case:
            searched = text.lower()
            # Plain ASCII is told at once, and is what nearly all device texts are.
            if not text.isascii() and (
                len(searched) != len(text) or not ODD_LETTERS.isdisjoint(text)
            ):
                return None
        found: list[tuple[int, int]] = []
        are_few = self.marks and sum(map(text.count, self.marks)) <= FEW_MARKS
        for word in self.rarer if are_few else self.words:
            for start, end in lines_with(word, searched):
                found.append((_back(text, start, self.lines), _ahead(text, end, self.lines)))
                if len(found) > MOST_HITS:
                    return None
        return _merged(sorted(found))


@cache
def hint_of(pattern: str) -> Hint | None:
    """Return what a match of `pattern` needs with `re.MULTILINE`, None where that is not known."""
    try:
        parsed = _parser.parse(pattern, re.MULTILINE)
        flags = parsed.state.flags
        walk = _Walk()
        lines = walk.lines(parsed)
        words = walk.words(parsed)
        marks = tuple(sorted(walk.marks(parsed)))
    except (AttributeError, _Unknown):
        return None
    if not words or flags & re.DOTALL or flags & re.VERBOSE:
        return None
    ignores_case = bool(flags & re.IGNORECASE)
    lowered = {word.lower() for word in words} if ignores_case else words
    return Hint(tuple(sorted(lowered)), lines, ignores_case, marks, marks)


@cache
def runs_of(patterns: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], Hint | None], ...]:
    """Return the patterns in order, neighbors together that one hint finds the lines of."""
    runs: list[tuple[tuple[str, ...], Hint | None]] = []
    for hinted, group in itertools.groupby(patterns, key=lambda p: hint_of(p) is not None):
        run = tuple(group)
        runs.append((run, _joint_hint(run) if hinted else None))
    return tuple(runs)


def _joint_hint(patterns: Sequence[str]) -> Hint:
    hints = [hint for hint in map(hint_of, patterns) if hint is not None]
    ignores_case = any(hint.ignores_case for hint in hints)
    lines = max(hint.lines for hint in hints)
    words = _least(ignores_case, (hint.words for hint in hints))
    marks = tuple(sorted({mark for hint in hints for mark in hint.marks}))
    rarer = _least(ignores_case, (hint.marks or hint.words for hint in hints))
    return Hint(words, lines, ignores_case, marks, rarer)


def _least(ignores_case: bool, sets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the words of all sets without those that hold another: where it is, that one is."""
    words = {word.lower() if ignores_case else word for words in sets for word in words}
    return tuple(sorted(w for w in words if not any(v != w and v in w for v in words)))


def is_found(pattern: re.Pattern[str], text: str) -> bool:
    """Tell whether a pattern with `re.MULTILINE` is found, looking where it could be alone."""
    hint = hint_of(pattern.pattern)
    spans = None if hint is None else hint.spans(text)
    if spans is None:
        return bool(pattern.search(text))
    return any(pattern.search(text[start:end]) for start, end in spans)


class _Unknown(Exception):
    """A match may go further than whole lines tell."""


@dataclass
class _Walk:
    """One walk over a parsed pattern."""

    groups: dict[int, int] = field(default_factory=dict)

    def lines(self, items: Any) -> int:
        """Return how many line ends a match may cross, blank lines aside."""
        return sum(self._lines_of(str(op), av) for op, av in items)

    def _lines_of(self, op: str, av: Any) -> int:
        if op == "LITERAL":
            return int(av == ord("\n"))
        if op == "ANY":
            return 0
        if op == "IN":
            return _lines_of_set(av)
        if op == "SUBPATTERN":
            group, add, remove, inner = av
            if add or remove:
                raise _Unknown
            self.groups[group or 0] = found = self.lines(inner)
            return found
        if op == "BRANCH":
            return max(self.lines(branch) for branch in av[1])
        if op in _REPEATS:
            return self._lines_of_repeat(av)
        if op in ("ASSERT", "ASSERT_NOT"):
            return self.lines(av[1])
        if op == "GROUPREF" and self.groups.get(av) == 0:
            return 0
        if op == "AT" and not str(av).endswith("_STRING"):
            return 0
        raise _Unknown

    def _lines_of_repeat(self, av: Any) -> int:
        _, most, inner = av
        found = self.lines(inner)
        # A run of white space crosses blank lines and ends in the next written one.
        is_run = len(inner) == 1 and str(inner[0][0]) == "IN"
        if found and not is_run and most > 1:
            raise _Unknown
        return found

    def words(self, items: Any) -> set[str]:
        """Return words of which each match holds one, the most telling ones; empty for none."""
        found: list[set[str]] = []
        run = ""
        for op, av in items:
            if str(op) == "LITERAL":
                run += chr(av)
                continue
            found += [{run}] if run else []
            run = ""
            found.append(self._words_of(str(op), av))
        found += [{run}] if run else []
        return max(found, key=lambda words: min(map(len, words), default=0), default=set())

    def marks(self, items: Any) -> set[str]:
        """Return MARKS of which each match holds one; empty for none."""
        for op, av in items:
            found = self._marks_of(str(op), av)
            if found:
                return found
        return set()

    def _marks_of(self, op: str, av: Any) -> set[str]:
        if op == "LITERAL":
            return {chr(av)} & MARKS
        if op == "IN":
            letters = {chr(value) if str(kind) == "LITERAL" else "" for kind, value in av}
            return letters if letters <= MARKS else set()
        if op == "SUBPATTERN":
            return self.marks(av[3])
        if op in _REPEATS and av[0] >= 1:
            return self.marks(av[2])
        if op == "BRANCH":
            branches = [self.marks(branch) for branch in av[1]]
            return set().union(*branches) if all(branches) else set()
        return set()

    def _words_of(self, op: str, av: Any) -> set[str]:
        if op == "SUBPATTERN":
            return self.words(av[3])
        if op in _REPEATS and av[0] >= 1:
            return self.words(av[2])
        if op == "BRANCH":
            branches = [self.words(branch) for branch in av[1]]
            return set().union(*branches) if all(branches) else set()
        return set()


def _lines_of_set(items: Sequence[tuple[Any, Any]]) -> int:
    """Return 0 for a set without a line end, 1 for white space; others are not followed."""
    texts = [(str(op), av) for op, av in items]
    if texts == [("CATEGORY", _parser.CATEGORY_SPACE)]:
        return 1
    negated = texts[0][0] == "NEGATE"
    holds = any(_holds_line_end(op, av) for op, av in texts if op != "NEGATE")
    if holds != negated:
        raise _Unknown
    return 0


def _holds_line_end(op: str, av: Any) -> bool:
    if op == "LITERAL":
        return bool(av == ord("\n"))
    if op == "RANGE":
        return bool(av[0] <= ord("\n") <= av[1])
    return str(av) in ("CATEGORY_SPACE", "CATEGORY_NOT_DIGIT", "CATEGORY_NOT_WORD")


def lines_with(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where each line begins and ends that holds `word`, without its line end."""
    at = text.find(word)
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at + len(word))
        end = len(text) if end < 0 else end
        yield start, end
        at = text.find(word, end)


def _back(text: str, start: int, lines: int) -> int:
    while lines and start:
        before = text.rfind("\n", 0, start - 1) + 1
        lines -= bool(text[before:start].strip())
        start = before
    return start


def _ahead(text: str, end: int, lines: int) -> int:
    while lines and end < len(text):
        after = text.find("\n", end + 1)
        after = len(text) if after < 0 else after
        lines -= bool(text[end:after].strip())
        end = after
    return end


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
