"""Hold the report to saying everything of its own in every language, and to saying it safely."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

import exitkit
from exitkit.assess.document_stock import STATES
from exitkit.assess.extrapolation import DATA_NOT_HELD, OTHER_DATA
from exitkit.assess.impact import IMPACT_ORDER
from exitkit.assess.joint_inventory import Standing
from exitkit.assess.network_access import NETWORK_PATH
from exitkit.assess.scores import FORMULA
from exitkit.cli.verify import WORDS
from exitkit.knowledge.kinds import all_kinds
from exitkit.knowledge.network_platforms import all_platforms
from exitkit.report import html, json_report
from exitkit.report.inputs import ReportInputs
from exitkit.report.language import LANGUAGES, NO_BREAK, Speech, load_words
from exitkit.report.parts import View
from exitkit.report.view import build_view

TABLES = (
    "report", "estimate", "papers", "diff", "joint_inventory", "lists", "letter", "minutes",
    "kinds",
)  # fmt: skip
SAYS = {"_", "_n", "counted"}
TELLS = {"tell", "tell_many", "headings"}
OWN_LETTERS = re.compile(r"[A-Za-z]{2,}")


@pytest.fixture(scope="module")
def french(rehearsed: ReportInputs) -> View:
    return build_view(rehearsed, "fr")


def test_every_sentence_of_the_templates_has_its_french_and_no_other_is_kept() -> None:
    said = {sentence for tree in trees() for sentence in sentences(tree)}
    assert set(load_words("report_sentences")["fr"]) == said | {IMPACT_ORDER, FORMULA}


def test_no_template_says_anything_past_the_tables() -> None:
    unsaid = [text for tree in trees() for text in bare_words(tree)]
    assert set(unsaid) <= {"SHA", "UTC", "id"}, unsaid


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_the_same_keys_and_forms_in_every_language(table: str) -> None:
    shapes = [shape(load_words(table)[language]) for language in LANGUAGES]
    assert shapes[0] == shapes[1]


def test_every_sentence_keeps_its_blanks_and_its_markup() -> None:
    for english, french in load_words("report_sentences")["fr"].items():
        assert marks(english) == marks(french), english


def test_a_french_report_says_that_what_it_quotes_keeps_its_language(french: View) -> None:
    page = html.render(french).decode()
    assert '<html lang="fr">' in page
    assert load_words("report")["fr"]["QUOTED"].split("<")[0][:40] in page.replace("&#39;", "'")
    assert "Pouvons-nous partir" in page
    assert "Can we leave" not in page


def test_what_is_quoted_in_a_french_report_is_marked_as_english(french: View) -> None:
    page = html.render(french).decode()
    (group, *_) = [group for party in french.gaps for group in party.groups if group.text]
    assert f'<span lang="en">{group.text.split(chr(39))[0]}' in page


def test_both_languages_show_the_same_numbers(view: View, french: View) -> None:
    pages = [html.render(one).decode() for one in (view, french)]
    numbers = [re.findall(r'data-number="([^"]*)"', page) for page in pages]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) > 50


def test_the_json_report_names_its_language(french: View) -> None:
    assert b'"language":"fr"' in json_report.render(french)


@pytest.mark.parametrize(
    ("language", "number", "many"),
    [("en", 0, True), ("en", 1, False), ("en", "1.8", True), ("fr", 0, False), ("fr", "1.8", False),
     ("fr", 2, True), ("fr", "1\N{NARROW NO-BREAK SPACE}200", True)],
)  # fmt: skip
def test_each_language_has_its_own_plural(language: str, number: int | str, many: bool) -> None:
    assert Speech(language).is_many(number) is many


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_stays_text_and_shows_what_is_hidden(language: str) -> None:
    said = Speech(language).say("by {who}", who="<script>\u202e{who}")
    assert "&lt;script&gt;⟨U+202E⟩{who}" in said


def test_a_decimal_is_written_with_a_comma_in_french() -> None:
    assert (Speech("fr").decimal("2.4"), Speech("en").decimal("2.4")) == ("2,4", "2.4")


def test_every_sentence_of_the_commands_has_its_french_and_no_other_is_kept() -> None:
    codes = {*(one.value for one in Standing), *STATES, *WORDS.values()}
    codes |= {"digest", "path", "name", "nothing"}
    assert set(load_words("command_sentences")["fr"]) == codes | set(told())


def test_every_sentence_of_the_commands_keeps_its_blanks() -> None:
    for english, french in load_words("command_sentences")["fr"].items():
        assert marks(english) == marks(french), english


def told() -> Iterator[str]:
    """Yield what commands tell: texts in a call, or the local name of one."""
    root = Path(exitkit.__file__).parent
    for path in sorted([*root.glob("cli/*.py"), *root.glob("report/*.py")]):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            named = {
                (name.id, node.lineno): node.value.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for name in node.targets if isinstance(name, ast.Name)
            }  # fmt: skip
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in TELLS:
                    yield from texts_of(call, named)


def texts_of(call: ast.Call, named: dict[tuple[str, int], Any]) -> Iterator[str]:
    for one in call.args:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
        elif isinstance(one, ast.Name):
            lines = [line for name, line in named if name == one.id and line <= call.lineno]
            yield from [named[one.id, max(lines)]] if lines else []


def trees() -> Iterator[nodes.Template]:
    """Yield the templates of the report; letters and minutes have tables of their own."""
    others = {"letter.html", "minutes.html", "joint_inventory.html"}
    for path in (files("exitkit.report") / "templates").iterdir():
        if path.name.endswith(".html") and path.name not in others:
            yield Environment().parse(path.read_text(encoding="utf-8"))


def sentences(tree: nodes.Template) -> Iterator[str]:
    for call in tree.find_all(nodes.Call):
        name = getattr(call.node, "name", None) or getattr(call.node, "attr", None)
        if name in SAYS:
            for argument in call.args:
                if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
                    yield argument.value


def bare_words(tree: nodes.Template) -> Iterator[str]:
    """Yield the words that stand in a template as text: outside tags, commands and expressions."""
    text = "\0".join(part.data for part in tree.find_all(nodes.TemplateData))
    text = re.sub(r"<(code|pre)>.*?</\1>|<[^<>]*>", " ", text, flags=re.DOTALL)
    yield from OWN_LETTERS.findall(text)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [sorted(blanks(one)) for one in value]
    return sorted(blanks(str(value)))


def blanks(text: Any) -> set[str]:
    return set(re.findall(r"\{\w*\}", str(text)))


def marks(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w*\}|</?\w+>|<code>[^<]*</code>", text))


def test_every_kind_of_asset_and_every_principal_has_a_word() -> None:
    for language in LANGUAGES:
        assert set(load_words("kinds")[language]) == set(all_kinds())
        principals = load_words("report")[language]["PRINCIPALS"]
        ways = {way.type for one in all_platforms().values() for way in one.access}
        assert {*ways, "user", "group", "role", "ssh-key", NETWORK_PATH} <= set(principals)


def test_every_category_of_assets_has_a_word() -> None:
    categories = {name.partition(".")[0] for name in all_kinds()}
    assert categories | {OTHER_DATA, DATA_NOT_HELD} <= set(load_words("report")["fr"]["CATEGORIES"])


@pytest.mark.parametrize(
    "table",
    [
        "report",
        "report_sentences",
        "papers",
        "joint_inventory",
        "minutes",
        "letter",
        "estimate",
        "diff",
        "lists",
    ],
)
def test_no_line_of_french_begins_with_a_tall_mark(table: str) -> None:
    texts = list(texts_in(load_words(table)["fr"]))
    assert any(NO_BREAK in one for one in texts)
    assert [one for one in texts if re.search(r"(\S|^) [?!;:»](\s|$)|« ", one)] == []


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts_in(one)
    elif isinstance(value, str):
        yield value
