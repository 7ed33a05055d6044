"""Hold the AWS collector against an account on loopback that refuses what IAM does not allow."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.loaders import Loader

from exitkit import plugins
from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account, aws_seed
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for, policy_documents
from exitkit.model.asset import Asset
from exitkit.model.holdings import Access, Dataset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import path_fault

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SERVICES = list(aws_seed.SERVICES)
SIGNED_AS = {"tagging": "resourcegroupstaggingapi"}
"""Services whose requests are signed for another name than the SDK's."""


@pytest.fixture(scope="module")
def account() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as running:
        yield running


@pytest.fixture(scope="module")
def estate(account: aws_account.AwsAccount) -> aws_seed.Estate:
    return aws_seed.seed(account)


@pytest.fixture(scope="module")
def source(
    account: aws_account.AwsAccount,
    estate: aws_seed.Estate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Source:
    settings = {
        "endpoint_url": account.endpoint_url,
        "regions": list(aws_seed.REGIONS),
        "services": SERVICES,
    }
    return Source("prod", "aws", settings, tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def context(estate: aws_seed.Estate, tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(NOW, tmp_path_factory.mktemp("spool"), b"k" * 32, estate.collector)


@pytest.fixture(scope="module")
def findings(source: Source, context: Context) -> list[Finding]:
    """What one collection with the estate's own credentials gives."""
    return collected(source, context)


@pytest.fixture(scope="module")
def data(findings: list[Finding], source: Source, context: Context) -> list[Finding]:
    """What the extractors give for it."""
    return extracted(findings, source, context)


def collected(source: Source, context: Context) -> list[Finding]:
    return list(AwsCollector().collect(source, context))


def identities(findings: list[Finding]) -> list[tuple[str, str, str]]:
    refs = [finding.ref for finding in findings if isinstance(finding, Asset)]
    return sorted((ref.native_type, ref.native_id, ref.region) for ref in refs)


def refused(findings: list[Finding]) -> set[tuple[str, str]]:
    return {
        (finding.operation, finding.permission)
        for finding in findings
        if isinstance(finding, Call) and finding.outcome is CallOutcome.REFUSED
    }


def open_outcomes(findings: list[Finding]) -> set[CallOutcome]:
    calls = [finding for finding in findings if isinstance(finding, Call)]
    return {call.outcome for call in calls if call.is_open}


def everything(findings: list[Finding]) -> bytes:
    """All that any output could be made of, contents of files included."""
    parts = [repr(finding).encode() for finding in findings]
    for finding in findings:
        if isinstance(finding, Draft):
            for content in finding.contents:
                body = content.body
                parts.append(body if isinstance(body, bytes) else body.read_bytes())
    return b"\n".join(parts)


def extracted(findings: list[Finding], source: Source, context: Context) -> list[Finding]:
    return [
        found
        for extractor in plugins.load_all("extractors")
        for asset in findings
        if isinstance(asset, Asset) and asset.ref.native_type in extractor.native_types
        for found in extractor.extract(asset, source, context)
    ]


@pytest.fixture
def reader(account: aws_account.AwsAccount, estate: aws_seed.Estate) -> Iterator[Any]:
    """Makes users who may do exactly what is asked for, and nothing else."""
    iam = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=account.endpoint_url,
        aws_access_key_id=account.admin["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=account.admin["AWS_SECRET_ACCESS_KEY"],
    )

    def make(actions: list[str]) -> dict[str, str]:
        iam.create_user(UserName="reader")
        for number, document in enumerate(policy_documents(actions)):
            iam.put_user_policy(
                UserName="reader", PolicyName=f"p{number}", PolicyDocument=json.dumps(document)
            )
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        aws_account.enforce(account)
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    aws_account.relax(account)
    yield make
    aws_account.relax(account)
    for key in iam.list_access_keys(UserName="reader")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
    for name in iam.list_user_policies(UserName="reader")["PolicyNames"]:
        iam.delete_user_policy(UserName="reader", PolicyName=name)
    iam.delete_user(UserName="reader")
    aws_account.enforce(account)


def test_everything_is_found_and_nothing_else(
    findings: list[Finding], estate: aws_seed.Estate
) -> None:
    assert identities(findings) == estate.expected


def test_the_ledger_has_no_open_line_but_the_refusal_planted_on_purpose(
    findings: list[Finding], estate: aws_seed.Estate
) -> None:
    assert open_outcomes(findings) == {CallOutcome.REFUSED}
    assert refused(findings) == {(estate.refused, estate.refused)}


def test_the_generated_policy_is_enough(source: Source, context: Context, reader: Any) -> None:
    environ = reader(actions_for(load_catalog(), SERVICES))
    findings = collected(source, replace(context, environ=environ))
    findings += extracted(findings, source, replace(context, environ=environ))
    assert not open_outcomes(findings)


@pytest.mark.parametrize(
    ("action", "operation"),
    [
        ("sqs:ListQueues", "sqs:ListQueues"),
        ("s3:ListAllMyBuckets", "s3:ListBuckets"),
        ("s3:GetBucketVersioning", "s3:GetBucketVersioning"),
        ("lambda:ListFunctions", "lambda:ListFunctions"),
    ],
)
def test_a_missing_action_is_the_one_refusal_and_is_named(
    source: Source, context: Context, reader: Any, action: str, operation: str
) -> None:
    actions = [name for name in actions_for(load_catalog(), SERVICES) if name != action]
    findings = collected(source, replace(context, environ=reader(actions)))
    assert refused(findings) == {(operation, action)}


def test_the_server_saw_no_call_outside_the_read_set(
    account: aws_account.AwsAccount, source: Source, context: Context
) -> None:
    aws_account.record(account)
    findings = collected(source, context)
    extracted(findings, source, context)
    seen = {operation_of(request) for request in aws_account.recorded(account)}
    assert len(seen) > 40
    assert seen <= set(load_catalog().read_set())


def test_no_planted_secret_is_in_any_output(
    findings: list[Finding], data: list[Finding], estate: aws_seed.Estate
) -> None:
    output = everything([*findings, *data])
    assert estate.canary.encode() in output
    for place, secret in estate.secrets.items():
        assert secret.encode() not in output, place
        assert base64.b64encode(secret.encode()) not in output, place
    assert b"<masked:" in output


def test_an_unchanged_account_listed_twice_gives_the_same_records(
    findings: list[Finding], source: Source, context: Context
) -> None:
    def comparable(found: list[Finding]) -> list[str]:
        kept = [replace(f, duration_ms=0) if isinstance(f, Call) else f for f in found]
        return sorted(map(repr, kept))

    twice = replace(source, settings={**source.settings, "accounts": [{}, {}]})
    assert comparable(findings) == comparable(collected(twice, context))


def test_region_patterns_are_expanded_and_the_call_is_in_the_ledger(
    source: Source, context: Context, estate: aws_seed.Estate
) -> None:
    settings = {**source.settings, "regions": ["eu-central-?"], "services": ["sqs", "s3:*"]}
    findings = collected(replace(source, settings=settings), context)
    calls = [finding for finding in findings if isinstance(finding, Call)]
    (regions,) = [call for call in calls if call.operation == "ec2:DescribeRegions"]
    assert regions.outcome is CallOutcome.COLLECTED
    assert {call.region for call in calls if call.operation == "sqs:ListQueues"} <= {
        "eu-central-1", "eu-central-2",
    }  # fmt: skip
    assert [i for i in identities(findings) if i[0] == "AWS::S3::Bucket"] == [
        ("AWS::S3::Bucket", "crm-archive", "eu-central-1")
    ]
    outside = [c for c in calls if c.operation == "s3:ListBuckets" and c.region == "eu-west-1"]
    assert [(c.outcome, c.count) for c in outside] == [(CallOutcome.EXCLUDED, 2)]


def test_what_the_settings_leave_out_is_in_the_ledger_once_with_its_reason(
    findings: list[Finding],
) -> None:
    calls = [finding for finding in findings if isinstance(finding, Call)]
    (batch,) = [call for call in calls if call.operation == "batch:DescribeJobQueues"]
    assert batch.outcome is CallOutcome.EXCLUDED
    assert "services:" in batch.reason
    assert len({call.urn for call in calls}) == len(calls)


def test_grants_name_who_what_and_through_which_policy(findings: list[Finding]) -> None:
    grants = [finding for finding in findings if isinstance(finding, Access)]
    (start,) = [
        grant
        for grant in grants
        if grant.principal.native_id == "operator-1" and grant.permission == "ec2:StartInstances"
    ]
    assert start.via == ("group operators", "inline policy operate")
    assert {grant.effect for grant in grants} == {"allow", "deny"}
    assert any(grant.permission.startswith("assumed-by:Service:lambda") for grant in grants)


def test_objects_come_along_with_their_own_names(data: list[Finding]) -> None:
    drafts = {f.ref.native_id: f for f in data if isinstance(f, Draft) and f.aspect is Aspect.DATA}
    assert drafts["crm-documents"].level is Level.IMPORTABLE
    contents = {content.path: content for content in drafts["crm-documents"].contents}
    assert not [path for path in contents if path_fault(path)]
    (listing,) = [
        f.listing for f in data if isinstance(f, Dataset) and f.ref.native_id == "crm-documents"
    ]
    body = contents[listing].body
    assert isinstance(body, Path)
    lines = {line["key"]: line for line in map(json.loads, body.read_bytes().splitlines())}
    assert "Verträge/Müller & Söhne.txt" in lines
    kept = contents[lines["Verträge/Müller & Söhne.txt"]["path"]].body
    assert isinstance(kept, Path)
    assert kept.read_text() == "Kündigungsfrist: drei Monate\n"
    items = drafts["crm-customers"].contents[0].body
    assert isinstance(items, Path)
    assert len(items.read_bytes().splitlines()) == 25


def test_objects_beyond_the_budget_are_listed_only(
    findings: list[Finding], source: Source, context: Context
) -> None:
    small = replace(context, limits=replace(context.limits, inline_data_bytes=1000))
    held = extracted(findings, source, small)
    (draft,) = [f for f in held if isinstance(f, Draft) and f.ref.native_id == "crm-documents"]
    assert draft.level is Level.DESCRIBED
    assert sorted(content.path for content in draft.contents) == [
        "datasets/crm-documents/objects.jsonl",
        "datasets/crm-documents/versions.jsonl",
    ]


def test_secret_values_and_unreachable_code_end_as_gaps(data: list[Finding]) -> None:
    gaps = {(f.ref.native_type, f.aspect) for f in data if isinstance(f, Gap)}
    assert gaps == {
        # No login was given for what is in it.
        ("AWS::RDS::DBInstance", Aspect.DATA),
        ("AWS::SecretsManager::Secret", Aspect.CREDENTIALS),
        ("AWS::SSM::Parameter", Aspect.CREDENTIALS),
        ("AWS::Lambda::Function", Aspect.CODE),
        ("AWS::CertificateManager::Certificate", Aspect.CREDENTIALS),
        ("AWS::CertificateManager::Certificate", Aspect.IDENTITY),
    }


def test_the_source_says_what_it_is_so_that_no_rehearsal_writes_to_it(
    account: aws_account.AwsAccount, source: Source, context: Context
) -> None:
    assert AwsCollector().identities(source, context) == {
        f"endpoint:{account.endpoint_url}",
        f"aws-account:{aws_seed.ACCOUNT_ID}",
    }


def test_doctor_names_the_permission_that_is_missing(
    source: Source, context: Context, estate: aws_seed.Estate
) -> None:
    checks = list(AwsCollector().checks(source, context))
    bad = [check for check in checks if not check.ok]
    assert [check.subject for check in bad] == [f"prod: {estate.refused}"]
    assert estate.refused in bad[0].next_move


def test_wrong_credentials_are_one_refused_line(source: Source, context: Context) -> None:
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAWRONG", "AWS_SECRET_ACCESS_KEY": "wrong"}
    (call,) = collected(source, replace(context, environ=wrong))
    assert isinstance(call, Call)
    assert (call.operation, call.outcome) == ("sts:GetCallerIdentity", CallOutcome.REFUSED)


def test_an_account_that_is_not_the_one_expected_is_refused(
    source: Source, context: Context
) -> None:
    settings = {**source.settings, "accounts": [{"account_id": "111111111111"}]}
    (call,) = collected(replace(source, settings=settings), context)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.REFUSED
    assert aws_seed.ACCOUNT_ID in call.reason


def operation_of(request: Mapping[str, Any]) -> tuple[str, str]:
    """Name the operation of a request from its bytes alone, as AWS itself has to."""
    headers = {name.lower(): value for name, value in request["headers"].items()}
    service = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers["authorization"])
    assert service
    signed_for = SIGNED_AS.get(service.group(1), service.group(1))
    if target := headers.get("x-amz-target"):
        return signed_for, target.rsplit(".", 1)[1]
    body = request.get("body") or ""
    if request.get("body_encoded"):
        body = base64.b64decode(body).decode()
    if action := parse_qs(body).get("Action"):
        return signed_for, action[0]
    return signed_for, rest_operation(signed_for, request["method"], request["url"])


def rest_operation(service: str, method: str, url: str) -> str:
    parts = urlsplit(url)
    given = parse_qs(parts.query, keep_blank_values=True).keys()
    best = (-1000, "")
    for name, wanted_method, pattern, keys in routes(service):
        if wanted_method == method and keys <= given and re.fullmatch(pattern, parts.path):
            best = max(best, (len(keys) * 100 - pattern.count("+"), name))
    return best[1]


@cache
def routes(service: str) -> list[tuple[str, str, str, set[str]]]:
    """Return (operation, method, pattern of the path, required query keys) of a REST service."""
    model = Loader().load_service_model(service, "service-2")
    found = []
    for name, row in model["operations"].items():
        path, _, fixed = row["http"]["requestUri"].partition("?")
        keys = {key.split("=")[0] for key in fixed.split("&") if key}
        shape = model["shapes"][row["input"]["shape"]] if "input" in row else {}
        for member in shape.get("required", ()):
            place = shape["members"][member]
            if place.get("location") == "querystring":
                keys.add(place["locationName"])
        pattern = re.sub(r"\\\{[^}]+\\\+\\\}", ".+", re.escape(path))
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", pattern).rstrip("/") + "/?"
        found.append((name, row["http"]["method"], pattern, keys))
    return found
