"""Check the policy that is handed to whoever grants permissions."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from exitkit.errors import InputError
from exitkit.knowledge.aws_actions import as_patterns, load_known_actions
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import (
    LONGEST_INLINE,
    LONGEST_POLICY,
    POLICIES_OF_A_ROLE,
    actions_for,
    caller_policy,
    policy_documents,
    role_policies,
)
from exitkit.knowledge.aws_role import cloudformation_template, terraform_configuration

EVERYTHING = actions_for(load_catalog())
NEWER_THAN_THE_LIST = {
    "connect:ListTestCases", "mediatailor:ListFunctions",
    "emrwal:ListWorkspaces", "quicksight:ListTopicsV2",
    "observabilityadmin:ListThirdPartyTelemetryEnrichments", "secretsmanager:ListResourcePolicies",
    "applicationcostprofiler:ListReportDefinitions", "bedrock-agentcore:ListAgentInsightStores",
    "glue:ListGlossaries", "ivs:ListFailoverSlateConfigurations",
    "rds:DescribeDBCapacityReservations", "sagemaker:ListGlobalInferenceGateways",
    "sagemaker:ListInferenceRouters", "textract:ListProjects",
}  # fmt: skip
"""Actions of calls that the SDK has and the list of IAM's actions does not have yet."""
MANY = [f"made-up:GetTheThingWithNumber{number:05}" for number in range(1800)]
"""As many actions as ten policies hold, and a few more."""
SECRET_READ = re.compile(r"SecretValue|GetParameter|PasswordData|GetRandom|Decrypt|Credential")
READS = re.compile(
    r"(List|Describe|Get|BatchGet|BatchDescribe|Search|View|Select|Scan|GET|Query|Lookup)"
)


def allowed_by(documents: list[dict[str, Any]]) -> list[str]:
    return [
        pattern
        for document in documents
        for statement in document["Statement"]
        for pattern in statement["Action"]
    ]


def strictly_matched(patterns: list[str], actions: list[str]) -> list[str]:
    """Return the actions that the patterns match for a reader who minds the case."""
    return [a for a in actions if any(fnmatchcase(a, pattern) for pattern in patterns)]


def matched(patterns: list[str]) -> set[str]:
    """Return in lower case every action of AWS that the patterns allow."""
    known = {
        f"{prefix}:{name}" for prefix, names in load_known_actions().known.items() for name in names
    } | {action.lower() for action in EVERYTHING}
    by_prefix: dict[str, list[str]] = {}
    for pattern in patterns:
        by_prefix.setdefault(pattern.partition(":")[0], []).append(pattern.lower())
    return {
        action
        for action in known
        if any(fnmatchcase(action, p) for p in by_prefix.get(action.partition(":")[0], ()))
    }


def test_the_policies_allow_exactly_the_actions_of_all_that_aws_has() -> None:
    patterns = allowed_by(list(policy_documents(EVERYTHING)))
    assert matched(patterns) == {action.lower() for action in EVERYTHING}
    assert strictly_matched(patterns, EVERYTHING) == EVERYTHING
    assert len(patterns) == len(set(patterns)) < len(EVERYTHING)


def test_a_compact_policy_adds_nothing_but_harmless_list_and_describe_calls() -> None:
    allowed = matched(allowed_by(list(policy_documents(EVERYTHING, compact=True))))
    added = allowed - {action.lower() for action in EVERYTHING}
    assert {action.lower() for action in EVERYTHING} <= allowed
    doubtful = {
        f"{prefix}:{name}"
        for prefix, names in load_known_actions().doubtful.items()
        for name in names
    }
    assert added
    assert not added & doubtful
    assert all(re.match(r"[a-z0-9-]+:(list|describe)", action) for action in added)


@pytest.mark.parametrize("compact", [False, True])
def test_a_wildcard_stands_only_behind_a_verb_that_reads(compact: bool) -> None:
    for pattern in as_patterns(EVERYTHING, compact=compact):
        name = pattern.partition(":")[2]
        assert READS.match(name), pattern
        assert "*" not in name or re.fullmatch(r"(List|Describe)\w*\*", name), pattern


def test_one_action_less_is_not_let_in_by_a_wildcard() -> None:
    less = [action for action in EVERYTHING if action != "ec2:DescribeVpcs"]
    assert "ec2:describevpcs" not in matched(as_patterns(less))


def test_a_service_whose_actions_nobody_listed_gets_no_wildcard() -> None:
    assert as_patterns(["new-service:ListA", "new-service:ListB"]) == [
        "new-service:ListA",
        "new-service:ListB",
    ]


