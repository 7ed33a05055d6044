"""Hold what the report says of documents and of the joint inventory, in both languages."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from exitkit.assess.document_list import EVERY_EXIT
from exitkit.assess.document_stock import STATES, DocumentLine, Documents, RequiredLine
from exitkit.assess.joint_inventory import Line, Standing
from exitkit.report.language import LANGUAGES
from exitkit.report.papers import SHOWN, tell_documents, tell_joint_inventory


def document(path: str, age_days: int, *, stale: bool) -> DocumentLine:
    return DocumentLine(
        path, "runbooks", "", "Service desk", "2026-01-01", age_days, stale, 10, "0" * 64, "open",
        "",
    )  # fmt: skip


def required(name: str, state: str, *found: str, age_days: int | None = None) -> RequiredLine:
    owner = "Service desk" if found else ""
    return RequiredLine(
        name, "Technical annex", EVERY_EXIT, state, found, "name", "technical-annex",
        owner, age_days,
    )  # fmt: skip


def stock() -> Documents:
    return Documents(
        "urn:b",
        (document("papers/runbook.md", 1, stale=False),),
        (
            required("b", "present", "annex.md", age_days=1),
            required("a", "missing"),
            required("c", "stale", "old.md", age_days=400),
        ),
        (),
    )


def test_what_is_missing_stands_before_what_is_stale_and_what_is_there() -> None:
    part = tell_documents(stock(), {})
    assert part is not None
    assert [row.state.code for row in part.required] == ["missing", "stale", "present"]
    assert [(one.code, one.total) for one in part.counts] == [
        ("missing", 1), ("stale", 1), ("present", 1),
    ]  # fmt: skip
    missing, stale, _ = part.required
    assert (missing.owner, missing.age, missing.where) == ("", "", "nowhere")
    assert (stale.owner, stale.age, stale.where) == ("Service desk", "400 days", "old.md")


@pytest.mark.parametrize(
    ("language", "said"), [("en", EVERY_EXIT), ("fr", "ce que toute sortie exige")]
)
def test_what_no_contract_asks_for_is_said_in_the_reader_s_language(
    language: str, said: str
) -> None:
    part = tell_documents(stock(), {}, language)
    assert part is not None
    assert {row.because for row in part.required} == {said}


def test_the_default_age_is_said_to_be_the_default_and_a_source_names_its_own() -> None:
    part = tell_documents(stock(), {"papers": 12})
    assert part is not None
    assert "6 months after its last change (the default)" in part.lead
    assert "papers: 12 months" in part.lead


def test_two_documents_of_a_type_are_told_apart_by_the_id_of_the_contract() -> None:
    both = Documents(
        "urn:b", (), (required("contract/D1", "missing"), required("a", "missing")), ()
    )
    part = tell_documents(both, {})
    assert part is not None
    assert [row.title for row in part.required] == ["Technical annex", "Technical annex (D1)"]


def test_french_says_the_type_and_the_state_in_french() -> None:
    part = tell_documents(stock(), {}, "fr")
    assert part is not None
    assert part.required[0].title == "Annexe technique"
    assert part.required[0].state.label == "manquant"
    assert part.found[0].age == "1 jour"
    assert part.required[1].age == "400 jours"


def test_without_documents_or_declarations_there_is_no_section() -> None:
    assert tell_documents(Documents("urn:b", (), (), ()), {}) is None
    assert tell_joint_inventory([], []) is None


def joint_lines(count: int) -> list[Line]:
    row = {
        "name": "lpar7",
        "provider": {"name": "declared", "scope": "cmdb", "region": "",
                     "nativeType": "Declared/Item", "nativeId": "CI-0004"},
    }  # fmt: skip
    alike = Line(Standing.BOTH, row, row)
    return [alike, *[Line(Standing.DECLARED_ONLY, row, None, answers="both")] * count]


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_open_lines_are_shown_and_all_are_counted(language: str) -> None:
    declarations = [("Provider SA", "2026-11-01", "cmdb.csv", 3)]
    part = tell_joint_inventory(joint_lines(SHOWN + 2), declarations, language)
    assert part is not None
    counts = {one.code: one.total for one in part.counts}
    assert counts == {"both": 1, "declared-only": SHOWN + 2}
    assert len(part.rows) == SHOWN
    assert "2" in part.further
    assert "Provider SA" in part.declarations[0]
    assert "lpar7" in part.rows[0].declared
    assert part.rows[0].answers == {"en": "both parties", "fr": "les deux parties"}[language]


def test_both_languages_say_the_same_things() -> None:
    words = yaml.safe_load((files("exitkit.report") / "words" / "papers.yaml").read_text())
    for part in ("documents", "joint"):
        assert words["en"][part].keys() == words["fr"][part].keys()
        assert len(words["en"][part]["columns"]) == len(words["fr"][part]["columns"])
    assert words["en"]["documents"]["states"].keys() == set(STATES)
    assert words["fr"]["documents"]["states"].keys() == set(STATES)
