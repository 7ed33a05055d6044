"""Look into an account as far as `depth:` says, and account for every call that was not made."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.cli.main import run
from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.knowledge.aws_catalog import DEPTHS, load_catalog
from exitkit.knowledge.aws_policy import actions_for
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Source
from exitkit.store.keys import generate_key

REGION = "eu-west-1"
SERVICES = ["s3:ListBuckets", "s3:Get*", "kms:List*", "kms:Get*", "kms:DescribeKey"]
TYPES = ("AWS::S3::Bucket", "AWS::KMS::Key")
NOTIFICATION = "s3:GetBucketNotificationConfiguration"


@pytest.fixture(scope="module")
def account() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as running:
        keys = {
            "region_name": REGION,
            "endpoint_url": running.endpoint_url,
            "aws_access_key_id": running.admin["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": running.admin["AWS_SECRET_ACCESS_KEY"],
        }
        where = {"LocationConstraint": REGION}
        boto3.client("s3", **keys).create_bucket(Bucket="crm", CreateBucketConfiguration=where)
        boto3.client("kms", **keys).create_key(Description="crm")
        yield running


@pytest.fixture(scope="module")
def found(
    account: aws_account.AwsAccount, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Any]]:
    """What each depth finds."""
    folder = tmp_path_factory.mktemp("spool")
    settings = {
        "endpoint_url": account.endpoint_url,
        "regions": [REGION],
        "services": SERVICES,
    }
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    context = Context(now, folder, b"k" * 32, dict(account.admin))
    return {
        depth: list(
            AwsCollector().collect(
                Source("prod", "aws", {**settings, "depth": depth}, folder), context
            )
        )
        for depth in DEPTHS
    }


def calls(findings: list[Any]) -> list[Call]:
    return [one for one in findings if isinstance(one, Call)]


def details() -> set[tuple[str, str]]:
    """Operation and least depth of every detail call of the types at hand."""
    rows = [load_catalog().types[name] for name in TYPES]
    return {(f"{r.service}:{one.operation}", one.depth) for r in rows for one in r.details}


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_detail_call_is_made_or_has_a_line_that_names_the_depth_that_makes_it(
    found: dict[str, list[Any]], depth: str
) -> None:
    depths = list(DEPTHS)
    lines = calls(found[depth])
    made = {one.operation for one in lines if one.outcome is not CallOutcome.EXCLUDED}
    left_out = {one.operation: one for one in lines if one.binding == "detail"}
    for operation, least in details():
        if depths.index(least) <= depths.index(depth):
            assert operation in made
            assert operation not in left_out
        else:
            assert operation not in made
            assert left_out[operation].outcome is CallOutcome.EXCLUDED
            assert left_out[operation].reason == (
                f"left out by depth: {depth}; made from depth: {least}"
            )


def test_no_line_is_left_where_everything_is_asked(found: dict[str, list[Any]]) -> None:
    assert not [one for one in calls(found["full"]) if one.binding == "detail"]


def test_the_depth_changes_neither_what_is_found_nor_what_it_is_called(
    found: dict[str, list[Any]],
) -> None:
    names = [
        {(one.ref, one.identifiers, one.tags) for one in findings if isinstance(one, Asset)}
        for findings in found.values()
    ]
    assert {ref.native_type for ref, _, _ in names[0]} == set(TYPES)
    assert names[0] == names[1] == names[2]


def test_each_depth_holds_what_the_one_before_holds_and_more(
    found: dict[str, list[Any]],
) -> None:
    members = [
        {(one.ref, member) for one in findings if isinstance(one, Asset) for member in one.config}
        for findings in found.values()
    ]
    assert members[0] < members[1] < members[2]


def test_the_policy_of_a_depth_allows_no_more_than_the_depth_asks() -> None:
    actions = {depth: set(actions_for(load_catalog(), SERVICES, depth=depth)) for depth in DEPTHS}
    assert actions["list"] < actions["standard"] < actions["full"]
    assert "kms:DescribeKey" in actions["list"]
    assert "kms:GetKeyPolicy" in actions["standard"] - actions["list"]
    assert "s3:GetBucketNotification" in actions["full"] - actions["standard"]


@pytest.mark.parametrize(("option", "outcome"), [([], "excluded"), (["--depth", "full"], None)])
def test_the_option_goes_before_the_setting(
    account: aws_account.AwsAccount,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: list[str],
    outcome: str | None,
) -> None:
    for name, value in account.admin.items():
        monkeypatch.setenv(name, value)
    generate_key(tmp_path / "keys/exitkit.pem", tmp_path / "keys/exitkit.pub")
    (tmp_path / "keys/masking.key").write_text("00" * 32)
    source = {
        "id": "prod",
        "type": "aws",
        "endpoint_url": account.endpoint_url,
        "regions": [REGION],
        "services": SERVICES,
        "depth": "list",
    }
    workspace = {
        "schema": "exitkit/workspace/1",
        "series": "acme",
        "sources": [source],
        "signing": {"key": "keys/exitkit.pem", "trust": ["keys/exitkit.pub"]},
    }
    (tmp_path / "exitkit.yaml").write_text(json.dumps(workspace))
    assert run(["snapshot", "-w", str(tmp_path), *option]) == 0
    (bundle,) = (tmp_path / "bundles").glob("acme-*")
    lines = (bundle / "data/records/calls.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    (said,) = {
        row["outcome"] if row.get("binding") == "detail" else None
        for row in rows
        if row["operation"] == NOTIFICATION
    }
    assert said == outcome
