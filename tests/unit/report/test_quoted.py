"""Hold every sentence that a record or a journal may say of ours to having its French."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

import exitkit
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_witnesses import load_witnesses
from exitkit.knowledge.host_commands import host_commands
from exitkit.knowledge.network_platforms import all_platforms
from exitkit.knowledge.portability import load_knowledge
from exitkit.knowledge.rulebook import load_rules
from exitkit.knowledge.script_rules import script_rules
from exitkit.report.quoted import LONGEST, in_language, plain, quote, tables
from exitkit.store.verify_bundle import QUESTIONS

FOLDERS = (
    "collectors", "extractors", "restorers", "drivers", "steps", "engine", "assess", "store",
)  # fmt: skip
SAYS: Mapping[str, Mapping[int | str, Any]] = {
    "Gap": {4: 0, 6: 0, "text": 0, "workaround": 0, "loss": 0, "source": 0},
    "Draft": {"text": 0, "loss": 0, 6: 0},
    "Failure": {1: 0},
    "fault": {2: 0},
    "Offer": {1: 0},
    "ItemResult": {2: 0},
    "Outcome": {1: 0},
    "restored": {0: 0},
    "CriterionVerdict": {6: 0},
    "Verdict": {4: 0},
    "Call": {"reason": 0},
    "_call": {"reason": 0},
    "_record": {"reason": 0},
}
"""Where a call has a sentence that ends in a record or a journal: by place or by name."""


BUILT_UP = {
    "7: 7 compared, 7 different, 7 missing7": (
        "rows: 7 compared, 1 different, 0 missing",
        "rows: 7 compared, 1 different, 0 missing; first: row 3",
    ),
    "7; 7": ("would run: make; make ended with 2",),
    "7whether it may be used elsewhere is not known from that.": (
        "It says MIT; whether it may be used elsewhere is not known from that.",
        "Its metadata names no license; whether it may be used elsewhere is not known from that.",
    ),
    "7; the value is never read": (
        "the name is held, it is encrypted with a/b and not rotated; the value is never read",
        "the name is held, it is encrypted with a/b and rotated every 30 days by c; the value is"
        " never read".replace("a/b", "the provider's own key"),
        "the name is held, it is encrypted with a/b and rotated by f; the value is never read",
    ),
    "7 objects deleted7": (
        "7 objects deleted",
        "7 objects deleted; kept a, b: somebody else wrote there",
    ),
    "7 in its place": ("a delete marker in its place", "a version in its place"),
    "7 on 7: 7 tasks, 7 7 something7": (
        "site.yml on a, b: 7 tasks, 3 changed something",
        "site.yml on a, b: 7 tasks, 3 would change something",
        "site.yml on a, b: 7 tasks, 3 changed something, 1 changed it again",
    ),
}
"""Sentences that are put together from parts, each with all that may come of it."""


def test_every_sentence_of_the_knowledge_has_its_french() -> None:
    assert [one for one in sorted(set(known())) if in_language(one, "fr") is None] == []


def test_no_sentence_is_kept_that_the_knowledge_does_not_say() -> None:
    said = set(known())
    for name in ("portability", "rules", "sources"):
        kept = {english for english in table(name) if not blanks(english)}
        assert sorted(kept - said) == []


def test_every_sentence_of_the_code_has_its_french() -> None:
    found = {text: where for where, text in code_sentences()}
    assert len(found) > 150
    unsaid = {text: where for text, where in found.items() if in_language(text, "fr") is None}
    assert {text: where for text, where in unsaid.items() if text not in BUILT_UP} == {}
    assert set(BUILT_UP) <= set(unsaid)
    built = [text for several in BUILT_UP.values() for text in several]
    assert [text for text in built if in_language(text, "fr") is None] == []


@pytest.mark.parametrize("name", ["portability", "rules", "sources", "findings"])
def test_every_sentence_keeps_its_blanks(name: str) -> None:
    for english, said in table(name).items():
        for form in said if isinstance(said, list) else [said]:
            assert set(blanks(form)) == set(blanks(english)), english
    counted = [english for english, said in table(name).items() if isinstance(said, list)]
    assert [english for english in counted if "n" not in blanks(english)] == []


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("Password hashes are not read.", "Les empreintes de mots de passe ne sont pas lues."),
        ("1 lines hold credentials in clear; they are masked here.",
         "1 ligne contient des secrets d'accès en clair ; ils sont masqués ici."),
        ("2 lines hold credentials in clear; they are masked here.",
         "2 lignes contiennent des secrets d'accès en clair ; ils sont masqués ici."),
        ("It can leave as BACPAC/SQL; this bundle does not hold it.",
         "Il peut partir sous la forme BACPAC/SQL ; ce lot ne le détient pas."),
        ("not assessed: audit.customer is not known; proofs[].kind is not known",
         "non évalué : audit.customer : inconnu ; proofs[].kind : inconnu"),
        ("The yearly rehearsal is overdue. (run 7: rehearsal.last_on is empty)",
         "L'exercice annuel est en retard. (run 7 : rehearsal.last_on : vide)"),
        ("step copy failed: no answer: Zeit {x} abgelaufen",
         "l'étape copy a échoué : aucune réponse : Zeit {x} abgelaufen"),
        ("step copy failed: HTTP 500", "l'étape copy a échoué : HTTP 500"),
        ("edge1 to spare: 91 lines, 0 not as they were",
         "edge1 vers spare : 91 lignes, 0 pas telles qu'elles étaient"),
        ("left out by regions: the account has not enabled it (opt-in)",
         "écarté par regions : le compte ne l'a pas activée (opt-in)"),
    ],
)  # fmt: skip
def test_what_is_ours_is_said_in_french(english: str, french: str) -> None:
    assert str(in_language(english, "fr")).replace("\N{NO-BREAK SPACE}", " ") == french


@pytest.mark.parametrize(
    "text",
    ["", "Der Schlüssel fehlt.", "many lines hold credentials in clear; they are masked here.",
     "Password hashes are not read. Pay now", "a: b: c", "is not known", "x" * (LONGEST + 1),
     "the owner of it all is not known", "Password hashes are not read.; somebody's own words"],
)  # fmt: skip
def test_what_is_not_wholly_ours_stays_as_it_is(text: str) -> None:
    assert in_language(text, "fr") is None
    assert plain(text, "fr") == text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "text",
    ["a: " * 600 + "x", "x" + " (a)" * 450, "; ".join("a" * 600), "no message" + " (a)" * 400],
)
def test_a_text_made_to_go_on_and_on_stays_as_it_is(text: str, language: str) -> None:
    assert len(text) <= LONGEST
    assert plain(text, language) == text


def test_what_is_quoted_is_marked_as_english_and_stays_text() -> None:
    assert quote("not <b>ours</b> \u202e", "fr") == (
        '<span lang="en">not &lt;b&gt;ours&lt;/b&gt; ⟨U+202E⟩</span>'
    )
    assert quote("no message", "fr") == "aucun message"
    assert quote("<b>: no message", "fr") == "&lt;b&gt;\N{NO-BREAK SPACE}: aucun message"
    assert quote("no message", "en") == "no message"
    assert quote("application/json", "fr") == "application/json"


def test_english_is_said_as_it_is_written() -> None:
    assert tables("en") == {}
    assert plain("Password hashes are not read.", "en") == "Password hashes are not read."


def known() -> Iterator[str]:
    """Yield every sentence of the knowledge that a record, a journal or a report may hold."""
    knowledge = load_knowledge()
    for fact in knowledge.facts:
        yield from filter(None, (fact.text, fact.workaround))
    for one in (*knowledge.caveats, *knowledge.reasons.values()):
        yield one.text
    for reason in knowledge.reasons.values():
        yield reason.workaround
    yield from (timing.text for timing in knowledge.entries.timing.values())
    for rule in load_rules():
        yield from (rule.message, rule.source, rule.regime)
    yield from (rule.title for rule in script_rules().values())
    yield from (text for platform in all_platforms().values() for text in platform.not_restored)
    unlisted = load_catalog().unlisted.values()
    yield from (why for why in unlisted if not why.startswith(("part of", "shares")))
    yield from (command.without for command in host_commands() if command.without)
    yield from (witness.sees for witness in load_witnesses().values())
    yield from QUESTIONS.values()


def table(name: str) -> dict[str, Any]:
    text = (files("exitkit.report") / "words" / "quoted" / f"{name}.yaml").read_text("utf-8")
    said: dict[str, Any] = yaml.safe_load(text)["fr"]
    return said


def blanks(text: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", text)


def code_sentences() -> Iterator[tuple[str, str]]:
    """Yield (where, sentence) of what the code says in a place of SAYS; a blank holds a 7."""
    for path in sorted(Path(exitkit.__file__).parent.rglob("*.py")):
        if path.parent.name not in FOLDERS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            name.id: node.value
            for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
            for name in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(name, ast.Name)
        }  # fmt: skip
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                for node in said_by(call):
                    for text in texts_in(node, constants):
                        if " " in text.strip():
                            yield f"{path.name}:{call.lineno}", text


def said_by(call: ast.Call) -> Iterator[ast.expr]:
    places = SAYS.get(getattr(call.func, "id", None) or getattr(call.func, "attr", ""), {})
    yield from (node for place, node in enumerate(call.args) if place in places)
    yield from (one.value for one in call.keywords if one.arg in places)


def texts_in(node: ast.expr, constants: Mapping[str, ast.expr]) -> Iterator[str]:
    """Yield each text that an expression may be, as far as it stands there."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from texts_in(one, constants)
            yield from texts_in(other, constants)
        case ast.BoolOp(values=several) | ast.Tuple(elts=several):
            for one in several:
                yield from texts_in(one, constants)
        case ast.Name(id=name) if name in constants:
            yield from texts_in(constants[name], {})
