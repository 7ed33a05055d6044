"""Tell languages by names, first lines and first members."""

from __future__ import annotations

import pytest

from exitkit.knowledge.script_languages import language_of, main_language


@pytest.mark.parametrize(
    ("path", "body", "language"),
    [
        ("run", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"#!/usr/bin/env -S python3.11 -u\n", "python"),
        ("run", b"#!/bin/bash -e\n", "shell"),
        ("run.tf", b"resource", "terraform"),
        ("run", b"\0\1", "binary"),
        ("run.ps1", "﻿Get-Date".encode("utf-16"), "powershell"),
        ("a/.github/workflows/ci.yml", b"on: push", "github-actions"),
        ("Jenkinsfile.release", b"", "groovy"),
        ("api/Dockerfile", b"FROM x", "dockerfile"),
        ("stack.yml", b"Resources:\n  A:\n    Type: AWS::S3::Bucket\n", "cloudformation"),
        ("site.yml", b"- hosts: all\n  roles: [x]\n", "ansible"),
        ("ci.yml", b"pool: x\nsteps:\n- script: ls\n", "azure-pipelines"),
        ("a.json", b'{"$schema": "https://x/2019/deploymentTemplate.json#"}', "arm"),
        ("prod.tfstate.backup", b"{}", "terraform-state"),
        ("values.yaml", b"a: 1\n", "yaml"),
        ("README", b"words", "text"),
    ],
)
def test_a_language_is_told_by_name_first_line_or_content(
    path: str, body: bytes, language: str
) -> None:
    assert language_of(path, body) == language


def test_the_main_language_is_that_of_most_scripts() -> None:
    assert main_language(["shell", "python", "shell"]) == "shell"
    assert main_language(["text", "text", "python"]) == "python"
    assert main_language([]) == "text"
