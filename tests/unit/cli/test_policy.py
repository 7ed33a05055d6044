"""Check what `exitkit policy` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exitkit.cli.main import run
from exitkit.cli.policy import command

WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - id: prod
    type: aws
    services: [sqs]
"""


def policy(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_aws_policies_are_json_lines() -> None:
    (document,) = map(json.loads, policy("aws", "--service", "sqs").output.splitlines())
    assert document["Version"] == "2012-10-17"
    assert any(
        action in ("sqs:ListQueues", "sqs:ListQ*", "sqs:ListQueue*")
        for action in document["Statement"][0]["Action"]
    )


def test_more_policies_than_a_role_carries_come_with_a_word_of_warning() -> None:
    result = policy("aws")
    lines = result.stdout.splitlines()
    assert len(lines) <= 10 or "--format cloudformation" in result.stderr


@pytest.mark.parametrize(
    ("form", "member"), [("cloudformation", "Resources"), ("terraform", "resource")]
)
def test_templates_are_one_json_document(form: str, member: str) -> None:
    assert member in json.loads(policy("aws", "--format", form, "--service", "sqs").output)


def test_a_source_of_the_workspace_needs_only_what_it_selects(tmp_path: Path) -> None:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    result = policy("aws", "--source", "prod", "-w", str(tmp_path))
    assert result.output == policy("aws", "--service", "sqs").output


def test_a_source_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    assert run(["policy", "aws", "--source", "prd", "-w", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip().endswith('did you mean "prod"?')


@pytest.mark.parametrize(("source", "word"), [("azure", "Reader"), ("network", "show")])
def test_other_sources_say_what_to_grant(source: str, word: str) -> None:
    assert word in policy(source).output
