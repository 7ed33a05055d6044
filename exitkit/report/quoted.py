"""Say in the reader's language what a record or a journal says in English, as far as it is ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.knowledge.required_documents import document_types
from exitkit.report.language import Speech, colon, is_one, kept_together, semicolon
from exitkit.report.visible import visible

RECORDED = "en"
"""The language that records and journals are written in."""
LONGEST = 2000
"""Nothing of ours is longer; what is longer stays as it is."""
DEEPEST = 6
"""Nothing of ours has more sentences within sentences; who writes more is not us."""
_BLANK = re.compile(r"\{(\w+)\}")
_WORDS = frozenset({"path", "fact", "step"})
_NUMBERS = frozenset({"share", "asked"})
Said = str | list[str]


def quote(text: str, language: str) -> Markup:
    """Return what a record says for a page: in its language, or marked as the English it is."""
    said = in_language(text, language)
    if language == RECORDED or said is not None or " " not in text:
        return escape(visible(said or text))
    return Markup('<span lang="{}">{}</span>').format(RECORDED, visible(text))


def plain(text: str, language: str) -> str:
    """Return what a record says for plain text: in the reader's language where it is ours."""
    return in_language(text, language) or text


@dataclass(frozen=True, slots=True)
class _Template:
    """An English sentence with blanks in it, and the same in another language."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    said: Said

    def values_in(self, text: str) -> dict[str, str] | None:
        """Return what the blanks hold, each as short as can be; None where the text is another."""
        first, *others = self.literals
        if not text.startswith(first) or not text.endswith(others[-1]):
            return None
        values, at = {}, len(first)
        for left, name, literal in zip(
            reversed(range(len(others))), self.names, others, strict=True
        ):
            end = text.find(literal, at + 1) if left else len(text) - len(literal)
            if end <= at or not _fits(name, text[at:end]):
                return None
            values[name], at = text[at:end], end + len(literal)
        return values


def _fits(name: str, value: str) -> bool:
    if name == "n":
        return value.isdecimal()
    return name not in _WORDS or " " not in value


@cache
def tables(language: str) -> Mapping[str, Said]:
    """Return every sentence that is known in a language, by its English."""
    found: dict[str, Said] = {}
    for entry in sorted((files("exitkit.report") / "words" / "quoted").iterdir(), key=str):
        words = read_own_yaml(entry.read_text(encoding="utf-8"))
        found |= words.get(language, {})
    if found:
        found |= {one.title[RECORDED]: one.title[language] for one in document_types()}
    return {english: kept_together(said) for english, said in found.items()}


@cache
def _templates(language: str) -> tuple[_Template, ...]:
    """Return the sentences with blanks, those that say most by themselves first."""
    found = [
        _template(text, said) for text, said in tables(language).items() if _BLANK.search(text)
    ]
    return tuple(sorted(found, key=lambda one: -sum(map(len, one.literals))))


def _template(text: str, said: Said) -> _Template:
    parts = _BLANK.split(text)
    return _Template(tuple(parts[::2]), tuple(parts[1::2]), said)


@cache
def in_language(text: str, language: str, deepest: int = DEEPEST) -> str | None:
    """Return a sentence of ours in another language; None where it is not, or not wholly, ours.

    `deepest` is how often a part of it is looked at in its turn.
    """
    if not text or len(text) > LONGEST or not tables(language):
        return None
    known = tables(language).get(text)
    if known is not None:
        return known if isinstance(known, str) else known[0]
    return next(_filled_in(text, language, deepest), None) or _in_parts(text, language, deepest)


def _filled_in(text: str, language: str, deepest: int) -> Iterator[str]:
    for template in _templates(language):
        values = template.values_in(text)
        filled = values and _carried_over(values, language, deepest)
        if filled:
            said = template.said
            if isinstance(said, list):
                said = said[not is_one(int(filled["n"]), language)]
            yield said.format_map(filled)


def _carried_over(values: Mapping[str, str], language: str, deepest: int) -> dict[str, str] | None:
    filled = dict(values)
    for name, value in values.items():
        if name in _NUMBERS:
            carried: str | None = Speech(language).decimal(value)
        elif name == "notes":
            carried = _each(value.split("; "), language, deepest)
        elif name in ("said", "why", "who"):
            carried = _part(value, language, deepest) or (None if name == "said" else value)
        else:
            continue
        if carried is None:
            return None
        filled[name] = carried
    return filled


def _in_parts(text: str, language: str, deepest: int) -> str | None:
    """Read several sentences in a row, or one with the name of what it speaks of before it."""
    if "; " in text:
        whole = _each(text.split("; "), language, deepest)
        if whole is not None:
            return whole
    about, sign, rest = text.partition(": ")
    said = _part(rest, language, deepest) if sign else None
    return None if said is None else f"{about}{colon(language)}{said}"


def _each(sentences: list[str], language: str, deepest: int) -> str | None:
    said = [_part(one, language, deepest) for one in sentences]
    return None if None in said else semicolon(language).join(map(str, said))


def _part(text: str, language: str, deepest: int) -> str | None:
    return in_language(text, language, deepest - 1) if deepest else None
