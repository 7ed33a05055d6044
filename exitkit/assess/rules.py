"""Hold contract, plan and latest bundle against the named rules of law and practice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exitkit.assess.predicates import Answer, ask
from exitkit.knowledge.rulebook import Rule
from exitkit.model.contract import RuleResult

PASS, FAIL, UNKNOWN, NOT_APPLICABLE = "pass", "fail", "unknown", "not-applicable"
OUTCOMES = (FAIL, UNKNOWN, PASS, NOT_APPLICABLE)


def check_rules(
    rules: Iterable[Rule], facts: Mapping[str, Any], today: dt.date
) -> Iterator[RuleResult]:
    """Yield one result per rule, in the order of the rules.

    `facts` is the contract's document with `plan`, `inventory` and `rehearsal` beside it (see
    assess/facts.py); what is not there is unknown.
    """
    for rule in rules:
        yield check_rule(rule, facts, today)


def check_rule(rule: Rule, facts: Mapping[str, Any], today: dt.date) -> RuleResult:
    """Return what one rule says; it never passes on what is not known."""
    if rule.since and today < rule.since:
        return _result(rule, NOT_APPLICABLE, f"applies from {rule.since.isoformat()}")
    if rule.until and today >= rule.until:
        return _result(rule, NOT_APPLICABLE, f"applied until {rule.until.isoformat()}")
    applies = ask(rule.applies_when, facts, today) if rule.applies_when else Answer(True)
    if applies.truth is False:
        return _result(rule, NOT_APPLICABLE, "; ".join(applies.notes), applies)
    answer = ask(rule.check, facts, today)
    if applies.truth is None:
        return _result(rule, UNKNOWN, f"not assessed: {'; '.join(applies.notes)}", applies)
    if answer.truth is None:
        return _result(rule, UNKNOWN, f"not assessed: {'; '.join(answer.notes)}", answer)
    if answer.truth:
        return _result(rule, PASS, "holds", answer)
    details = f" ({'; '.join(answer.notes)})" if answer.notes else ""
    return _result(rule, FAIL, f"{rule.message}{details}", answer)


def has_failed(results: Iterable[RuleResult]) -> bool:
    """Tell whether a rule of severity `error` failed."""
    return any(one.outcome == FAIL and one.severity == "error" for one in results)


def _result(rule: Rule, outcome: str, message: str, answer: Answer | None = None) -> RuleResult:
    return RuleResult(
        rule=rule.id,
        regime=rule.regime,
        source=rule.source,
        mark=rule.mark,
        severity=rule.severity,
        outcome=outcome,
        message=message,
        fields=answer.fields if answer else (),
    )
