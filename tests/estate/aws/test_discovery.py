"""Call what no type of the catalog describes, and report what answers as unmapped."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from exitkit.cli.main import run
from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.knowledge.aws_operations import load_discovery
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap
from exitkit.ports import Context, Finding, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGIONS = ["eu-west-1", "us-east-1"]
SERVICES = ["support:*", "sns:ListPhoneNumbersOptedOut", "sqs:*Queue*"]
CASES = "support:DescribeCases"
OPTED_OUT = "sns:ListPhoneNumbersOptedOut"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with aws_account.running() as account:
        keys = {
            "aws_access_key_id": account.admin["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": account.admin["AWS_SECRET_ACCESS_KEY"],
            "endpoint_url": account.endpoint_url,
            "region_name": "us-east-1",
        }
        boto3.client("sqs", **keys).create_queue(QueueName="orders")
        boto3.client("support", **keys).create_case(
            subject="A disk that will not detach", communicationBody="Since Monday."
        )
        yield account.endpoint_url


def settings(endpoint: str, **more: object) -> dict[str, object]:
    return {"endpoint_url": endpoint, "regions": REGIONS, "services": SERVICES, **more}


def collected(folder: Path, taken: dict[str, object]) -> list[Finding]:
    context = Context(NOW, folder, b"k" * 32, aws_account.ADMIN)
    return list(AwsCollector().collect(Source(folder.name, "aws", taken, folder), context))


@pytest.fixture(scope="module")
def findings(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    return collected(tmp_path_factory.mktemp("thorough"), settings(endpoint, thorough=True))


def calls(findings: list[Finding], operation: str) -> list[Call]:
    return [f for f in findings if isinstance(f, Call) and f.operation == operation]


def unmapped(findings: list[Finding]) -> dict[tuple[str, str], Asset]:
    known = {one.called for one in load_discovery()}
    return {
        (f.ref.native_type, f.ref.region): f
        for f in findings
        if isinstance(f, Asset) and f.ref.native_type in known
    }


def test_a_call_that_finds_what_no_type_describes_says_unmapped(findings: list[Finding]) -> None:
    (line,) = calls(findings, CASES)
    assert (line.outcome, line.count, line.region) == (CallOutcome.COLLECTED, 1, "us-east-1")
    assert line.reason.startswith("unmapped")


def test_what_it_found_is_an_asset_of_unknown_status_with_a_gap(findings: list[Finding]) -> None:
    asset = unmapped(findings)[CASES, ""]
    assert asset.status == "unknown"
    assert asset.config["count"] == 1
    assert len(asset.config["names"]) == 1
    (gap,) = [f for f in findings if isinstance(f, Gap) and f.ref == asset.ref]
    assert (gap.aspect, gap.reason) == (Aspect.CONFIGURATION, "not-supported-by-tool")
    assert gap.text.startswith(f"Unmapped: {CASES}")


def test_every_region_is_asked_and_told_apart(findings: list[Finding]) -> None:
    assert sorted(line.region for line in calls(findings, OPTED_OUT)) == REGIONS
    found = unmapped(findings)
    assert {(OPTED_OUT, region) for region in REGIONS} <= found.keys()
    assert all(found[OPTED_OUT, region].config["names"] for region in REGIONS)


def test_every_discovery_call_has_a_line_also_those_left_out(findings: list[Finding]) -> None:
    said = {f.operation: f for f in findings if isinstance(f, Call)}
    for one in load_discovery():
        selected = one.called in (CASES, OPTED_OUT)
        assert (said[one.called].outcome is CallOutcome.EXCLUDED) is not selected


def test_what_the_catalog_describes_is_not_unmapped(findings: list[Finding]) -> None:
    types = {f.ref.native_type for f in findings if isinstance(f, Asset)}
    assert "AWS::SQS::Queue" in types
    assert set(unmapped(findings)) == {(CASES, ""), *((OPTED_OUT, name) for name in REGIONS)}


def test_an_ordinary_run_makes_none_of_these_calls(endpoint: str, tmp_path: Path) -> None:
    findings = collected(tmp_path, settings(endpoint))
    assert unmapped(findings) == {}
    assert calls(findings, CASES) == calls(findings, OPTED_OUT) == []


@pytest.mark.parametrize("switch", [True, False])
def test_the_switch_of_the_command_does_what_the_setting_does(
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    switch: bool,
) -> None:
    for name, value in aws_account.ADMIN.items():
        monkeypatch.setenv(name, value)
    source = {"id": "prod", "type": "aws", **settings(endpoint)}
    workspace = {"schema": "exitkit/workspace/1", "series": "acme", "sources": [source]}
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/masking.key").write_text("00" * 32)
    (tmp_path / "exitkit.yaml").write_text(json.dumps(workspace))
    assert run(["snapshot", "-w", str(tmp_path), *(["--thorough"] if switch else [])]) == 0
    (bundle,) = (tmp_path / "bundles").iterdir()
    lines = (bundle / "data/records/calls.jsonl").read_text().splitlines()
    said = [line for line in lines if CASES in line]
    assert bool(said) is switch
    assert all("unmapped" in line for line in said)
    capsys.readouterr()
    run(["gaps", "-w", str(tmp_path), "--csv"])
    assert (f"Unmapped: {CASES}" in capsys.readouterr().out) is switch
