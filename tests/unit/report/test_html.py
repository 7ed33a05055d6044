"""Hold the page to what an enemy may write into names, and to opening without a network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from exitkit.report import html
from exitkit.report.amounts import period_words, size, size_words, span, span_words
from exitkit.report.parts import View
from exitkit.report.view import build_view
from exitkit.report.visible import visible


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


@pytest.fixture(scope="module")
def page(view: View) -> str:
    return html.render(view).decode()


@pytest.fixture(scope="module")
def tags(page: str) -> list[tuple[str, dict[str, str]]]:
    parser = Tags()
    parser.feed(page)
    return parser.tags


def test_no_name_becomes_a_tag(tags: list[tuple[str, dict[str, str]]], page: str) -> None:
    assert {"script", "img", "iframe", "object", "link", "form"}.isdisjoint(t for t, _ in tags)
    assert "&lt;script&gt;document.title" in page


def test_no_attribute_runs_or_fetches_anything(tags: list[tuple[str, dict[str, str]]]) -> None:
    for tag, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert "style" not in attributes
        assert not attributes.keys() & {"src", "srcset", "action", "formaction", "data", "poster"}
        if "href" in attributes:
            assert attributes["href"].startswith("#"), attributes


def test_a_name_that_turns_the_direction_around_shows_that_it_does(page: str) -> None:
    assert "\u202e" not in page
    assert "invoice⟨U+202E⟩gnp.exe" in page


def test_no_hidden_character_is_written(page: str) -> None:
    assert not re.findall("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08]", page)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain é 漢 ع", "plain é 漢 ع"),
        ("a\u2066b", "a⟨U+2066⟩b"),
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(name: str, shown: str) -> None:
    assert visible(name) == shown


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else(page: str) -> None:
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page.replace("&#39;", "'")
    assert "@import" not in style
    assert "url(" not in style


def test_the_order_is_answer_time_gaps_rehearsal_rules_coverage(page: str) -> None:
    places = [page.index(f'<section id="{name}"') for name in (
        "answer", "duration", "gaps", "rehearsal", "rules", "coverage", "access", "licenses",
        "scripts", "inventory", "identity", "appendix",
    )]  # fmt: skip
    assert places == sorted(places)


def test_each_milestone_shows_its_journal_lines(page: str) -> None:
    for line in (6, 9, 13):
        assert f'href="#event-{line}"' in page
        assert f'<tr id="event-{line}"' in page


def test_a_rule_says_in_words_how_well_its_source_was_read(page: str) -> None:
    assert "read in the text itself" in page
    assert "from knowledge, to be re-read before relying on it" in page


def test_a_bundle_alone_says_not_rehearsed(sample: dict[str, Any]) -> None:
    page = html.render(build_view(sample["inputs"](False))).decode()
    assert "Not rehearsed" in page
    assert 'id="event-' not in page


def test_unknown_is_written_as_unknown_and_never_as_zero(sample: dict[str, Any]) -> None:
    page = html.render(build_view(sample["inputs"](False))).decode()
    duration = page[page.index('<section id="duration"') : page.index('<section id="readings"')]
    assert '<p class="big unknown">unknown</p>' in duration


def test_equal_views_make_equal_bytes(view: View) -> None:
    assert html.render(view) == html.render(view)


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, ("0", "milliseconds")),
        (999, ("999", "milliseconds")),
        (1830, ("1.8", "seconds")),
        (3_600_000, ("1", "hours")),
        (208_000_000, ("2.4", "days")),
        (86_400_000 * 41, ("41", "days")),
    ],
)
def test_a_duration_is_said_in_the_largest_unit_that_fits(
    milliseconds: int, said: tuple[str, str]
) -> None:
    assert span(milliseconds) == said


@pytest.mark.parametrize(
    ("milliseconds", "english", "french"),
    [
        (45_400, "45 seconds", "45\N{NO-BREAK SPACE}secondes"),
        (1830, "1.8 seconds", "1,8\N{NO-BREAK SPACE}seconde"),
    ],
)
def test_a_duration_is_said_alike_wherever_it_is_said(
    milliseconds: int, english: str, french: str
) -> None:
    assert span_words(milliseconds, "en") == english
    assert span_words(milliseconds, "fr") == french


def test_a_size_is_said_in_the_largest_unit_that_fits() -> None:
    assert size(734_003_200_000) == ("684", "GiB")
    assert size(12) == ("12", "B")


@pytest.mark.parametrize(
    ("period", "english", "french"),
    [
        ("P30D", "30 days", "30\N{NO-BREAK SPACE}jours"),
        ("P1M", "1 month", "1\N{NO-BREAK SPACE}mois"),
        ("P14WD", "14 working days", "14\N{NO-BREAK SPACE}jours ouvrés"),
        ("PT4H", "4 hours", "4\N{NO-BREAK SPACE}heures"),
        ("-P21D", "-P21D", "-P21D"),
        ("soon", "soon", "soon"),
    ],
)
def test_a_period_of_the_contract_is_said_in_words(period: str, english: str, french: str) -> None:
    assert (period_words(period, "en"), period_words(period, "fr")) == (english, french)


def test_a_size_has_the_unit_of_its_language() -> None:
    assert size_words(734_003_200_000, "en") == "684 GiB"
    assert size_words(2_900, "fr") == "2,8\N{NO-BREAK SPACE}Kio"
