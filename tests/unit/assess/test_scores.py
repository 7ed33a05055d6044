"""Check that a score counts what can leave, and that none is made over a hole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exitkit.assess.scores import Score, Spend, scores, service_of

SCOPES = [{"source": "prod", "sourceType": "aws"}, {"source": "core", "sourceType": "network"}]


def asset(name: str, provider: str, native_type: str, kind: str) -> dict[str, Any]:
    return {"@id": name, "kind": kind, "provider": {"name": provider, "nativeType": native_type}}


def verdict(asset_id: str, level: str) -> dict[str, Any]:
    return {"asset": asset_id, "level": level}


def call(source: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "outcome": outcome, **more}


ASSETS = [
    asset("b", "aws", "AWS::S3::Bucket", "storage.bucket"),
    asset("k", "aws", "AWS::KMS::Key", "key.key"),
    asset("r", "network", "cisco_ios/Device", "network.device"),
]
VERDICTS = [
    verdict("b", "open"), verdict("b", "rehearsed"), verdict("b", "not-applicable"),
    verdict("k", "open"), verdict("k", "none"), verdict("r", "unknown"), verdict("r", "importable"),
]  # fmt: skip


def found(*calls: dict[str, Any], spend: Spend | None = None) -> dict[str, Score]:
    made = scores(VERDICTS, ASSETS, calls, SCOPES, spend)
    return {f"{score.scope} {score.name}": score for score in made}


def test_each_score_is_the_share_held_of_what_applies() -> None:
    made = found(call("prod", "collected"), call("prod", "excluded"))
    assert {name: (score.permille, score.total) for name, score in made.items()} == {
        "contract all": (666, 6),
        "service aws KMS": (500, 2),
        "service aws S3": (1000, 2),
        "service network cisco_ios": (500, 2),
        "category key": (500, 2),
        "category network": (500, 2),
        "category storage": (1000, 2),
    }


def test_shares_by_level_add_up_to_what_was_judged() -> None:
    assert found()["contract all"].levels == (
        ("unknown", 1), ("none", 1), ("open", 2), ("importable", 1), ("rehearsed", 1),
        ("not-applicable", 1),
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["refused", "unavailable", "unsupported"])
def test_an_unanswered_call_leaves_what_it_may_hide_without_a_score(outcome: str) -> None:
    made = found(call("prod", outcome), call("core", "collected"))
    assert {name for name, score in made.items() if score.permille is None} == {
        "contract all", "service aws KMS", "service aws S3", "category key", "category network",
        "category storage",
    }  # fmt: skip
    assert "1 calls of the ledger failed" in made["contract all"].because
    assert made["service network cisco_ios"].permille == 500


def test_a_source_that_found_nothing_may_hide_anything() -> None:
    made = found(call("nowhere", "unavailable"))
    assert {score.permille for score in made.values()} == {None}


def test_an_answered_call_is_no_hole() -> None:
    assert found(call("prod", "refused", acknowledgement={}))["contract all"].permille == 666


def test_by_spend_an_asset_counts_at_its_weakest_verdict() -> None:
    cost = {"b": Decimal("10.00"), "k": Decimal("30.00"), "elsewhere": Decimal("99.00")}
    made = found(spend=Spend("EUR", cost))
    assert made["contract all"].spend_permille == 250
    assert made["service aws S3"].spend_permille == 1000
    assert made["category network"].spend_permille is None
    assert found()["contract all"].spend_permille is None


def test_by_spend_too_nothing_is_scored_over_a_hole() -> None:
    made = found(call("prod", "refused"), spend=Spend("EUR", {"b": Decimal(1)}))
    assert made["contract all"].spend_permille is None


@pytest.mark.parametrize(
    ("native_type", "service"),
    [("AWS::S3::Bucket", "x S3"), ("Microsoft.Compute/virtualMachines/extensions",
      "x Microsoft.Compute"), ("cisco_ios/Device", "x cisco_ios"), ("Device", "x Device")],
)  # fmt: skip
def test_a_service_is_what_the_native_type_says_before_the_resource(
    native_type: str, service: str
) -> None:
    assert service_of("x", native_type) == service
