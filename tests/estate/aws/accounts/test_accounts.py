"""Hold what the collector finds in two accounts and three regions against what was put there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.demo import aws_account
from exitkit.engine.collect import collect
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for, policy_documents
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call
from exitkit.ports import Context, Finding, Limits, Source
from exitkit.store.canonical import canonical_bytes
from exitkit.store.records import asset_record, call_record

pytestmark = pytest.mark.timeout(900)

FIRST = "123456789012"
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found, and what was put there with the emulator's defects allowed for."""

    findings: list[Finding]
    expected: Mapping[Any, Any]
    allowed: frozenset[tuple[str, str]]
    """(native type, trait) of the defects."""

    @property
    def found(self) -> dict[Any, tuple[str, tuple[tuple[str, str], ...]]]:
        return {
            (a.ref.scope, a.ref.region, a.ref.native_type, a.ref.native_id): (
                dict(a.identifiers).get("arn", ""),
                a.tags,
            )
            for a in self.findings
            if isinstance(a, Asset)
        }

    def differences(self) -> list[tuple[str, str, Any]]:
        """Return (native type, what is wrong, identity) of each thing that is not as put there."""
        found = self.found
        wrong = [(one[2], "missing", one) for one in self.expected.keys() - found.keys()]
        wrong += [(one[2], "extra", one) for one in found.keys() - self.expected.keys()]
        for one in self.expected.keys() & found.keys():
            traits, (arn, tags) = self.expected[one], found[one]
            wrong += [(one[2], "arn", one)] if arn != traits.arn else []
            wrong += [(one[2], "tags", one)] if tags != traits.tags else []
        return sorted(wrong)


