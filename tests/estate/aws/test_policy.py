"""Take stock of AWS under precisely the policy that is printed, with enforcement on."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from exitkit.cli.main import run
from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account, aws_seed
from exitkit.engine.snapshot import take_snapshot
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for, caller_policy, policy_documents
from exitkit.knowledge.aws_role import ROLE_NAME, cloudformation_template
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call
from exitkit.ports import Context, Finding, Source
from exitkit.store.keys import generate_key
from exitkit.workspace.files import load_workspace

CATALOG = load_catalog()
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
EXTERNAL_ID = "4711-ab"
SOME = [
    pattern
    for pattern in aws_seed.SERVICES
    if pattern.partition(":")[0] in ("dynamodb", "kms", "s3", "sqs")
]
SOME += ["ec2:DescribeVpcs", "ec2:DescribeSubnets"]
EMULATOR_ASKS_FOR = {
    "s3:GetEncryptionConfiguration": "s3:ListBucket",
    "s3:GetBucketPublicAccessBlock": "s3:ListBucket",
}
"""Defects of the emulator: actions it checks under the name of another one.

Two more are why the role is made by hand from the template: its CloudFormation attaches no managed
policy to a role, and stores a role's inline policies in a form that its own check cannot read. And
it lets in who gives no external id at all, where one is asked for.
"""


EVERY_TYPE = "*"
IamUser = Callable[[Any, str, list[dict[str, Any]]], dict[str, str]]
"""Makes a user with policies, and returns the keys."""


@dataclass(frozen=True, slots=True)
class Case:
    """An action taken away, the operation it refuses, and the types whose items it finds."""

    action: str
    operation: str
    native_type: str


CASES = (
    Case("ec2:DescribeVpcs", "ec2:DescribeVpcs", "AWS::EC2::VPC"),
    Case("sqs:GetQueueAttributes", "sqs:GetQueueAttributes", "AWS::SQS::Queue"),
    Case("dynamodb:Scan", "dynamodb:Scan", "AWS::DynamoDB::Table"),
    Case("s3:ListAllMyBuckets", "s3:ListBuckets", "AWS::S3::Bucket"),
    Case("tag:GetResources", "resourcegroupstaggingapi:GetResources", EVERY_TYPE),
)


@dataclass(slots=True)
class Ground:
    """The estate with enforcement on, and the keys of everybody who may look at it."""

    endpoint: str
    estate: aws_seed.Estate
    role: str = f"arn:aws:iam::{aws_seed.ACCOUNT_ID}:role/{ROLE_NAME}"
    entrant: dict[str, str] = field(default_factory=dict)
    readers: dict[str, dict[str, str]] = field(default_factory=dict)


def deploy(iam: Any, template: dict[str, Any], trusted: str) -> None:
    """Make the role of the template, as CloudFormation would with its parameters filled in."""
    role = template["Resources"]["Reader"]["Properties"]
    trust = json.loads(
        json.dumps(role["AssumeRolePolicyDocument"])
        .replace('{"Ref": "TrustedPrincipal"}', json.dumps(trusted))
        .replace('{"Ref": "ExternalId"}', json.dumps(EXTERNAL_ID))
    )
    (statement,) = trust["Statement"]
    _, statement["Condition"], _ = statement["Condition"]["Fn::If"]
    iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps(trust))
    for reference in role["ManagedPolicyArns"]:
        document = template["Resources"][reference["Ref"]]["Properties"]["PolicyDocument"]
        made = iam.create_policy(PolicyName=reference["Ref"], PolicyDocument=json.dumps(document))
        iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn=made["Policy"]["Arn"])
    for policy in role.get("Policies", ()):
        iam.put_role_policy(
            RoleName=ROLE_NAME,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )


@pytest.fixture(scope="module")
def ground(iam_user: IamUser) -> Iterator[Ground]:
    """Everybody is there before the first look, so that all see the same estate."""
    with aws_account.running() as account:
        ground = Ground(account.endpoint_url, aws_seed.seed(account))
        aws_account.relax(account)
        iam = boto3.client(
            "iam",
            region_name="us-east-1",
            endpoint_url=account.endpoint_url,
            aws_access_key_id=account.admin["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=account.admin["AWS_SECRET_ACCESS_KEY"],
        )
        ground.entrant = iam_user(iam, "entrant", [caller_policy(CATALOG, ROLE_NAME)])
        entrant = f"arn:aws:iam::{aws_seed.ACCOUNT_ID}:user/entrant"
        deploy(iam, cloudformation_template(actions_for(CATALOG), compact=True), entrant)
        actions = actions_for(CATALOG, SOME)
        ground.readers[""] = iam_user(iam, "reader", list(policy_documents(actions)))
        whole = actions_for(CATALOG, aws_seed.SERVICES)
        ground.readers["everything"] = iam_user(iam, "reader-of-all", list(policy_documents(whole)))
        for action in (*(case.action for case in CASES), "s3:ListBucket"):
            assert action in actions
            less = [one for one in actions if one != action]
            name = f"without-{action.replace(':', '-')}"
            ground.readers[action] = iam_user(iam, name, list(policy_documents(less)))
        aws_account.enforce(account)
        yield ground


def collected(ground: Ground, folder: Path, keys: dict[str, str], **more: Any) -> list[Finding]:
    settings = {
        "endpoint_url": ground.endpoint,
        "regions": list(aws_seed.REGIONS),
        "services": list(aws_seed.SERVICES),
        **more,
    }
    context = Context(NOW, folder, b"k" * 32, keys)
    return list(AwsCollector().collect(Source("prod", "aws", settings, folder), context))


def identities(findings: list[Finding]) -> set[aws_seed.Expected]:
    refs = [finding.ref for finding in findings if isinstance(finding, Asset)]
    return {(ref.native_type, ref.native_id, ref.region) for ref in refs}


def still_open(findings: list[Finding]) -> list[tuple[str, str]]:
    lines = [f for f in findings if isinstance(f, Call) and f.is_open]
    return [(line.operation, line.permission) for line in lines]


def test_the_policy_of_the_settings_takes_stock_of_the_estate_without_a_refusal(
    ground: Ground, tmp_path: Path
) -> None:
    findings = collected(ground, tmp_path, ground.readers["everything"])
    assert still_open(findings) == []
    assert set(ground.estate.expected) - identities(findings) == set()


def test_the_role_of_the_template_takes_stock_without_a_refusal(
    ground: Ground, tmp_path: Path
) -> None:
    accounts = [{"role_arn": ground.role, "external_id": EXTERNAL_ID}]
    # The emulator reads all policies of the role anew for every call: some services will do.
    few = ["dynamodb:*Table*", "ec2:DescribeSubnets", "kms:ListAliases", "s3:ListBuckets"]
    findings = collected(ground, tmp_path, ground.entrant, accounts=accounts, services=few)
    assert still_open(findings) == []
    same = collected(ground, tmp_path, ground.readers[""], services=few)
    assert identities(findings) == identities(same)


def test_with_another_external_id_the_role_stays_shut(ground: Ground, tmp_path: Path) -> None:
    account = {"role_arn": ground.role, "external_id": "4711-xy"}
    (line,) = collected(ground, tmp_path, ground.entrant, accounts=[account])
    assert isinstance(line, Call)
    assert (line.operation, line.permission) == ("sts:AssumeRole", "sts:AssumeRole")


def test_what_the_caller_may_do_is_not_enough_to_look_at_anything(
    ground: Ground, tmp_path: Path
) -> None:
    findings = collected(ground, tmp_path, ground.entrant, services=["sqs:ListQueues"])
    assert not [finding for finding in findings if isinstance(finding, Asset)]
    assert ("sqs:ListQueues", "sqs:ListQueues") in still_open(findings)


def test_the_emulators_wrong_names_are_those_listed(ground: Ground, tmp_path: Path) -> None:
    keys = ground.readers["s3:ListBucket"]
    findings = collected(ground, tmp_path, keys, services=SOME)
    wrong = {action for action, asked in EMULATOR_ASKS_FOR.items() if asked == "s3:ListBucket"}
    assert {permission for _, permission in still_open(findings)} == wrong


@dataclass(slots=True)
class Bundles:
    """Takes snapshots of the ground with the keys of one reader or another."""

    root: Path
    ground: Ground

    def taken_by(self, reader: str) -> tuple[Path, dict[str, dict[str, Any]]]:
        """Return the bundle and its records by id."""
        snapshot = take_snapshot(
            load_workspace(self.root),
            only_sources=(),
            now=lambda: NOW,
            environ=self.ground.readers[reader],
            progress=lambda _source, _line: None,
        )
        records = {}
        for file in sorted((snapshot.path / "data/records").glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                records[record["@id"]] = record
        return snapshot.path, records


@pytest.fixture(scope="module")
def bundles(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    root = tmp_path_factory.mktemp("workspace")
    generate_key(root / "keys/exitkit.pem", root / "keys/exitkit.pub")
    (root / "keys/masking.key").write_text("00" * 32)
    source = {
        "id": "prod",
        "type": "aws",
        "endpoint_url": ground.endpoint,
        "regions": list(aws_seed.REGIONS),
        "services": SOME,
    }
    workspace = {
        "schema": "exitkit/workspace/1",
        "series": "acme",
        "sources": [source],
        "signing": {"key": "keys/exitkit.pem", "trust": ["keys/exitkit.pub"]},
    }
    (root / "exitkit.yaml").write_text(json.dumps(workspace))
    return Bundles(root, ground)


@pytest.fixture(scope="module")
def everything(bundles: Bundles) -> dict[str, dict[str, Any]]:
    _, records = bundles.taken_by("")
    assert [r for r in records.values() if r.get("outcome") in ("refused", "unavailable")] == []
    return records


def concerned(case: Case, records: dict[str, dict[str, Any]]) -> set[str]:
    """Return the ids of all records that the refused call could have had a part in."""
    below = {case.native_type}
    rows = list(CATALOG.rows())
    operations = {case.operation, "dynamodb:Scan", "s3:ListObjectsV2", "s3:GetObject"}
    operations |= {"s3:GetObjectTagging", "s3:ListObjectVersions"}
    operations |= {
        f"{row.service}:{operation}"
        for row in rows
        if row.native_type in below or below & set(row.parent.values())
        for operation in row.operations
    }
    assets = {
        name
        for name, record in records.items()
        if record["@type"] == "Asset" and below & {record["provider"]["nativeType"], EVERY_TYPE}
    }
    return {
        name
        for name, record in records.items()
        if name in assets
        or assets & {record.get("asset"), record.get("from"), record.get("to")}
        or record.get("operation") in operations
    }


@pytest.mark.parametrize("case", CASES, ids=[case.action for case in CASES])
def test_one_action_less_is_exactly_its_refusal_in_ledger_and_report(
    case: Case, bundles: Bundles, everything: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    bundle, records = bundles.taken_by(case.action)
    refusals = [r for r in records.values() if r.get("outcome") == "refused"]
    assert refusals
    assert {(r["operation"], r["permission"]) for r in refusals} == {(case.operation, case.action)}

    changed = {
        name
        for name in everything.keys() | records.keys()
        if everything.get(name) != records.get(name)
    }
    may_change = concerned(case, everything) | concerned(case, records)
    assert {name: everything.get(name, records.get(name)) for name in changed - may_change} == {}

    report = tmp_path / "report.json"
    arguments = ["report", str(bundle), "-w", str(bundles.root)]
    assert run([*arguments, "--format", "json", "--output", str(report)]) == 0
    shown = json.loads(report.read_text(encoding="utf-8"))["coverage"]["open"]
    assert {(row["operation"], row["permission"]) for row in shown} == {
        (case.operation, case.action)
    }
    assert len(shown) == len(refusals)
    said = [row["reason"] for row in shown]
    assert all(reason.startswith(f"{case.action} refused: ") for reason in said)
