"""Check that the request to the provider says what was found, and shows what nobody filled in."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser
from string import Formatter
from typing import Any

import pytest

from exitkit.assess.impact import IMPACT_LEVELS
from exitkit.knowledge.rulebook import MARKS, load_rules
from exitkit.model.verdict import Aspect
from exitkit.report.language import LANGUAGES
from exitkit.report.letter import (
    LONGEST_ANNEX,
    Basis,
    ContractDate,
    LetterInputs,
    Line,
    Request,
    html,
    letter_words,
    markdown,
)

HOSTILE = 'x | y <script>alert(1)</script> [a](javascript:b) `c`\n# d "e"'


def line(number: int, **more: Any) -> Line:
    told = {
        "what": f"AWS::KMS::Key key-{number}", "where": "account eu-west-1", "aspect": "data",
        "level": "none", "finding": "It stays.", "source": "kms: read (read)",
        "confidence": "medium",
    }  # fmt: skip
    return Line(number, **{**told, **more})


def request(*lines: Line) -> Request:
    first = lines[0]
    return Request(
        first.aspect, first.level, first.finding, ("AWS::KMS::Key",), len(lines), tuple(lines)
    )


PLAIN = LetterInputs(
    today=dt.date(2026, 11, 25),
    bundle="urn:b",
    series="acme",
    sequence=7,
    sealed_at="2026-11-24T09:30:00Z",
    requests=(request(line(1), line(2)), request(line(3, aspect="credentials"))),
    dates=(ContractDate("end", None, "dates.end"),),
)


class Text(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, _: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: bytes) -> Text:
    parser = Text()
    parser.feed(page.decode())
    return parser


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_forms_name_every_line_of_the_annex_and_every_request(language: str) -> None:
    words = letter_words()[language]
    text = read(html(PLAIN, language)).text
    for said in (text, markdown(PLAIN, language).decode()):
        assert [said.count(f"key-{number}") for number in (1, 2, 3)] == [1, 1, 1]
        assert words["asks"]["none"] in said
        assert words["asks_by_aspect"]["credentials"] in said
        assert words["annexed"].format(first=1, last=2) in said
        assert words["annexed_one"].format(first=3) in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_nobody_filled_in_is_a_blank_to_be_seen(language: str) -> None:
    words = letter_words()[language]
    text = read(html(PLAIN, language)).text
    for blank in ("no_name", "your_address", "their_address", "no_clause", "no_answer_by"):
        assert words[blank] in text
        assert re.fullmatch(r"\[.+\]", words[blank])
    assert words["no_date"].format(field="dates.end") in text
    assert words["no_legal"] in text


def test_what_is_known_replaces_its_blank() -> None:
    known = replace(
        PLAIN, contract_id="C-1", contract_title="Hosting", customer="Buyer", provider="Seller",
        attention="Exit desk", clause="MSA 14.2",
        answer_by=dt.date(2026, 12, 31), dates=(ContractDate("end", dt.date(2028, 1, 31)),),
        bases=(Basis("EK-DATA-007", "Art. 25(2)(e)", "S"),),
    )  # fmt: skip
    text = read(html(known, "en")).text
    for said in ("Buyer", "Seller", "Exit desk", "MSA 14.2", "2026-12-31", "2028-01-31"):
        assert said in text
    words = letter_words()["en"]
    assert f"Art. 25(2)(e): {words['subjects']['EK-DATA-007']}" in text
    assert f"Art. 25(2)(e): {words['marks']['S']}." in text
    blanks = set(re.findall(r"\[[^\]]+\]", text))
    assert blanks == {words["your_address"], words["their_address"], words["signature"]}


def test_a_name_from_outside_forms_no_mark_of_html_or_markdown() -> None:
    hostile = replace(PLAIN, requests=(request(line(1, what=HOSTILE, finding=HOSTILE)),))
    page = read(html(hostile, "en"))
    assert "script" not in page.tags
    assert "a" not in page.tags
    text = markdown(replace(hostile, customer=HOSTILE, provider=HOSTILE), "en").decode()
    plain = read(html(PLAIN, "en"))
    assert page.tags == plain.tags
    rows = [row for row in text.splitlines() if row.startswith("| 1 ")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [8]
    assert not re.findall(r"(?<!\\)[<`]", text)
    assert not re.findall(r"(?<!\\)\](?=\()", text)
    assert "\n# d" not in text


def test_a_long_annex_is_cut_and_says_so() -> None:
    many = replace(PLAIN, requests=(request(*map(line, range(1, LONGEST_ANNEX + 4))),))
    text = read(html(many, "en")).text
    assert letter_words()["en"]["lost"].format(n=3) in text
    assert f"key-{LONGEST_ANNEX + 1}" not in text


def test_a_french_letter_says_findings_and_provisions_in_french() -> None:
    told = {"finding": "Private keys are never read.", "source": "k: a guide (read)"}
    base = Basis("EK-DATA-007", "Reg. (EU) 2023/2854 Art. 25(2)(e)", "S")
    inputs = replace(PLAIN, requests=(request(line(1, **told)),), bases=(base,))
    for page in (read(html(inputs, "fr")).text, markdown(inputs, "fr").decode()):
        text = page.replace("\\", "")
        assert text.count("Les clés privées ne sont jamais lues.") == 2
        assert "k\N{NO-BREAK SPACE}: a guide (lu)" in text
        assert "Règl. (UE) 2023/2854, art. 25(2)(e)\N{NO-BREAK SPACE}: spécification" in text
        assert "Private keys" not in text


def test_the_sender_is_told_how_sure_the_findings_are() -> None:
    text = read(html(PLAIN, "en")).text
    assert "Confidence that is not high: 3 lines medium." in text


def blanks_of(words: Any) -> Any:
    """Return the same tree with only the names of the blanks in each sentence."""
    if isinstance(words, dict):
        return {key: blanks_of(value) for key, value in words.items()}
    if isinstance(words, list):
        return [blanks_of(value) for value in words]
    return sorted({name for _, name, _, _ in Formatter().parse(words) if name})


def test_all_languages_say_the_same_things_with_the_same_blanks() -> None:
    shapes = [blanks_of(letter_words()[language]) for language in LANGUAGES]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_everything_a_gap_can_be(language: str) -> None:
    words = letter_words()[language]
    assert words["aspect"].keys() == {aspect.value for aspect in Aspect}
    assert words["levels"].keys() == words["asks"].keys() == {str(one) for one in IMPACT_LEVELS}
    assert words["marks"].keys() == MARKS.keys()
    assert words["subjects"].keys() == set(letter_words()["bases"])


def test_every_provision_that_may_be_cited_is_a_rule_we_hold() -> None:
    assert set(letter_words()["bases"]) <= {rule.id for rule in load_rules()}
