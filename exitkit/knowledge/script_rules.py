"""Hold what ties a script to where it runs now, as rules over what stands in its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

PORTABLE, ADAPT, REWRITE, UNKNOWN = "portable", "adapt", "rewrite", "unknown"
CREDENTIAL, UNREADABLE, NO_PARSER = "credential-in-clear", "unreadable-syntax", "no-parser"
STATE_VALUES = "state-values"
PLACES = frozenset(
    {"call", "import", "dependency", "block", "key", "member", "interpreter", "text", "comment"}
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a script: what it is in the syntax tree, its text, and where it starts.

    `place` is `call` (a command or a function with its arguments), `import`, `dependency` (an
    import that the language does not bring along), `block` (a declaration with its labels), `key`
    and `member` (of a YAML or JSON document: its path, its path and value), `interpreter`,
    `text` (what a line holds outside comments) or `comment` (comments and docstrings).
    """

    language: str
    place: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """Where a rule looks: kinds of fragments, in some languages (all where empty)."""

    places: frozenset[str]
    languages: frozenset[str]
    pattern: re.Pattern[str]

    def holds(self, fragment: Fragment) -> bool:
        """Tell whether the fragment is what the rule is about."""
        if fragment.place not in self.places:
            return False
        if self.languages and fragment.language not in self.languages:
            return False
        return self.pattern.search(fragment.text) is not None


@dataclass(frozen=True, slots=True)
class ScriptRule:
    """`portability` is what a line needs where the rule holds; `portable` is a mere note."""

    id: str
    portability: str
    title: str
    remedy: str
    matches: tuple[Match, ...]


@cache
def script_rules() -> Mapping[str, ScriptRule]:
    """Return every rule by its id, in the order of the file."""
    return {row["id"]: _rule(row) for row in _document()["rules"]}


@cache
def matches_in(place: str, language: str) -> tuple[tuple[str, Match], ...]:
    """Return the matches that can hold for fragments of a place and language, with rule ids."""
    return tuple(
        (rule.id, match)
        for rule in script_rules().values()
        for match in rule.matches
        if place in match.places and (not match.languages or language in match.languages)
    )


@cache
def credential_patterns() -> tuple[str, ...]:
    """Return what credentials look like in scripts, beside the patterns for any text."""
    return tuple(_document()["credentials"])


def _rule(row: Mapping[str, Any]) -> ScriptRule:
    matches = tuple(
        Match(
            frozenset(match["in"]),
            frozenset(match.get("languages", ())),
            re.compile(match["pattern"]),
        )
        for match in row.get("match", ())
    )
    return ScriptRule(row["id"], row["portability"], row["title"], row["remedy"], matches)


@cache
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "script_rules.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = read_own_yaml(text)
    return document
