"""Take earlier versions of objects along, in order, and say of those left behind what they were."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.extractors.s3_objects import S3Objects
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for
from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Finding, Limits, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGION = "eu-west-1"
VERSIONS = ["draft", "final", "signed"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[aws_account.AwsAccount]:
    """A bucket with what versioning can do: replaced, deleted, deleted and written anew."""
    with aws_account.running() as account:
        s3 = client(account, "s3")
        s3.create_bucket(Bucket="vault", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="vault", Key="old", Body=b"before versions")
        s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Enabled"})
        for text in VERSIONS[:2]:
            s3.put_object(
                Bucket="vault", Key="paper", Body=text.encode(), Metadata={"state": text},
                Tagging=f"state={text}", ContentType="text/plain",
            )  # fmt: skip
        s3.put_object(Bucket="vault", Key="old", Body=b"x" * 1500)
        s3.put_object(Bucket="vault", Key="gone", Body=b"gone")
        time.sleep(1.1)  # The emulator tells times by the second, and lists markers apart.
        for key in ("paper", "gone"):
            s3.delete_object(Bucket="vault", Key=key)
        time.sleep(1.1)
        s3.put_object(Bucket="vault", Key="paper", Body=VERSIONS[2].encode())
        yield account


def client(account: aws_account.AwsAccount, service: str) -> Any:
    return boto3.client(
        service, region_name=REGION, endpoint_url=account.endpoint_url,
        aws_access_key_id="x", aws_secret_access_key="y",
    )  # fmt: skip


@pytest.fixture(scope="module")
def source(emulator: aws_account.AwsAccount, tmp_path_factory: pytest.TempPathFactory) -> Source:
    settings = {"endpoint_url": emulator.endpoint_url, "regions": [REGION], "services": ["s3"]}
    return Source("prod", "aws", settings, tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def asking(source: Source) -> Source:
    return replace(source, settings={**source.settings, "object_versions": "fetch"})


@pytest.fixture
def context(emulator: aws_account.AwsAccount, tmp_path: Path) -> Context:
    limits = Limits(max_file_bytes=1000, inline_data_bytes=5000)
    return Context(NOW, tmp_path, b"k" * 32, emulator.admin, limits)


@pytest.fixture(scope="module")
def vault(
    emulator: aws_account.AwsAccount, source: Source, tmp_path_factory: pytest.TempPathFactory
) -> Asset:
    context = Context(NOW, tmp_path_factory.mktemp("spool"), b"k" * 32, emulator.admin)
    found = AwsCollector().collect(source, context)
    buckets = [one for one in found if isinstance(one, Asset) and one.kind == "storage.bucket"]
    (asset,) = [one for one in buckets if one.ref.native_type == "AWS::S3::Bucket"]
    return asset


def draft_of(found: list[Finding]) -> Draft:
    (draft,) = [one for one in found if isinstance(one, Draft)]
    return draft


def bodies_of(draft: Draft) -> dict[str, bytes]:
    found = {}
    for content in draft.contents:
        assert isinstance(content.body, Path)
        found[content.path.partition("/vault/")[2]] = content.body.read_bytes()
    return found


def lines_of(draft: Draft, name: str = "versions.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in bodies_of(draft)[name].splitlines()]


def outcomes(found: list[Finding]) -> dict[str, tuple[CallOutcome, int]]:
    calls = [one for one in found if isinstance(one, Call)]
    assert len({call.urn for call in calls}) == len(calls)
    return {f"{one.operation} {one.binding}": (one.outcome, one.count) for one in calls}


def told(line: dict[str, Any]) -> tuple[Any, ...]:
    kept = "held" if "path" in line else line.get("reason", "marker")
    return line["key"], line.get("sizeBytes"), kept, line.get("isLatest", False)


def test_earlier_versions_are_listed_with_their_volume(
    vault: Asset, source: Source, context: Context
) -> None:
    found = list(S3Objects().extract(vault, source, context))
    draft = draft_of(found)
    (held,) = [one for one in found if isinstance(one, Dataset)]
    assert (held.records, held.size_bytes) == (2, 1506)
    assert (held.earlier_versions, held.earlier_bytes, held.delete_markers) == (4, 29, 2)
    assert [told(line) for line in lines_of(draft)] == [
        ("gone", 4, "out-of-scope", False), ("gone", None, "marker", True),
        ("old", 15, "out-of-scope", False), ("old", 1500, "too-large", True),
        ("paper", 5, "out-of-scope", False), ("paper", 5, "out-of-scope", False),
        ("paper", None, "marker", False), ("paper", 6, "held", True),
    ]  # fmt: skip
    assert [line["key"] for line in lines_of(draft, "objects.jsonl")] == ["old", "paper"]
    assert "the bytes of 4 of 4 earlier versions of objects" in draft.loss
    assert outcomes(found) == {
        "s3:ListObjectVersions vault": (CallOutcome.COLLECTED, 8),
        "s3:GetObjectTagging vault": (CallOutcome.COLLECTED, 1),
        "s3:GetObject vault": (CallOutcome.COLLECTED, 1),
        "s3:GetObject vault over limits": (CallOutcome.EXCLUDED, 0),
        "s3:GetObject vault earlier versions": (CallOutcome.EXCLUDED, 0),
    }


def test_earlier_versions_are_fetched_where_asked_for(
    vault: Asset, asking: Source, context: Context
) -> None:
    found = list(S3Objects().extract(vault, asking, context))
    draft = draft_of(found)
    lines = lines_of(draft)
    bodies = bodies_of(draft)
    paper = [line for line in lines if line["key"] == "paper"]
    assert [bodies.get(line.get("path", "").partition("/vault/")[2], b"") for line in paper] == [
        b"draft", b"final", b"", b"signed",
    ]  # fmt: skip
    assert [line.get("tags", [{}])[0].get("value") for line in paper[:2]] == VERSIONS[:2]
    assert [line["metadata"][0]["value"] for line in paper[:2]] == VERSIONS[:2]
    assert len({line["version"] for line in lines}) == len(lines)
    assert all(line["modifiedAt"] for line in lines)
    assert [loss for loss in draft.loss if "earlier" in loss] == []
    assert outcomes(found)["s3:GetObject vault"] == (CallOutcome.COLLECTED, 5)


def test_where_versions_do_not_fit_the_objects_of_today_still_do(
    vault: Asset, asking: Source, context: Context
) -> None:
    tight = replace(context, limits=Limits(max_file_bytes=1000, inline_data_bytes=20))
    found = list(S3Objects().extract(vault, asking, tight))
    draft = draft_of(found)
    kept = [told(line)[2] for line in lines_of(draft)]
    assert kept.count("held") == 1
    assert kept.count("too-large") == 5
    assert "the bytes of 4 of 4 earlier versions of objects" in draft.loss


@pytest.fixture
def permitted(emulator: aws_account.AwsAccount) -> Iterator[Any]:
    """A function that returns the environment of somebody who may do this and no more."""
    iam = client(emulator, "iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]

    def allow(actions: list[str]) -> dict[str, str]:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        aws_account.relax(emulator)
        iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(policy))
        aws_account.enforce(emulator)
        return {
            **emulator.admin,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    yield allow
    aws_account.relax(emulator)


def test_versions_that_may_not_be_listed_cost_no_object(
    vault: Asset, asking: Source, context: Context, permitted: Any
) -> None:
    actions = actions_for(load_catalog(), ["s3"], versions=True)
    environ = permitted(actions)
    whole = draft_of(list(S3Objects().extract(vault, asking, replace(context, environ=environ))))
    assert [told(line)[2] for line in lines_of(whole)].count("held") == 5
    permitted([one for one in actions if one != "s3:ListBucketVersions"])
    found = list(S3Objects().extract(vault, asking, replace(context, environ=environ)))
    draft = draft_of(found)
    assert [line["key"] for line in lines_of(draft, "objects.jsonl")] == ["old", "paper"]
    assert any(loss.startswith("earlier versions of objects: ") for loss in draft.loss)
    assert outcomes(found)["s3:ListObjectVersions vault"] == (CallOutcome.REFUSED, 0)
