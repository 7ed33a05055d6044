"""Check that only a young proof of the same way out keeps a verdict at `rehearsed`."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from exitkit.assess.ageing import Ageing, is_aged
from exitkit.model.asset import Ref
from exitkit.model.verdict import Aspect, Exportability, Level, Responsible
from exitkit.store.records import exportability_record

PROVEN = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
BUCKET = Ref("aws", "1", "eu-west-1", "AWS::S3::Bucket", "b")
OPEN = Exportability(
    BUCKET, Aspect.DATA, Level.OPEN, "extractor", "s3", "raw", reason="semantic-loss",
    text="Some is lost.", responsible=Responsible.CUSTOMER, workaround="Copy it.",
    loss=("version ids",),
)  # fmt: skip
REHEARSED = replace(
    OPEN, level=Level.REHEARSED, basis="rehearsal", reason="", text="", responsible=None,
    workaround="", rehearsed_at=PROVEN, rehearsed_in="r1",
)  # fmt: skip
PROOFS = {OPEN.urn: exportability_record(REHEARSED)}
TODAY = dt.date(2026, 11, 25)


def age(verdict: Exportability, today: dt.date = TODAY) -> tuple[Exportability, Ageing]:
    ageing = Ageing(PROOFS, today, 13)
    return ageing.of(verdict), ageing


def test_a_young_proof_of_the_same_way_out_keeps_the_verdict() -> None:
    verdict, found = age(OPEN)
    assert verdict == REHEARSED
    assert (found.kept, found.aged, found.changed) == (1, 0, 0)


@pytest.mark.parametrize(
    ("today", "aged"), [(dt.date(2027, 2, 28), False), (dt.date(2027, 3, 1), True)]
)
def test_a_proof_is_good_to_the_last_day_of_its_months(today: dt.date, aged: bool) -> None:
    assert is_aged(PROOFS[OPEN.urn], today, 13) is aged
    verdict, found = age(OPEN, today)
    assert verdict == (OPEN if aged else REHEARSED)
    assert (found.kept, found.aged) == ((0, 1) if aged else (1, 0))


@pytest.mark.parametrize(
    "change",
    [{"method": "dump"}, {"format": "closed"}, {"level": Level.NONE}, {"level": Level.UNKNOWN},
     {"level": Level.NOT_ATTEMPTED}, {"level": Level.NOT_APPLICABLE}],
)  # fmt: skip
def test_a_proof_of_another_way_out_proves_nothing(change: dict[str, Any]) -> None:
    now = replace(OPEN, **change)
    verdict, found = age(now)
    assert verdict == now
    assert (found.kept, found.changed) == (0, 1)


def test_what_was_never_rehearsed_is_left_as_it_is() -> None:
    other = replace(OPEN, aspect=Aspect.CONFIGURATION)
    verdict, found = age(other)
    assert verdict == other
    assert (found.kept, found.aged, found.changed) == (0, 0, 0)
