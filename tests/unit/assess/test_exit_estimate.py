"""Check that an exit is estimated from what is known, and that unknown never counts as nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exitkit.assess.exit_estimate import (
    Means,
    Moved,
    Range,
    Saving,
    at_least,
    estimate_exit,
    held_against,
)
from exitkit.assess.extrapolation import Extrapolation, Volume, extrapolate
from exitkit.knowledge.type_entries import Effort, Timing
from exitkit.model.run import Measurement

WORK = Effort("S", 600, 60, "expert", "low")
DOMAIN = Timing("domain", "lead", "A transfer takes a week.", "r53", "medium", minutes=10_080)
WINDOW = Timing("window", "window", "Kept for ninety days.", "ct", "high", minutes=129_600)
DAY = Means(people=1, hours_per_day=10)
MEASURED = extrapolate(
    [Measurement("objects", 10, 1000, 60_000)], {"objects": Volume(100, 10_000)}, ""
)
UNMEASURED = extrapolate([], {"objects": Volume(100, 10_000)}, "")


def bucket(name: str, effort: Effort | None = WORK, *timing: Timing) -> Moved:
    return Moved(name, "storage", "AWS::S3::Bucket", effort, timing)


def waves_of(*moved: Moved) -> list[list[tuple[str, ...]]]:
    return [[(one.id,)] for one in moved]


def estimated(
    *moved: Moved, transfer: Extrapolation = MEASURED, means: Means = DAY
) -> tuple[Range, int, Range | None]:
    made = estimate_exit(moved, waves_of(*moved), transfer, means)
    return made.elapsed_work, made.longest_lead, made.total


def test_work_counts_once_for_the_type_and_again_for_each_asset() -> None:
    made = estimate_exit([bucket("a"), bucket("b")], [[("a",), ("b",)]], MEASURED, DAY)
    (work,) = made.work
    assert (work.assets, work.minutes, work.unknown) == (2, Range(360, 720, 1440), 0)
    assert made.waves[0].minutes == work.minutes


def test_elapsed_time_follows_from_people_and_hours() -> None:
    # 600 minutes a day: 660 minutes of work are 1.1 days.
    assert estimated(bucket("a"))[0].likely == 1584
    assert estimated(bucket("a"), means=replace(DAY, people=2))[0].likely == 792


def test_waiting_runs_beside_the_work_and_the_transfer_follows() -> None:
    work, lead, total = estimated(bucket("a", WORK, DOMAIN, WINDOW))
    assert (work.likely, lead) == (1584, 10_080)
    assert total == Range(10_080 + 10, 10_080 + 10, 10_080 + 10)


def test_a_window_is_nothing_to_wait_for() -> None:
    made = estimate_exit([bucket("a", WORK, WINDOW)], waves_of(bucket("a")), MEASURED, DAY)
    assert made.leads == ()


def test_without_a_rate_there_is_no_transfer_and_no_total() -> None:
    made = estimate_exit([bucket("a")], waves_of(bucket("a")), UNMEASURED, DAY)
    assert (made.transfer, made.total, made.transfer_bound) == (None, None, "unknown")
    assert made.unmeasured == ("objects",)
    assert Saving("people", "", 792) in made.savings


def test_what_no_entry_knows_is_counted_as_not_known() -> None:
    made = estimate_exit([bucket("a", None)], waves_of(bucket("a")), MEASURED, DAY)
    assert (made.work[0].unknown, made.work[0].minutes) == (1, Range(0, 0, 0))


@pytest.mark.parametrize(("mbit_s", "minutes", "bound"), [(1, 10, "rate"), (None, 10, "rate")])
def test_the_slower_of_rate_and_line_bounds_the_transfer(
    mbit_s: int | None, minutes: int, bound: str
) -> None:
    made = estimate_exit([], [], MEASURED, replace(DAY, bandwidth_mbit_s=mbit_s))
    assert made.transfer is not None
    assert (made.transfer.likely, made.transfer_bound) == (minutes, bound)


def test_a_thin_line_bounds_the_transfer_and_widening_it_saves() -> None:
    big = extrapolate([Measurement("objects", 1, 10**9, 1000)], {"objects": Volume(1, 10**12)}, "")
    made = estimate_exit([], [], big, replace(DAY, bandwidth_mbit_s=100))
    assert made.transfer is not None
    # 8e12 bits at 1e8 bits a second are 80,000 seconds.
    assert (made.transfer.likely, made.transfer_bound) == (1334, "bandwidth")
    assert made.savings == (Saving("bandwidth", "", 667),)


def test_egress_costs_what_was_entered_or_is_not_known() -> None:
    big = extrapolate([], {"objects": Volume(1, 3 * 1024**3 + 1)}, "")
    made = estimate_exit([], [], big, replace(DAY, egress_price=9, currency="EUR"))
    assert (made.egress_cost, estimate_exit([], [], big, DAY).egress_cost) == (28, None)


def test_the_three_that_save_most_come_in_order() -> None:
    moved = [
        bucket("a", Effort("XL", 6000, 600, "expert", "low"), DOMAIN),
        Moved("d", "db", "AWS::RDS::DBInstance", WORK),
        Moved("k", "key", "AWS::KMS::Key", WORK),
    ]
    made = estimate_exit(moved, [[("a",), ("d",), ("k",)]], MEASURED, DAY)
    saved = [saving.minutes for saving in made.savings]
    assert len(saved) == 3
    assert saved == sorted(saved, reverse=True)
    assert (made.savings[0].code, made.savings[0].subject) in [
        ("people", ""),
        ("category", "storage"),
    ]


def test_an_unmeasured_category_hides_neither_the_measured_ones_nor_the_line() -> None:
    volumes = {"objects": Volume(100, 10_000), "tables": Volume(1, 45_000_000_000)}
    half = extrapolate([Measurement("objects", 10, 1000, 60_000)], volumes, "")
    made = estimate_exit([bucket("a")], waves_of(bucket("a")), half, DAY)
    assert (made.transfer, made.transfer_at_least) == (None, 10)
    # 45 GB over 100 megabits a second take an hour.
    lined = replace(DAY, bandwidth_mbit_s=100)
    slow = estimate_exit([bucket("a")], waves_of(bucket("a")), half, lined)
    assert slow.transfer_at_least == 61
    assert at_least(slow) == Range(792 + 61, 1584 + 61, 3168 + 61)
    assert ("bandwidth", 30) in [(one.code, one.minutes) for one in slow.savings]
    assert held_against(slow, "P1D") == "longer"
