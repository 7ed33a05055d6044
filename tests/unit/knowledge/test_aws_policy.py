"""Check the policy that is handed to whoever grants permissions."""

from __future__ import annotations

import json
import re

from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import LONGEST_POLICY, actions_for, policy_documents

EVERYTHING = actions_for(load_catalog())
SECRET_READ = re.compile(r"SecretValue|GetParameter|PasswordData|GetRandom|Decrypt|Credential")


def test_the_policies_allow_exactly_the_actions() -> None:
    allowed = [
        action
        for document in policy_documents(EVERYTHING)
        for statement in document["Statement"]
        for action in statement["Action"]
    ]
    assert sorted(allowed) == EVERYTHING
    assert not [action for action in allowed if "*" in action]


def test_no_policy_is_longer_than_iam_accepts() -> None:
    for document in policy_documents(EVERYTHING):
        assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST_POLICY


def test_no_action_reads_a_secret() -> None:
    known = {"iam:GetCredentialReport"}
    found = {action for action in EVERYTHING if SECRET_READ.search(action)} - known
    assert all(re.search(r":(List|Describe|Get)\w*Credential", action) for action in found), found
    assert not {action for action in found if "Value" in action or "GetParameter" in action}


def test_a_selection_needs_no_more_than_its_own_services() -> None:
    actions = actions_for(load_catalog(), ["sqs", "kms:ListKeys"])
    services = {action.split(":")[0] for action in actions}
    assert services == {"sqs", "kms", "sts", "ec2"}
    assert [action for action in actions if action.startswith("ec2:")] == ["ec2:DescribeRegions"]


def test_reading_data_can_be_left_out() -> None:
    with_data = set(actions_for(load_catalog(), ["s3", "dynamodb"]))
    without = set(actions_for(load_catalog(), ["s3", "dynamodb"], data=False))
    assert with_data - without == {"s3:GetObject", "s3:ListBucket", "dynamodb:Scan"}
