"""Try the portability rules as data: every one explained, and patterns that end."""

from __future__ import annotations

import pytest

from exitkit.knowledge.script_rules import (
    CREDENTIAL,
    NO_PARSER,
    PLACES,
    STATE_VALUES,
    UNREADABLE,
    Fragment,
    script_rules,
)

TOLD_BY_THE_READER = {CREDENTIAL, NO_PARSER, STATE_VALUES, UNREADABLE}
HOSTILE = ("a" * 4000, "a." * 2000, "aws " * 1000, "1.1." * 1000, "-a" * 2000, "/home" * 800)


def test_every_rule_says_what_is_the_matter_and_what_to_do() -> None:
    for rule in script_rules().values():
        assert rule.portability in {"portable", "adapt", "rewrite", "unknown"}
        assert rule.title
        assert rule.remedy.endswith(".")
        assert bool(rule.matches) != (rule.id in TOLD_BY_THE_READER), rule.id
        for match in rule.matches:
            assert match.places <= PLACES, rule.id


@pytest.mark.timeout(20)
@pytest.mark.parametrize("rule", sorted(script_rules()))
def test_no_pattern_of_a_rule_runs_away_on_a_hostile_line(rule: str) -> None:
    for match in script_rules()[rule].matches:
        for text in HOSTILE:
            language = next(iter(match.languages), "shell")
            for place in match.places:
                assert match.holds(Fragment(language, place, 1, text)) in (True, False)
