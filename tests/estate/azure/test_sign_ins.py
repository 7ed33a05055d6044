"""Ask the directory double when users signed in last, and say in words why it does not tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitkit.collectors.azure import AzureCollector
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import USERS, ArmServer
from exitkit.model.holdings import Access
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Limits, Source

TOKEN = "pl4nted-arm-token-8Fg5"
OPERATION = "Microsoft.Graph/users/signInActivity:GET"


@pytest.fixture
def double() -> Iterator[ArmServer]:
    running = ArmServer(TOKEN, page_size=2)
    arm_estate.seed(running)
    running.users = [
        {"id": "9e5a0000-0000-4000-8000-00000000000f"},
        {"id": "9e5a0000-0000-4000-8000-00000000000e", "signInActivity": None},
        {"id": "9E5A0000-0000-4000-8000-0000000000A1", "signInActivity": {
            "lastSignInDateTime": "2026-03-01T08:00:00Z",
            "lastNonInteractiveSignInDateTime": "2026-10-07T23:30:00Z"}},
    ]  # fmt: skip
    running.start()
    yield running
    running.stop()


def collect(
    double: ArmServer, folder: Path, *, asked: bool = True
) -> tuple[dict[str, dt.date | None], list[Call]]:
    settings = {
        "endpoint_url": double.endpoint, "directory_url": double.endpoint, "sign_ins": asked,
    }  # fmt: skip
    tokens = {"EXITKIT_AZURE_TOKEN": TOKEN, "EXITKIT_GRAPH_TOKEN": TOKEN}
    context = Context(
        dt.datetime(2026, 11, 25, tzinfo=dt.UTC), folder, b"k" * 32, tokens,
        Limits(call_deadline_s=20, workers=4),
    )  # fmt: skip
    found = list(AzureCollector().collect(Source("az", "azure", settings, folder), context))
    days = {one.principal_type: one.last_used_on for one in found if isinstance(one, Access)}
    return days, [one for one in found if isinstance(one, Call) and one.operation == OPERATION]


def test_a_user_has_the_later_of_his_sign_ins_and_others_none(
    double: ArmServer, tmp_path: Path
) -> None:
    days, (call,) = collect(double, tmp_path)
    assert days == {"User": dt.date(2026, 10, 7), "Group": None, "ServicePrincipal": None}
    assert (call.outcome, call.count) == (CallOutcome.COLLECTED, 3)


def test_a_tenant_without_the_license_offers_no_sign_ins(double: ArmServer, tmp_path: Path) -> None:
    double.directory_fault = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
    days, (call,) = collect(double, tmp_path)
    assert days["User"] is None
    assert call.outcome is CallOutcome.NOT_OFFERED
    assert "last use is unknown" in call.reason


def test_a_refusal_names_the_permissions_of_the_directory(
    double: ArmServer, tmp_path: Path
) -> None:
    double.directory_fault = "Authorization_RequestDenied"
    days, (call,) = collect(double, tmp_path)
    assert days["User"] is None
    assert (call.outcome, call.permission) == (
        CallOutcome.REFUSED, "AuditLog.Read.All, User.Read.All",
    )  # fmt: skip


def test_nobody_is_asked_where_the_source_does_not_say_so(
    double: ArmServer, tmp_path: Path
) -> None:
    days, calls = collect(double, tmp_path, asked=False)
    assert (days["User"], calls) == (None, [])
    assert USERS not in {path for _, path in double.requests}
