"""Say the report in its reader's language: the words of codes, and the sentences of templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.report.visible import visible

NO_BREAK = "\N{NO-BREAK SPACE}"
_BEFORE_TALL = re.compile(r"(?:(?<=\S)|^) (?=[?!;:»](?:\s|$))|(?<=«) ")

LANGUAGES = ("en", "fr")
"""The languages that reports, letters and minutes are written in; the first is the default."""


@cache
def load_words(name: str) -> Mapping[str, Any]:
    """Return one table of `words/`, by language."""
    text = (files("exitkit.report") / "words" / f"{name}.yaml").read_text(encoding="utf-8")
    words: dict[str, Any] = read_own_yaml(text)
    return {**words, "fr": kept_together(words["fr"])} if "fr" in words else words


def kept_together(value: Any) -> Any:
    """Let no line begin with a French `?` or `:`; both have a blank before them."""
    if isinstance(value, Mapping):
        return {key: kept_together(one) for key, one in value.items()}
    if isinstance(value, list):
        return [kept_together(one) for one in value]
    return _BEFORE_TALL.sub(NO_BREAK, value) if isinstance(value, str) else value


def colon(language: str) -> str:
    """Return what stands between a name and what is said of it."""
    return f"{NO_BREAK}: " if language == "fr" else ": "


def semicolon(language: str) -> str:
    """Return what stands between two sentences in a row."""
    return f"{NO_BREAK}; " if language == "fr" else "; "


def title_in(titles: Mapping[str, str], language: str) -> str:
    """Return a title of the plan in a language, else in the one it has."""
    return titles.get(language) or titles.get(LANGUAGES[0]) or next(iter(titles.values()), "")


def is_one(number: float, language: str) -> bool:
    """Tell whether a number takes the singular: `1,8 jour` in French, `1.8 days` in English."""
    return abs(number) < 2 if language == "fr" else abs(number) == 1


@dataclass(frozen=True, slots=True)
class Speech:
    """What templates and tellers need to speak one language."""

    language: str

    @property
    def words(self) -> Mapping[str, Any]:
        """The words of every code."""
        found: Mapping[str, Any] = load_words("report")[self.language]
        return found

    def say(self, sentence: str, **values: Any) -> Markup:
        """Return a sentence of ours, markup and all; what is filled in is data and stays text."""
        sentences = load_words("report_sentences").get(self.language, {})
        said = Markup(sentences.get(sentence, sentence))  # noqa: S704 - our own words, no data
        return said.format(**{name: visible(value) for name, value in values.items()})

    def tell(self, sentence: str, **values: Any) -> str:
        """Return a sentence of a command for a terminal; what is filled in is data."""
        said: str = load_words("command_sentences").get(self.language, {}).get(sentence, sentence)
        return said.format(**values)

    def headings(self, *names: str) -> list[str]:
        """Return the headings of a table for a terminal."""
        return [self.tell(name) for name in names]

    def tell_many(self, n: int, one: str, many: str, **values: Any) -> str:
        """Return the sentence of a command for one or for many, with `{n}` filled in."""
        return self.tell(many if self.is_many(n) else one, n=n, **values)

    def coded(self, table: str, code: str) -> str:
        """Return the short word of a code; English keeps the codes that records hold."""
        if self.language == LANGUAGES[0]:
            return code
        word = self.words.get(table, {}).get(code, code)
        return str(word if isinstance(word, str) else word[0])

    def count(self, n: int, one: str, many: str) -> Markup:
        """Return the sentence for one or for many, with `{n}` filled in."""
        return self.say(many if self.is_many(n) else one, n=n)

    def is_many(self, number: int | str) -> bool:
        """Tell whether a number, perhaps with one decimal, takes the plural."""
        plain = str(number).replace("\N{NARROW NO-BREAK SPACE}", "")
        return not is_one(float(plain), self.language)

    def category(self, code: str) -> str:
        """Return what a category is called; one without a word keeps its code."""
        return str(self.words["CATEGORIES"].get(code, code))

    def principal(self, code: str) -> str:
        """Return what a type of principal is called; one without a word keeps its code."""
        return str(self.words["PRINCIPALS"].get(code, code))

    def metric(self, metric: str, n: int | str) -> str:
        """Return what a license is counted by, for one or for many; unknown ones stay."""
        forms = self.words["METRICS"].get(metric)
        return str(forms[self.is_many(n)]) if forms else metric

    def kind(self, code: str) -> str:
        """Return what a kind of asset is called; one without a word keeps its code."""
        return str(load_words("kinds")[self.language].get(code, code))

    def decimal(self, number: int | str) -> str:
        """Write a number, perhaps of hundredths, with the decimal sign of the language."""
        return str(number).replace(".", self.words["DECIMAL"]).replace(" %", f"{self.gap}%")

    @property
    def gap(self) -> str:
        """What stands between a number and its unit."""
        return NO_BREAK if self.language == "fr" else " "

    def amount(self, number: int | str, unit: str) -> str:
        """Write a number with its unit: `1.8 days`, `1,8 jour`."""
        form = self.words["UNITS"][unit][self.is_many(number)]
        return f"{self.decimal(number)}{self.gap}{form}"
