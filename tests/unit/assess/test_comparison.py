"""Turn what was read back into metrics that a criterion can test."""

from __future__ import annotations

from exitkit.assess.comparison import Canaries, compared
from exitkit.model.run import ItemResult, StepStatus


def test_a_comparison_that_ran_succeeds_whatever_it_found() -> None:
    items = [
        ItemResult("a", "equal"),
        ItemResult("b", "different"),
        ItemResult("c", "missing"),
        ItemResult("d", "extra"),
        ItemResult("a", "lost-field", "content type"),
    ]
    outcome = compared("things", items, canaries=Canaries.of({}), losses=["one"])
    assert outcome.status is StepStatus.SUCCEEDED
    assert outcome.metrics == {
        "items_compared": 4,
        "items_different": 2,
        "items_missing": 1,
        "canaries_expected": 0,
        "canaries_found": 0,
        "losses": 1,
    }
    assert outcome.message == "things: 4 compared, 2 different, 1 missing; first: b"


def test_listed_canaries_are_expected_even_where_the_bundle_lacks_them() -> None:
    canaries = Canaries.of({"canaries": ["CANARY-1", "CANARY-2"]})
    canaries.see(b"... CANARY-1 ...")
    assert canaries.missing() == ["CANARY-2"]


def test_a_pattern_expects_what_it_matches_in_the_bundle_and_nothing_more() -> None:
    canaries = Canaries.of({"canary_pattern": "CANARY-[0-9]+"})
    canaries.expect(b"CANARY-1 CANARY-2")
    canaries.see(b"CANARY-2 CANARY-3")
    assert canaries.missing() == ["CANARY-1"]
    outcome = compared("x", [], canaries=canaries)
    assert outcome.metrics["canaries_expected"] == 2
    assert outcome.metrics["canaries_found"] == 1