@pytest.mark.parametrize("compact", [False, True])
def test_no_policy_is_longer_than_iam_accepts(compact: bool) -> None:
    for document in policy_documents(EVERYTHING, compact=compact):
        assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST_POLICY


def test_everything_fits_one_role_within_the_default_quotas() -> None:
    managed, inline = role_policies(EVERYTHING, compact=True)
    assert len(managed) <= POLICIES_OF_A_ROLE
    assert inline is None or len(json.dumps(inline, separators=(",", ":"))) <= LONGEST_INLINE
    allowed = matched(allowed_by([*managed, *([inline] if inline else [])]))
    assert {action.lower() for action in EVERYTHING} <= allowed


def test_what_a_role_carries_beyond_ten_policies_is_inline() -> None:
    managed, inline = role_policies(MANY)
    assert len(managed) == POLICIES_OF_A_ROLE
    assert inline
    assert len(json.dumps(inline, separators=(",", ":"))) <= LONGEST_INLINE
    assert sorted(allowed_by([*managed, inline])) == MANY


def test_more_than_a_role_carries_is_said_with_the_next_move() -> None:
    many = [f"made-up:GetTheThingWithNumber{number:05}" for number in range(4000)]
    with pytest.raises(InputError, match="more than one role carries") as fault:
        role_policies(many)
    assert "--compact" in str(fault.value)


def test_the_template_holds_the_role_its_trust_and_every_policy() -> None:
    template = cloudformation_template(MANY)
    role = template["Resources"]["Reader"]["Properties"]
    names = [reference["Ref"] for reference in role["ManagedPolicyArns"]]
    assert set(names) == set(template["Resources"]) - {"Reader"}
    documents = [template["Resources"][name]["Properties"]["PolicyDocument"] for name in names]
    documents += [policy["PolicyDocument"] for policy in role.get("Policies", ())]
    assert sorted(allowed_by(documents)) == MANY
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": {"Ref": "TrustedPrincipal"}}


def test_terraform_gets_the_same_policies_and_attaches_each() -> None:
    configuration = terraform_configuration(MANY)
    policies = configuration["locals"]["policies"]
    assert sorted(allowed_by(list(policies.values()))) == MANY
    resources = configuration["resource"]
    attached = {*resources["aws_iam_policy"], *resources.get("aws_iam_role_policy", ())}
    assert attached == set(policies)
    assert resources["aws_iam_policy"].keys() == resources["aws_iam_role_policy_attachment"].keys()


def test_the_caller_may_enter_the_named_role_and_no_other() -> None:
    listing, role = caller_policy(load_catalog(), "audit")["Statement"]
    assert role["Action"] == "sts:AssumeRole"
    assert role["Resource"] == "arn:*:iam::*:role/audit"
    assert all(action.startswith("organizations:List") for action in listing["Action"])


def test_every_action_exists_in_aws_by_the_name_it_has_there() -> None:
    known = load_known_actions().known
    unknown = {
        action
        for action in EVERYTHING
        for prefix, _, name in [action.lower().partition(":")]
        if name.startswith(("list", "describe")) and name not in known.get(prefix, ())
    }
    assert unknown <= NEWER_THAN_THE_LIST


def test_no_action_reads_a_secret() -> None:
    known = {"iam:GetCredentialReport"}
    found = {action for action in EVERYTHING if SECRET_READ.search(action)} - known
    assert all(re.search(r":(List|Describe|Get)\w*Credential", action) for action in found), found
    assert not {action for action in found if "Value" in action or "GetParameter" in action}


def test_a_selection_needs_no_more_than_its_own_services() -> None:
    actions = actions_for(load_catalog(), ["sqs", "kms:ListKeys"])
    services = {action.split(":")[0] for action in actions}
    assert services == {"sqs", "kms", "sts", "ec2", "tag"}
    assert [action for action in actions if action.startswith("ec2:")] == ["ec2:DescribeRegions"]


def test_reading_data_can_be_left_out() -> None:
    with_data = set(actions_for(load_catalog(), ["s3", "dynamodb"]))
    without = set(actions_for(load_catalog(), ["s3", "dynamodb"], data=False))
    assert with_data - without == {
        "s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket", "s3:ListBucketVersions",
        "dynamodb:Scan",
    }  # fmt: skip


def test_only_who_fetches_earlier_versions_may_read_them() -> None:
    beside = {"s3:GetObjectVersion", "s3:GetObjectVersionTagging"}
    fetched = set(actions_for(load_catalog(), ["s3"], versions=True))
    assert fetched - set(actions_for(load_catalog(), ["s3"])) == beside
    assert not beside & set(actions_for(load_catalog(), ["s3"], data=False, versions=True))
    assert not beside & set(actions_for(load_catalog(), ["sqs"], versions=True))
