"""Minutes show what cannot leave in the order of its impact, in the reader's language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exitkit.assess.summary import GapGroup
from exitkit.report.bundle_minutes import MOST_GAPS, bundle_sections, gaps_in_one
from exitkit.report.language import LANGUAGES, load_words
from exitkit.report.minutes import BundleFigures


def figures(obstacles: int) -> BundleFigures:
    gaps = [
        GapGroup(
            "vendor", "sealed", "none" if number < 2 else "described", "data", f"obstacle {number}",
            "rebuild it", ("T",), ("r1", "r2", "r3"), ("a",), dependents=obstacles - number,
        )
        for number in range(obstacles)
    ]  # fmt: skip
    return BundleFigures(
        "acme-000001", "2026-11-26T13:52:26.496Z", ("2026-11-26T13:00:00Z", "2026-11-26T13:52:00Z"),
        41, 92232, {"assets": 7}, (("none", 2), ("described", 1)), gaps,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_obstacles_are_told_by_impact_and_who_could_remove_them(language: str) -> None:
    words, codes = load_words("minutes")[language], load_words("report")[language]
    content, gaps = bundle_sections(figures(3), words, language, with_gaps=True)
    facts = {label.text: cell.text for label, cell in content.rows}
    assert facts[words["labels"]["bytes"]] == "92232"
    assert facts[words["labels"]["observed"]] == "2026-11-26 13:00 UTC - 2026-11-26 13:52 UTC"
    assert facts[words["of_these"].format(level=codes["LEVELS"]["none"][0])] == "2"
    assert [row[1].text for row in gaps.rows] == ["obstacle 0", "obstacle 1", "obstacle 2"]
    stays, vendor = codes["LEVELS"]["none"][0], codes["PARTIES"]["vendor"][0]
    assert [cell.text for cell in gaps.rows[0]] == [
        stays, "obstacle 0", "3", "3", vendor, "rebuild it",
    ]  # fmt: skip


def test_a_long_list_says_what_it_leaves_out() -> None:
    words = load_words("minutes")["en"]
    *_, gaps = bundle_sections(figures(MOST_GAPS + 2), words, "en", with_gaps=True)
    assert len(gaps.rows) == MOST_GAPS
    assert "2 more obstacles are told by exitkit gaps." in gaps.sentences


def test_one_field_counts_them_all_where_there_is_a_bundle() -> None:
    words = load_words("minutes")["en"]
    told = gaps_in_one(figures(3), words)
    assert told is not None
    assert told.text.startswith("9 verdicts with an obstacle, 3 obstacles")
    assert gaps_in_one(None, words) is None


def test_what_the_inventory_says_is_told_in_the_language_of_the_minutes() -> None:
    group = replace(
        figures(1).gaps[0], text="Private keys are never read.",
        workaround="Set new passwords at the target.",
    )  # fmt: skip
    words = load_words("minutes")["fr"]
    held = replace(figures(1), gaps=[group])
    *_, gaps = bundle_sections(held, words, "fr", with_gaps=True)
    texts = {cell.text for cell in gaps.rows[0]}
    assert "Les clés privées ne sont jamais lues." in texts
    assert "Définissez de nouveaux mots de passe à la cible." in texts
