"""Check every rule with a case that passes, one that fails and one that is not known."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from exitkit.assess.rules import check_rule, check_rules, has_failed
from exitkit.errors import InputError
from exitkit.knowledge.rulebook import MARKS, load_rules, rules_from

CASES = Path(__file__).parents[2] / "cases" / "rules"
RULES = {rule.id: rule for rule in load_rules()}
TODAY = dt.date(2026, 11, 24)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("outcome", ["pass", "fail", "unknown"])
def test_a_rule_answers_as_its_case_says(rule: str, outcome: str) -> None:
    case = yaml.safe_load((CASES / f"{rule}.yaml").read_text())
    result = check_rule(RULES[rule], case[outcome], case["today"])
    assert result.outcome == outcome, result.message


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_empty_contract_passes_no_rule(rule: str) -> None:
    assert check_rule(RULES[rule], {"schema": "exitkit/contract/1"}, TODAY).outcome != "pass"


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_passing_case_with_any_field_unknown_never_passes_for_another_reason(rule: str) -> None:
    case = yaml.safe_load((CASES / f"{rule}.yaml").read_text())
    result = check_rule(RULES[rule], {**case["pass"], "regimes": "unknown"}, case["today"])
    needs_regime = "regimes" in case["pass"]
    assert result.outcome == ("unknown" if needs_regime else "pass")


def test_every_case_has_its_rule() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(RULES)


def test_every_rule_says_how_well_it_was_read() -> None:
    assert {rule.mark for rule in RULES.values()} <= set(MARKS)


def test_a_law_does_not_apply_before_its_day() -> None:
    rule = RULES["EK-DATA-002"]
    facts = yaml.safe_load((CASES / "EK-DATA-002.yaml").read_text())["fail"]
    assert check_rule(rule, facts, dt.date(2025, 9, 11)).outcome == "not-applicable"
    assert check_rule(rule, facts, dt.date(2025, 9, 12)).outcome == "fail"
    ended = replace(rule, until=TODAY)
    assert check_rule(ended, facts, TODAY).outcome == "not-applicable"


def test_only_a_failed_error_fails_the_check() -> None:
    case = yaml.safe_load((CASES / "EK-MKT-002.yaml").read_text())
    results = list(check_rules([RULES["EK-MKT-002"]], case["fail"], TODAY))
    assert [one.severity for one in results] == ["warn"]
    assert not has_failed(results)
    assert has_failed(replace(one, severity="error") for one in results)


def test_a_failure_names_the_item_that_failed() -> None:
    case = yaml.safe_load((CASES / "EK-DORA-003.yaml").read_text())
    message = check_rule(RULES["EK-DORA-003"], case["fail"], TODAY).message
    assert message.endswith("(S1: included is empty)")


def test_a_misspelled_comparison_is_refused() -> None:
    rule = {
        "id": "EK-X-001", "regime": "X1", "source": "nowhere", "mark": "k", "severity": "warn",
        "message": "Something is wrong.", "check": {"field": "a", "equals": 1},
    }  # fmt: skip
    with pytest.raises(InputError, match=r"rules/mine\.yaml: rules/0/check"):
        rules_from("mine.yaml", {"schema": "exitkit/rules/1", "rules": [rule]})
