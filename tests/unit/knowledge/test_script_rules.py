"""Try the portability rules on lines that tie a script down, and on lines that do not."""

from __future__ import annotations

import pytest

from exitkit.knowledge.script_rules import (
    findings_of,
    language_of,
    main_language,
    portability_of,
    script_rules,
)

TYING = {
    "aws-arn": "role = 'arn:aws:iam::123456789012:role/deploy'",
    "aws-account-id": 'account_id: "123456789012"',
    "aws-endpoint": "curl https://s3.eu-west-1.amazonaws.com/",
    "aws-region": "REGION=eu-central-1",
    "azure-subscription": "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/x",
    "azure-endpoint": "https://stcore.blob.core.windows.net/data",
    "aws-call": "aws s3 ls",
    "azure-call": "az vm list",
    "google-call": "gcloud compute instances list",
    "ip-address": "ping 10.1.2.3",
    "internal-host": "ssh db1.corp",
}


def test_every_rule_has_a_line_here() -> None:
    assert set(TYING) == {rule.id for rule in script_rules()}


@pytest.mark.parametrize("rule", sorted(TYING))
def test_a_tying_line_is_found(rule: str) -> None:
    assert rule in {finding.rule for finding in findings_of("a.sh", f"# first\n{TYING[rule]}\n")}


@pytest.mark.parametrize(
    "line",
    ["ping 127.0.0.1", "# flaws in the plan", "version 1.2.3.4.5", "echo 20261125 done", "lazy vm"],
)
def test_a_portable_line_is_not_found(line: str) -> None:
    assert list(findings_of("a.sh", line)) == []


def test_portability_is_the_worst_of_the_findings() -> None:
    assert portability_of([]) == "portable"
    assert portability_of(findings_of("a", "ping 10.1.2.3")) == "adapt"
    assert portability_of(findings_of("a", "ping 10.1.2.3\naws s3 ls")) == "rewrite"
    assert portability_of(findings_of("a", "password=<masked:01234567>")) == "adapt"


def test_languages_come_from_the_first_line_or_the_name() -> None:
    assert language_of("run", b"#!/usr/bin/env python3\n") == "python"
    assert language_of("run", b"#!/bin/bash -e\n") == "shell"
    assert language_of("run.tf", b"resource") == "terraform"
    assert language_of("run", b"\0\1") == "binary"
    assert main_language(["shell", "python", "shell"]) == "shell"
