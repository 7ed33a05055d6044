"""Check what `exitkit policy` prints."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from exitkit.cli.policy import command


def test_aws_policies_are_json_lines() -> None:
    result = CliRunner().invoke(command, ["aws", "--service", "sqs"])
    (document,) = map(json.loads, result.output.splitlines())
    assert document["Version"] == "2012-10-17"
    assert any("sqs:ListQueues" in row["Action"] for row in document["Statement"])


@pytest.mark.parametrize(("source", "word"), [("azure", "Reader"), ("network", "show")])
def test_other_sources_say_what_to_grant(source: str, word: str) -> None:
    assert word in CliRunner().invoke(command, [source]).output
