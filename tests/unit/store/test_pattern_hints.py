"""Find secrets in the lines that can hold one, exactly as a search of the whole text does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exitkit.knowledge.network_platforms import all_platforms
from exitkit.store.pattern_hints import hint_of
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

CASES = Path(__file__).parents[2] / "cases" / "platforms"
PATTERNS = sorted(
    {*CREDENTIAL_PATTERNS, *(p for platform in all_platforms().values() for p in platform.secrets)}
)
PIECES = [
    "password ", "secret", "Token", "api_key", "=", ": ", "\n", "\n\n", " ", "x9Zz-w", "key ", "7 ",
    "key-string ", "snmp-server community ", "neighbor 10.0.0.1 ", "crypto isakmp ", "\r\n", "'",
    "AKIAABCDEFGHIJKLMNOP", "https://u:pw@h", "set ", "md5 ", "\u017fecret", "\u212aey",
]  # fmt: skip


def whole(text: str) -> str:
    redactor = Redactor((), b"k" * 32)
    for pattern in PATTERNS:
        text = re.sub(pattern, redactor._masked, text, flags=re.MULTILINE)
    return text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_what_is_masked_is_what_a_search_of_the_whole_text_masks(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert Redactor(PATTERNS, b"k" * 32).apply(text) == whole(text)


def test_every_recorded_configuration_is_masked_as_by_a_search_of_the_whole() -> None:
    recorded = [path.read_text(errors="replace") for path in CASES.rglob("*") if path.is_file()]
    text = "\n".join(recorded)[:2_000_000]
    assert len(recorded) > 50
    assert Redactor(PATTERNS, b"k" * 32).apply(text) == whole(text)


@pytest.mark.parametrize(
    ("pattern", "words", "lines"),
    [
        (r"^snmp-server community (?P<secret>\S+)", ("snmp-server community ",), 0),
        (r"(?i)(?:password|pwd)\s*=\s*(\S+)", ("assword", "wd"), 2),
        (r"^\s*(?:standby|vrrp) \S+ authentication (\S+)", (" authentication ",), 1),
    ],
)
def test_a_pattern_says_which_words_and_lines_it_needs(
    pattern: str, words: tuple[str, ...], lines: int
) -> None:
    hint = hint_of(pattern)
    assert hint is not None
    assert (hint.words, hint.lines) == (words, lines)


@pytest.mark.parametrize("pattern", [r"(BEGIN[\s\S]*?END)", r"\d+", r"a[^b]c", r"(?s)a.b", r"ab\Z"])
def test_a_pattern_that_may_match_anywhere_has_no_hint(pattern: str) -> None:
    assert hint_of(pattern) is None
