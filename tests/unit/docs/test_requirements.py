"""Check that every requirement has one answer, and that the rules it names exist."""

from __future__ import annotations

import re
from pathlib import Path

from exitkit.knowledge.rulebook import load_rules

PAGE = (Path(__file__).parents[3] / "docs" / "requirements.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| SR-")
]
ANSWERS = ("feature", "rule", "field", "planned", "no")


def test_every_requirement_is_there_once_and_in_order() -> None:
    assert [row[0] for row in ROWS] == [f"SR-{number:03d}" for number in range(1, 117)]


def test_every_requirement_has_one_answer_that_says_how() -> None:
    assert {row[3] for row in ROWS} <= set(ANSWERS)
    assert all(row[4] for row in ROWS)


def test_a_rule_that_answers_exists() -> None:
    known = {rule.id for rule in load_rules()}
    for row in ROWS:
        named = set(re.findall(r"EK-[A-Z0-9]+-\d{3}", row[4]))
        if row[3] == "rule":
            assert named, row
        if "planned" not in row[4] and row[3] != "planned":
            assert named <= known, row


def test_the_counts_at_the_top_are_those_of_the_table() -> None:
    counts = [str(sum(row[3] == answer for row in ROWS)) for answer in ANSWERS]
    assert f"| {' | '.join(counts)} |" in PAGE
