"""Tell when a role of Azure ends, and which roles somebody may take without holding them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitkit.collectors.azure import AzureCollector
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.model.holdings import Access
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Finding, Limits, Source

TOKEN = "pl4nted-arm-token-8Fg5"
AUTHORIZATION = f"{arm_estate.ROOT}/providers/Microsoft.Authorization"
ROLE = f"{AUTHORIZATION}/roleDefinitions/{arm_estate.READER_ROLE}"
OUTSIDER = "5e110000-0000-4000-8000-0000000000e1"


@pytest.fixture
def double() -> Iterator[ArmServer]:
    running = ArmServer(TOKEN)
    arm_estate.seed(running)
    put(running, "roleAssignmentScheduleInstances/s1", {
        "originRoleAssignmentId": f"{AUTHORIZATION}/roleAssignments/A1",
        "endDateTime": "2027-01-31T22:00:00Z"})  # fmt: skip
    put(running, "roleEligibilityScheduleInstances/e1", {
        "principalId": OUTSIDER, "principalType": "User", "roleDefinitionId": ROLE,
        "scope": arm_estate.CORE, "endDateTime": None})  # fmt: skip
    running.start()
    yield running
    running.stop()


def put(double: ArmServer, place: str, properties: dict[str, str | None]) -> None:
    double.put({"id": f"{AUTHORIZATION}/{place}", "properties": properties})


def collect(double: ArmServer, folder: Path) -> list[Finding]:
    context = Context(
        dt.datetime(2026, 11, 25, tzinfo=dt.UTC), folder, b"k" * 32,
        {"EXITKIT_AZURE_TOKEN": TOKEN}, Limits(call_deadline_s=20, workers=4),
    )  # fmt: skip
    source = Source("az", "azure", {"endpoint_url": double.endpoint}, folder)
    return list(AzureCollector().collect(source, context))


def test_an_assignment_ends_when_its_schedule_does_and_others_have_no_end(
    double: ArmServer, tmp_path: Path
) -> None:
    rights = [one for one in collect(double, tmp_path) if isinstance(one, Access)]
    ends = {one.principal.native_id[-2:]: one.expires_on for one in rights}
    assert ends == {"a1": dt.date(2027, 1, 31), "a2": None, "a3": None, "e1": None}


def test_a_role_that_somebody_may_take_is_a_right_and_says_so(
    double: ArmServer, tmp_path: Path
) -> None:
    (right,) = [
        one for one in collect(double, tmp_path)
        if isinstance(one, Access) and one.principal.native_id == OUTSIDER
    ]  # fmt: skip
    assert (right.permission, right.resource) == ("Reader", arm_estate.CORE)
    assert right.via[0].startswith("eligible")


def test_schedules_that_may_not_be_read_are_refused_by_name(
    double: ArmServer, tmp_path: Path
) -> None:
    double.refused = ("/roleeligibilityscheduleinstances",)
    lines = {one.operation: one for one in collect(double, tmp_path) if isinstance(one, Call)}
    line = lines["Microsoft.Authorization/roleEligibilityScheduleInstances:GET"]
    assert line.outcome is CallOutcome.REFUSED
