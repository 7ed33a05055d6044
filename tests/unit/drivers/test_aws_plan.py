"""What only a parent makes possible hangs below the last of its parents to be known."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import botocore.session
import pytest

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_plan import Selection, plan_for
from exitkit.knowledge.aws_catalog import FOLDER, load_catalog

CATALOG = load_catalog()


def above(name: str) -> set[str]:
    """Walk up from a type, by every parent of every type on the way."""
    row = CATALOG.types.get(name)
    parents = set(row.parent.values()) - {name} if row else set()
    return parents.union(*(above(parent) for parent in parents))


def test_no_child_hangs_above_another_of_its_parents() -> None:
    # Only the last parent knows the names of all before it: above it, the child is never asked.
    session = botocore.session.Session()
    account = Account("123456789012", "aws", "us-east-1", None, session)
    plan = plan_for(account, CATALOG, Selection("all", ("*",), ("us-east-1",)))
    too_high = [
        (row.native_type, parent)
        for parent, rows in plan.children.items()
        for row in rows
        for other in row.parent.values()
        if parent in above(other) and other in CATALOG.types
    ]
    assert too_high == []


def test_a_call_that_one_region_answers_is_made_there_and_nowhere_else() -> None:
    asked = {}
    for partition, regions in (("aws", ("eu-west-1", "eu-west-3")), ("aws-cn", ("cn-north-1",))):
        account = Account("123456789012", partition, regions[0], None, botocore.session.Session())
        plan = plan_for(account, CATALOG, Selection("all", ("wafv2:ListWebACLs",), regions))
        asked[partition] = [(ask.binding, ask.region) for ask in plan.roots]
        refused = [call.reason for call in plan.left_out if call.operation == "wafv2:ListWebACLs"]
        assert refused == ([] if partition == "aws" else ["no region of aws-cn answers for it"])
    assert sorted(asked["aws"]) == [
        ("Scope=CLOUDFRONT", "us-east-1"),
        ("Scope=REGIONAL", "eu-west-1"),
        ("Scope=REGIONAL", "eu-west-3"),
    ]
    assert asked["aws-cn"] == [("Scope=REGIONAL", "cn-north-1")]


def test_no_two_calls_to_a_region_have_one_line_in_the_ledger() -> None:
    account = Account("123456789012", "aws", "us-east-1", None, botocore.session.Session())
    plan = plan_for(account, CATALOG, Selection("all", ("*",), ("us-east-1",)))
    lines = Counter((ask.service, ask.operation, ask.region, ask.binding) for ask in plan.roots)
    assert [line for line, count in lines.items() if count > 1] == []


@pytest.mark.parametrize(
    "operation", ["arc-region-switch:ListPlans", "ecr-public:DescribeRepositories"]
)
def test_what_answers_for_all_regions_is_asked_once_and_of_none(operation: str) -> None:
    # The SDK takes the first to one control plane; two regions answer for the one registry.
    regions = ("eu-west-1", "us-east-1", "us-west-2")
    account = Account("123456789012", "aws", regions[0], None, botocore.session.Session())
    plan = plan_for(account, CATALOG, Selection("all", (operation,), regions))
    assert [(ask.region, ask.rows[0].worldwide) for ask in plan.roots] == [("us-east-1", True)]


def test_cloudformation_has_public_repositories_where_they_are_asked_for() -> None:
    known = json.loads(gzip.decompress((FOLDER / "regions.json.gz").read_bytes()))
    places = int(known["types"]["AWS::ECR::PublicRepository"], 16)
    assert [name for n, name in enumerate(known["regions"]) if places >> n & 1] == ["us-east-1"]
