"""Collect from the ARM double over HTTP: what is found, refused, paged, throttled and masked."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exitkit.collectors.azure import AzureCollector
from exitkit.demo import arm_double, arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.drivers.azure import ArmReader
from exitkit.errors import InputError
from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import Access
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source

TOKEN = "pl4nted-arm-token-8Fg5"


@pytest.fixture
def start() -> Iterator[Callable[..., ArmServer]]:
    running: list[ArmServer] = []

    def start_one(**options: object) -> ArmServer:
        double = ArmServer(TOKEN, **options)
        arm_estate.seed(double)
        running.append(double.start())
        return double

    yield start_one
    for double in running:
        double.stop()


Start = Callable[..., ArmServer]


def collect(
    double: ArmServer,
    tmp_path: Path,
    token: str = TOKEN,
    patterns: tuple[str, ...] = ("*",),
    **more: object,
) -> list[Finding]:
    settings = {"subscriptions": list(patterns), "endpoint_url": double.endpoint, **more}
    return list(
        AzureCollector().collect(
            Source("az", "azure", settings, tmp_path), _context(tmp_path, token)
        )
    )


def _context(tmp_path: Path, token: str = TOKEN) -> Context:
    return Context(
        now=dt.datetime(2026, 11, 25, tzinfo=dt.UTC), spool=tmp_path, mask_key=b"k" * 32,
        environ={"EXITKIT_AZURE_TOKEN": token}, limits=Limits(call_deadline_s=20, workers=4),
    )  # fmt: skip


def assets(findings: list[Finding]) -> list[Asset]:
    return [finding for finding in findings if isinstance(finding, Asset)]


def calls(findings: list[Finding]) -> list[Call]:
    return [finding for finding in findings if isinstance(finding, Call)]


def test_exactly_the_seeded_estate_is_found_over_several_pages(
    start: Start, tmp_path: Path
) -> None:
    double = ArmServer(TOKEN)
    expected = arm_estate.seed(double)
    findings = collect(start(page_size=3), tmp_path)
    refs = [asset.ref for asset in assets(findings)]
    found = [(r.provider, r.scope, r.region, r.native_type, r.native_id) for r in refs]
    assert sorted(found) == sorted(expected)
    assert len(found) == 25
    outcomes = {call.operation: call.outcome for call in calls(findings)}
    schedules = {f"Microsoft.Authorization/{kind}ScheduleInstances:GET"
                 for kind in ("roleAssignment", "roleEligibility")}  # fmt: skip
    assert {name for name, end in outcomes.items() if end is CallOutcome.EMPTY} == schedules
    assert set(outcomes.values()) == {CallOutcome.COLLECTED, CallOutcome.EMPTY}
    assert "Microsoft.Resources/subscriptions/resources:GET" in outcomes
    [listed] = [c for c in calls(findings) if c.operation.endswith("subscriptions/resources:GET")]
    assert listed.count == len(arm_estate.RESOURCES)
    assert "other" not in {asset.kind for asset in assets(findings)}


def test_resources_are_read_in_depth_with_tags_and_their_original_id(
    start: Start, tmp_path: Path
) -> None:
    findings = collect(start(), tmp_path)
    [network] = [a for a in assets(findings) if a.name == "vnet-core"]
    assert network.config["properties"]["addressSpace"] == {"addressPrefixes": ["10.40.0.0/16"]}
    assert network.tags == (("application", "vnet-core"), ("environment", "demo"))
    assert network.config["id"] == arm_estate.VNET
    assert network.ref.native_id == arm_estate.VNET.lower()
    contained = [f for f in findings if isinstance(f, Relation) and f.object == network.ref]
    assert [relation.subject.native_id for relation in contained] == [arm_estate.CORE.lower()]


def test_the_newest_stable_api_version_is_asked_for(start: Start, tmp_path: Path) -> None:
    double = start()
    double.api_versions["microsoft.network/virtualnetworks"] = ("2019-06-01", "2026-01-01-preview")
    findings = collect(double, tmp_path)
    assert "vnet-core" in {asset.name for asset in assets(findings)}
    double.api_versions["microsoft.network/virtualnetworks"] = ("2019-06-01-preview",)
    assert not [c for c in calls(collect(double, tmp_path)) if c.is_open]


def test_role_assignments_become_access_records(start: Start, tmp_path: Path) -> None:
    access = [f for f in collect(start(), tmp_path) if isinstance(f, Access)]
    assert sorted((a.principal_type, a.permission, a.resource) for a in access) == [
        ("Group", "Restarter", arm_estate.CORE),
        ("ServicePrincipal", "Reader", arm_estate.APPS),
        ("User", "Reader", arm_estate.ROOT),
    ]


def test_no_planted_secret_is_in_anything_yielded(start: Start, tmp_path: Path) -> None:
    text = repr(collect(start(), tmp_path))
    for secret in (*arm_estate.AZURE_SECRETS, TOKEN):
        assert secret not in text
    assert text.count("<masked:") == len(arm_estate.AZURE_SECRETS)
    assert "'green'" in text
    assert "CANARY-EXITKIT-NSG" in text


def test_a_refused_read_names_the_permission_and_leaves_a_gap(start: Start, tmp_path: Path) -> None:
    findings = collect(start(refused=("/vaults/kv-core",)), tmp_path)
    [call] = [call for call in calls(findings) if call.is_open]
    assert (call.operation, call.outcome) == ("Microsoft.KeyVault/vaults:GET", CallOutcome.REFUSED)
    assert call.permission == "Microsoft.KeyVault/vaults/read"
    [gap] = [f for f in findings if isinstance(f, Gap)]
    assert (gap.aspect, gap.level, gap.reason) == (
        Aspect.CONFIGURATION,
        Level.DESCRIBED,
        "permission-denied",
    )
    assert "kv-core" in {asset.name for asset in assets(findings)}


def test_a_refused_list_is_a_ledger_line_and_not_a_crash(start: Start, tmp_path: Path) -> None:
    findings = collect(start(refused=("/roleassignments", "/resources")), tmp_path)
    refused = {c.operation: c.permission for c in calls(findings) if c.is_open}
    assert set(refused) == {
        "Microsoft.Resources/subscriptions/resources:GET",
        "Microsoft.Authorization/roleAssignments:GET",
        "Microsoft.Authorization/roleAssignmentScheduleInstances:GET",
    }
    assert all(refused.values())


def test_a_wrong_token_is_refused_and_not_repeated(start: Start, tmp_path: Path) -> None:
    findings = collect(start(), tmp_path, token="wrong-3Hd8")
    [call] = calls(findings)
    assert call.outcome is CallOutcome.REFUSED
    assert "wrong-3Hd8" not in repr(findings)


def test_throttling_is_waited_out(start: Start, tmp_path: Path) -> None:
    double = start()
    double.throttled = 1
    findings = collect(double, tmp_path)
    assert not [call for call in calls(findings) if call.is_open]
    assert double.requests[0] == double.requests[1]


def test_an_endpoint_that_does_not_answer_is_unavailable(start: Start, tmp_path: Path) -> None:
    double = start()
    settings = {"endpoint_url": double.endpoint}
    double.stop()
    source = Source("az", "azure", settings, tmp_path)
    limits = Limits(call_deadline_s=2)
    findings = list(AzureCollector().collect(source, replace(_context(tmp_path), limits=limits)))
    [call] = calls(findings)
    assert call.outcome is CallOutcome.UNAVAILABLE


def test_a_hung_endpoint_ends_at_its_deadline(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        reader = ArmReader(url, "", {"EXITKIT_AZURE_TOKEN": TOKEN}, 2)
        answer = reader.get("/subscriptions", "2022-12-01")
        reader.close()
    assert answer.status == 0
    # Four retries of a read that waits two seconds each would take ten.
    assert answer.duration_ms < 8000


def test_only_get_requests_are_made(start: Start, tmp_path: Path) -> None:
    double = start()
    collect(double, tmp_path)
    assert {method for method, _ in double.requests} == {"GET"}


def test_a_second_snapshot_is_equal(start: Start, tmp_path: Path) -> None:
    double = start()
    first, second = (
        [replace(f, duration_ms=0) if isinstance(f, Call) else f for f in collect(double, tmp_path)]
        for _ in range(2)
    )
    assert first == second


def test_a_subscription_outside_the_patterns_is_excluded_in_the_ledger(
    start: Start, tmp_path: Path
) -> None:
    double = start()
    other = "ffffffff-1bf0-4dda-aec3-111122223333"
    double.put({"id": f"/subscriptions/{other}", "subscriptionId": other, "displayName": "Other"})
    findings = collect(double, tmp_path, patterns=("0b1f*",))
    [excluded] = [c for c in calls(findings) if c.outcome is CallOutcome.EXCLUDED]
    assert excluded.scope == other
    assert other not in {asset.ref.scope for asset in assets(findings)}


def test_a_next_page_elsewhere_is_not_followed(start: Start, tmp_path: Path) -> None:
    double, thief = start(), start()
    reader = ArmReader(double.endpoint, "", {"EXITKIT_AZURE_TOKEN": TOKEN}, 5)
    double.put({"id": "/subscriptions/x", "subscriptionId": "x", "nextLink": "unused"})
    double._page = lambda rows: {"value": [], "nextLink": f"{thief.endpoint}/subscriptions?x=1"}
    pages = list(reader.pages("/subscriptions", "2022-12-01"))
    reader.close()
    assert pages[-1].code == "ForeignNextLink"
    assert thief.requests == []


def test_plain_http_is_for_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="http only on loopback"):
        ArmReader("http://management.example.org", "", {"EXITKIT_AZURE_TOKEN": TOKEN}, 5)


def test_identities_name_endpoint_and_subscription(start: Start, tmp_path: Path) -> None:
    double = start()
    source = Source("az", "azure", {"endpoint_url": double.endpoint}, tmp_path)
    assert AzureCollector().identities(source, _context(tmp_path)) == {
        f"endpoint:{double.endpoint}",
        f"azure-subscription:{arm_estate.SUBSCRIPTION}",
    }


def test_the_child_process_holds_what_it_says_and_ends_when_told(tmp_path: Path) -> None:
    double = arm_double.start()
    try:
        source = Source("az", "azure", {"endpoint_url": double.endpoint_url}, tmp_path)
        context = replace(_context(tmp_path), environ=double.environ)
        refs = [asset.ref for asset in assets(list(AzureCollector().collect(source, context)))]
    finally:
        arm_double.stop(double)
    found = [(r.provider, r.scope, r.region, r.native_type, r.native_id) for r in refs]
    assert sorted(found) == sorted(double.expected)
    assert double.process.poll() is not None
    assert not double.folder.exists()


def test_what_only_resource_graph_knows_is_read_in_depth(start: Start, tmp_path: Path) -> None:
    double = start(page_size=3)
    place = next(i for i, b in double.resources.items() if "/virtualmachines/" in i.lower())
    double.hidden.add(place)
    assert place not in {asset.ref.native_id for asset in assets(collect(double, tmp_path))}
    findings = collect(double, tmp_path, witnesses=["resource-graph"])
    (found,) = [asset for asset in assets(findings) if asset.ref.native_id == place]
    profile = found.config["properties"]["osProfile"]
    assert (profile["computerName"], profile["customData"][:8]) == ("web", "<masked:")
    (line,) = [
        one for one in calls(findings) if one.operation.startswith("Microsoft.ResourceGraph")
    ]
    listed = [
        i for i in double.resources if i.split("/")[3:4] == ["resourcegroups"] and "providers" in i
    ]
    assert (line.outcome, line.count) == (CallOutcome.COLLECTED, len(listed))


def test_no_other_question_is_ever_posted(start: Start) -> None:
    reader = ArmReader(start().endpoint, "", {"EXITKIT_AZURE_TOKEN": TOKEN}, 5)
    with pytest.raises(InputError, match="only read"):
        reader.query("/subscriptions/x/resourceGroups/y/delete", "2021-04-01", {})
    reader.close()


def test_a_machine_has_the_processors_of_its_size_and_a_region_is_asked_once(
    start: Start, tmp_path: Path
) -> None:
    double = start()
    findings = collect(double, tmp_path)
    (machine,) = [a for a in assets(findings) if a.ref.native_type.endswith("/virtualMachines")]
    assert machine.config["size"] == {"name": "Standard_B2s", "vCPUs": 2}
    (line,) = [c for c in calls(findings) if c.operation == "Microsoft.Compute/skus:GET"]
    assert (line.outcome, line.region) == (CallOutcome.COLLECTED, "westeurope")


def test_sizes_that_nobody_may_read_are_refused_and_no_size_is_guessed(
    start: Start, tmp_path: Path
) -> None:
    findings = collect(start(refused=("/microsoft.compute/skus",)), tmp_path)
    (machine,) = [a for a in assets(findings) if a.ref.native_type.endswith("/virtualMachines")]
    assert "size" not in machine.config
    (line,) = [c for c in calls(findings) if c.operation == "Microsoft.Compute/skus:GET"]
    assert line.outcome is CallOutcome.REFUSED
