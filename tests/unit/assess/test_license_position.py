"""Say what is due for each license before the exit, and read what configurations give away."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from exitkit.assess.license_position import Use, positions, signals

TODAY, EXIT = dt.date(2026, 11, 25), dt.date(2027, 6, 30)


def license_(**more: Any) -> dict[str, Any]:
    return {"@id": "l", "asset": "a", "product": "DB", "publisher": "Vendor",
            "transferable": "yes", **more}  # fmt: skip


def due(row: dict[str, Any], *uses: str, exit_on: dt.date | None = EXIT) -> tuple[str, ...]:
    relations = [{"relation": "licensedBy", "from": use, "to": "a"} for use in uses]
    (found,) = positions([row], relations, exit_on, TODAY)
    return found.due


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ()),
        (
            {"expirationDate": "2027-01-31"},
            ("lapses on 2027-01-31, before the exit on 2027-06-30",),
        ),
        ({"expirationDate": "2027-07-01"}, ()),
        ({"expirationDate": "2026-01-01"}, ("lapsed on 2026-01-01",)),
        ({"noticeDate": "2027-02-01"}, ("notice by 2027-02-01",)),
        ({"noticeDate": "2026-11-24"}, ("notice was due on 2026-11-24",)),
        ({"noticeDays": 90}, ("notice by 2027-04-01",)),
        ({"transferable": "no"}, ("may not come along: buy one for the target",)),
        ({"transferable": "with-consent"}, ("needs the consent of Vendor",)),
        ({"transferable": "unknown"}, ("nobody knows whether it may come along",)),
    ],
)  # fmt: skip
def test_what_is_due_follows_from_the_agreement_and_the_exit(
    more: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert due(license_(**more)) == expected


def test_more_in_use_than_bought_is_said_and_unmeasured_use_is_not() -> None:
    assert due(license_(quantity=1), "x", "y") == ("2 in use where 1 are bought",)
    assert due(license_(quantity=1)) == ()


def test_without_a_planned_exit_nothing_lapses_before_it() -> None:
    assert due(license_(expirationDate="2027-01-31", noticeDays=90), exit_on=None) == ()


def test_licenses_with_something_due_come_first() -> None:
    rows = [license_(product="A"), license_(product="Z", transferable="no")]
    assert [one.record["product"] for one in positions(rows, [], EXIT, TODAY)] == ["Z", "A"]


@pytest.mark.parametrize(
    ("native_type", "config", "expected"),
    [
        ("AWS::RDS::DBInstance", {"LicenseModel": "license-included", "Engine": "oracle-se2"},
         [("included", "oracle-se2")]),
        ("AWS::RDS::DBInstance", {"LicenseModel": "bring-your-own-license", "Engine": "oracle-ee"},
         [("own", "oracle-ee")]),
        ("AWS::RDS::DBInstance", {"LicenseModel": "postgresql-license"}, []),
        ("AWS::EC2::Instance", {"PlatformDetails": "Linux/UNIX"}, []),
        ("AWS::EC2::Instance", {"PlatformDetails": "Windows BYOL"}, [("own", "Windows BYOL")]),
        ("AWS::EC2::Instance", {"PlatformDetails": "Red Hat Enterprise Linux",
                                "ProductCodes": [{"ProductCodeId": "abc"}]},
         [("included", "Red Hat Enterprise Linux"), ("marketplace", "product code abc")]),
        ("Microsoft.Compute/virtualMachines", {"properties": {"licenseType": "Windows_Server"}},
         [("own", "Azure Hybrid Benefit")]),
        ("Microsoft.Compute/virtualMachines",
         {"plan": {"publisher": "vendor", "product": "appliance", "name": "byol"}},
         [("marketplace", "vendor/appliance")]),
        ("Microsoft.Compute/virtualMachines", {"properties": None}, []),
    ],
)  # fmt: skip
def test_configurations_give_licenses_away(
    native_type: str, config: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    row = {"provider": {"nativeType": native_type, "nativeId": "i", "scope": "s"}}
    assert [(one.code, one.product) for one in signals([(row, config)])] == expected


def test_each_asset_that_carries_a_product_counts_once() -> None:
    names = {"1": frozenset({"db", "DB"}), "2": frozenset({"DB"}), "3": frozenset({"DB Pro"})}

    def used(schedule: dict[str, dict[str, str]]) -> int | None:
        row = license_(quantity=1)
        (found,) = positions([row], [], EXIT, TODAY, Use(names, schedule))
        return found.used

    assert used({"a": {}}) == 2
    assert used({"a": {"counted_as": "db*"}}) == 3
    assert used({"a": {"counted_as": "other|nothing"}}) == 0
    # What is no agreement grants nothing, and is not counted against itself.
    assert used({}) is None


def test_a_page_is_told_and_the_earlier_notice_holds() -> None:
    row = license_(noticeDays=90, noticeDate="2027-05-01")
    (found,) = positions([row], [], EXIT, TODAY, Use(schedule={"a": {"page": "14"}}))
    assert (found.page, found.notice_on) == ("14", dt.date(2027, 4, 1))