@pytest.fixture(scope="module")
def sources(accounts: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Every call of the catalog to the services that were seeded, but those without an answer.

    All services in all regions would take minutes.
    """
    base = tmp_path_factory.mktemp("workspace")
    endpoint = {"endpoint_url": accounts.endpoint_url, "depth": "full"}
    wide = {
        "regions": sorted({region for _, region, _, _ in accounts.expected if region}),
        "accounts": [{}, {"role_arn": accounts.role}],
        "services": sorted(accounts.asked(everywhere=True)),
    }
    deep = {"regions": ["eu-west-1"], "services": sorted(accounts.asked(everywhere=False))}
    return [
        Source("wide", "aws", endpoint | wide, base),
        Source("deep", "aws", endpoint | deep, base),
    ]


@pytest.fixture(scope="module")
def context(accounts: Any, tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(NOW, tmp_path_factory.mktemp("spool"), b"k" * 32, dict(accounts.admin))


@pytest.fixture(scope="module")
def inventory(accounts: Any, sources: list[Source], context: Context) -> Inventory:
    findings = [one for source in sources for one in AwsCollector().collect(source, context)]
    return Inventory(findings, accounts.expected, accounts.defects.wrong)


def test_the_estate_is_as_large_as_it_has_to_be(accounts: Any) -> None:
    assert len(accounts.expected) >= 300
    assert len({native_type for _, _, native_type, _ in accounts.expected}) >= 150
    assert len({account for account, _, _, _ in accounts.expected}) == 2
    assert len({region for _, region, _, _ in accounts.expected if region}) == 3


def test_everything_is_found_with_its_names_and_tags_and_nothing_else(
    inventory: Inventory,
) -> None:
    wrong = [one for one in inventory.differences() if one[:2] not in inventory.allowed]
    assert wrong == []


def test_every_defect_of_the_emulator_still_is_one(inventory: Inventory) -> None:
    seen = {(native_type, trait) for native_type, trait, _ in inventory.differences()}
    listed = {one for one in inventory.allowed if one[1] != "unstable"}
    assert listed - seen == set()


def test_every_call_was_answered(inventory: Inventory) -> None:
    lines = [one for one in inventory.findings if isinstance(one, Call)]
    assert [(line.operation, line.reason) for line in lines if line.is_open] == []


def test_calls_listed_as_unanswered_still_are(accounts: Any) -> None:
    assert accounts.defects.unanswered <= {
        (row.service, operation) for row in load_catalog().rows() for operation in row.operations
    }
    assert [call for call in sorted(accounts.defects.unanswered) if accounts.answers(*call)] == []


def test_the_same_account_listed_twice_gives_the_same_records(
    inventory: Inventory, sources: list[Source], context: Context
) -> None:
    unstable = {name for name, trait in inventory.allowed if trait == "unstable"}

    def records(findings: list[Finding]) -> list[tuple[str, bytes]]:
        found = [one for one in findings if isinstance(one, Asset) and in_deep(one)]
        lines = [(one.ref.native_type, canonical_bytes(asset_record(one))) for one in found]
        calls = [one for one in findings if isinstance(one, Call) and one.source == "deep"]
        lines += [(one.operation, canonical_bytes(call_record(one))) for one in calls]
        return sorted(lines)

    def in_deep(asset: Asset) -> bool:
        return asset.ref.native_type.split("::")[1] in deep

    _, source = sources
    named = {entry.partition(":")[0] for entry in source.settings["services"]}
    rows = load_catalog().rows()
    deep = {row.native_type.split("::")[1] for row in rows if row.service in named}
    twice = replace(source, settings={**source.settings, "accounts": [{}, {}]})
    before, after = inventory.findings, list(AwsCollector().collect(twice, context))
    differ = {name for name, _ in set(records(before)) ^ set(records(after))}
    assert differ == unstable


CASES = {
    "list": ("elasticfilesystem:DescribeFileSystems", "efs:DescribeFileSystems"),
    "detail": ("kms:DescribeKey", "kms:DescribeKey"),
    "tag": ("tag:GetResources", "resourcegroupstaggingapi:GetResources"),
    "child": ("ecs:ListServices", "ecs:ListServices"),
    "content": ("ssm:GetDocument", "ssm:GetDocument"),
}
"""An action of each class, and the call that needs it."""
ENTER = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


@dataclass(frozen=True, slots=True)
class Policed:
    """The estate with policies in force: the keys of who may do all, and of who lacks one action.

    `services` are those of a case.
    """

    reader: Mapping[str, str]
    less: Mapping[str, Mapping[str, str]]
    services: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def policed(accounts: Any, sources: list[Source], inventory: Inventory, iam_user: Any) -> Policed:
    """What the policies are made for is there only after everything was found without them."""
    assert inventory.findings
    catalog = load_catalog()
    asked = [entry for one in sources for entry in one.settings["services"]]
    documents = list(policy_documents(actions_for(catalog, asked)))
    enter = {**documents[0], "Statement": [*documents[0]["Statement"], ENTER]}
    iam = accounts.client("iam", (FIRST, "us-east-1"))
    reader = iam_user(iam, "policy-reader", [enter, *documents[1:]])
    accounts.let_in(documents)
    less, services = {}, {}
    for name, (action, called) in CASES.items():
        service = "sqs" if name == "tag" else called.partition(":")[0]
        services[name] = [entry for entry in asked if entry.startswith(f"{service}:")]
        needed = actions_for(catalog, services[name])
        documents = list(policy_documents([one for one in needed if one != action]))
        less[name] = iam_user(iam, f"policy-without-{name}", documents)
        assert action in needed
    aws_account.enforce(accounts.running)
    return Policed(reader, less, services)


def test_the_printed_policy_is_enough_for_all_of_the_estate(
    policed: Policed, accounts: Any, sources: list[Source], inventory: Inventory, context: Context
) -> None:
    reading = replace(context, environ=policed.reader)
    findings = [one for source in sources for one in AwsCollector().collect(source, reading)]
    refused = [one for one in findings if isinstance(one, Call) and one.is_open]
    assert {line.operation for line in refused} == accounts.defects.refused
    below = {operation.partition(":")[0] for operation in accounts.defects.refused}
    rows = {row.native_type for row in load_catalog().rows() if row.service in below}
    found = replace(inventory, findings=findings).found
    assert {one[2] for one in inventory.found.keys() - found.keys()} - rows == set()


@pytest.mark.parametrize("case", CASES)
def test_an_action_less_is_its_refusal_and_no_other(
    case: str, policed: Policed, accounts: Any, context: Context, tmp_path: Path
) -> None:
    action, called = CASES[case]
    settings = {
        "endpoint_url": accounts.endpoint_url, "regions": ["eu-west-1"],
        "services": policed.services[case],
    }  # fmt: skip
    harvest = collect(
        [Source("less", "aws", settings, tmp_path)], [], limits=Limits(), now=NOW, spool=tmp_path,
        mask_key=b"k" * 32, environ=policed.less[case], progress=lambda _source, _line: None,
    )  # fmt: skip
    refused = [one for one in harvest.calls.values() if one.is_open]
    assert {(one.operation, one.permission) for one in refused} == {(called, action)}
    assert all(one.reason.startswith(f"{action} refused: ") for one in refused)
