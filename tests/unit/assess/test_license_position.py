"""Say what is due for each license before the exit, and read what configurations give away."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from exitkit.assess.license_metrics import Use, cores_of
from exitkit.assess.license_position import positions
from exitkit.assess.license_signals import signals

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
        ("AWS::EC2::Instance", {"PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances"},
         []),
        ("AWS::EC2::Image", {"UsageOperation": "RunInstances:0102"},
         [("included", "Windows with SQL Server Enterprise")]),
        ("AWS::EC2::Instance", {"PlatformDetails": "Windows BYOL",
                                "UsageOperation": "RunInstances:0800"}, [("own", "Windows BYOL")]),
        ("AWS::EC2::Instance", {"Licenses": [{"LicenseConfigurationArn": "arn:x:lic-1"}]},
         [("own", "license configuration lic-1")]),
        ("AWS::LicenseManager::LicenseConfiguration",
         {"Name": "oracle", "LicenseCountingType": "vCPU", "LicenseCount": 8}, [("own", "oracle")]),
        ("AWS::LicenseManager::License", {"ProductName": "Backup", "Issuer": {"Name": "Vendor"}},
         [("marketplace", "Backup")]),
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


def test_an_agreement_that_renews_by_itself_is_no_finding_and_one_that_lapses_is() -> None:
    row = license_(expirationDate="2027-01-31")
    (lapsing,) = positions([row], [], EXIT, TODAY)
    assert lapsing.findings == ("lapses on 2027-01-31, before the exit on 2027-06-30",)
    use = Use(schedule={"a": {"auto_renewal": "yes"}})
    (renewing,) = positions([row], [], EXIT, TODAY, use)
    assert renewing.due == ("renews by itself on 2027-01-31, before the exit on 2027-06-30",)
    assert renewing.findings == ()


def test_a_license_by_core_is_held_against_the_cores_of_the_machines_it_runs_on() -> None:
    use = Use(
        names={"package-1": frozenset({"DB"}), "package-2": frozenset({"DB"}),
               "package-3": frozenset({"DB"}), "vm": frozenset({"DB"})},
        schedule={"a": {}},
        cores={"host-1": 8, "vm": 4},
        machine={"package-1": "host-1", "package-2": "host-1", "package-3": "host-2"},
    )  # fmt: skip
    (found,) = positions([license_(metric="core", quantity=10)], [], EXIT, TODAY, use)
    assert (found.used, found.measured.unit, found.measured.unmeasured) == (12, "cores", 1)
    assert found.findings == ("at least 12 cores in use where 10 are bought",)
    assert found.due[-1] == "1 machines carry it whose cores nobody measured"


def test_a_license_by_user_counts_each_name_once_and_only_where_the_schedule_says_whom() -> None:
    users = {"1": ("Host/User", "jane"), "2": ("Host/User", "JANE"), "3": ("AWS::IAM::User", "joe")}

    def used(counted_as: str) -> tuple[int | None, tuple[str, ...]]:
        use = Use({"x": frozenset({"DB"})}, {"a": {"counted_as": counted_as}}, users=users)
        row = license_(metric="named user", quantity=1)
        (found,) = positions([row], [], EXIT, TODAY, use)
        return found.used, found.findings

    assert used("users:host/user/*") == (1, ())
    assert used("users:*") == (2, ("2 users in use where 1 are bought",))
    assert used("") == (None, ())


@pytest.mark.parametrize(
    ("native_type", "config", "expected"),
    [
        ("AWS::EC2::Instance", {"CpuOptions": {"CoreCount": 4, "ThreadsPerCore": 2}}, 8),
        ("AWS::EC2::Instance", {}, None),
        ("Host/Machine", {"hardware": {"processors": 16}}, 16),
        ("Host/Machine", {"hardware": {"processors": 0}}, None),
        ("AWS::RDS::DBInstance", {"DBInstanceClass": "db.r5.large"}, None),
        (
            "AWS::RDS::DBInstance",
            {
                "ProcessorDefaults": [
                    {"Name": "coreCount", "Value": "4"},
                    {"Name": "threadsPerCore", "Value": "2"},
                ]
            },
            8,
        ),
        (
            "AWS::RDS::DBInstance",
            {
                "ProcessorFeatures": [{"Name": "threadsPerCore", "Value": "1"}],
                "ProcessorDefaults": [
                    {"Name": "coreCount", "Value": "4"},
                    {"Name": "threadsPerCore", "Value": "2"},
                ],
            },
            4,
        ),
        (
            "AWS::RDS::DBInstance",
            {"ProcessorFeatures": [{"Name": "coreCount", "Value": "4"}]},
            None,
        ),
        ("Microsoft.Compute/virtualMachines", {"size": {"vCPUs": 8, "vCPUsAvailable": 2}}, 2),
        (
            "Microsoft.Compute/virtualMachines",
            {
                "properties": {"hardwareProfile": {"vmSizeProperties": {"vCPUsAvailable": 4}}},
                "size": {"vCPUs": 8},
            },
            4,
        ),
        (
            "Microsoft.Compute/virtualMachines",
            {"properties": {"hardwareProfile": {"vmSize": "Standard_D8s_v5"}}},
            None,
        ),
    ],
)
def test_cores_come_from_what_the_machine_says_and_from_no_guess(
    native_type: str, config: dict[str, Any], expected: int | None
) -> None:
    assert cores_of(native_type, config) == expected
