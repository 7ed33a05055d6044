"""Check that days are counted as the contract and the law count them."""

from __future__ import annotations

import datetime as dt

import pytest

from exitkit.assess.dates import (
    Period,
    add_months,
    derived_anchors,
    due_on,
    is_within,
    legal_end,
    parse_period,
    shift,
)
from exitkit.errors import InputError
from exitkit.model.plan import Deadline

D = dt.date


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P30D", Period(days=30)),
        ("P2M", Period(months=2)),
        ("P1Y6M", Period(months=18)),
        ("P2W", Period(days=14)),
        ("P14WD", Period(working_days=14)),
        ("-P21D", Period(days=-21)),
        ("PT4H30M", Period(seconds=16_200)),
        ("P1DT12H", Period(days=1, seconds=43_200)),
    ],
)
def test_a_period_is_read_as_written(text: str, period: Period) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["", "P", "PT", "30D", "P30", "P-1D", "two months", "P1.5D"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a period"):
        parse_period(text)


@pytest.mark.parametrize(
    ("period", "limit", "verdict"),
    [
        ("P30D", "P30D", True),
        ("P2M", "P2M", True),
        ("P59D", "P2M", True),
        ("P60D", "P2M", None),
        ("P63D", "P2M", False),
        ("P3M", "P2M", False),
        ("P1M", "P31D", True),
        ("P1M", "P30D", None),
        ("P12M", "P1Y", True),
        ("P10WD", "P30D", True),
        ("P20D", "P14WD", None),
        ("P60D", "P14WD", False),
    ],
)
def test_a_month_is_compared_only_where_every_month_agrees(
    period: str, limit: str, verdict: bool | None
) -> None:
    assert is_within(parse_period(period), parse_period(limit)) is verdict


def test_the_31st_plus_a_month_is_the_last_of_the_next() -> None:
    assert add_months(D(2027, 1, 31), 1) == D(2027, 2, 28)
    assert add_months(D(2028, 2, 29), -12) == D(2027, 2, 28)


def test_working_days_skip_weekends_and_holidays() -> None:
    friday = D(2026, 12, 18)
    assert shift(friday, parse_period("P5WD")) == D(2026, 12, 25)
    assert shift(friday, parse_period("P5WD"), {D(2026, 12, 25)}) == D(2026, 12, 28)
    assert shift(D(2026, 12, 21), parse_period("-P1WD")) == friday


def test_a_legal_period_that_ends_on_a_day_off_ends_the_next_working_day() -> None:
    assert legal_end(D(2026, 11, 5), parse_period("P30D")) == D(2026, 12, 7)
    assert legal_end(D(2026, 11, 25), parse_period("P30D"), {D(2026, 12, 25)}) == D(2026, 12, 28)


def test_two_legal_days_hold_two_working_days() -> None:
    assert legal_end(D(2026, 11, 27), parse_period("P3D")) == D(2026, 12, 1)


def test_a_deadline_hangs_on_its_anchor() -> None:
    anchors = {"TS": D(2027, 3, 1)}
    assert due_on(Deadline("TS", "P10D"), anchors) == D(2027, 3, 11)
    assert due_on(Deadline("TS", "P10D", "working"), anchors) == D(2027, 3, 15)
    assert due_on(Deadline("TS", "-P21D"), anchors) == D(2027, 2, 8)
    assert due_on(Deadline("TX", "P10D"), anchors) is None


def test_the_anchors_of_a_switch_follow_from_the_notice() -> None:
    periods = {"notice": "P2M", "transition": "P30D", "retrieval": "P30D", "deletion": "P30D"}
    anchors = derived_anchors({"T0": D(2027, 1, 15), "TA": D(2027, 4, 1)}, periods)
    assert anchors["TN"] == anchors["TS"] == D(2027, 3, 15)
    assert anchors["TX"] == D(2027, 4, 14)
    assert anchors["TR"] == D(2027, 5, 14)
    assert anchors["TD"] == D(2027, 6, 14)


def test_an_anchor_without_its_period_stays_unknown() -> None:
    assert derived_anchors({"T0": D(2027, 1, 15)}, {}).keys() == {"T0"}


@pytest.mark.parametrize(
    ("start", "period", "day"),
    [
        (D(9999, 12, 31), "P1D", D.max),
        (D(9999, 12, 31), "P14WD", D.max),
        (D(2026, 1, 1), "P999999999Y", D.max),
        (D(2026, 1, 1), "P999999999D", D.max),
        (D(1, 1, 1), "-P1D", D.min),
        (D(2026, 1, 1), "-P999999999M", D.min),
    ],
)
def test_the_calendar_has_a_last_day_and_no_date_lies_beyond_it(
    start: dt.date, period: str, day: dt.date
) -> None:
    # People write 9999-12-31 for "no end"; what is counted from it must not be a fault.
    assert shift(start, parse_period(period)) == day
    assert legal_end(start, parse_period(period)) == day


def test_a_number_of_days_that_no_calendar_holds_is_no_period() -> None:
    with pytest.raises(InputError, match="is not a period"):
        parse_period(f"P{'9' * 5000}D")
