"""Scan recorded scripts: what is found, what is not, what must not appear, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.drivers.script_scan import LARGEST_PARSED, scan_script

CASES = Path(__file__).parents[2] / "cases" / "scripts"
FOLDERS = sorted(CASES.glob("*/*"))
KEY = b"k" * 32
LANGUAGES = {
    "ansible", "arm", "azure-pipelines", "bicep", "cloudformation", "dockerfile", "github-actions",
    "gitlab-ci", "javascript", "jenkins", "malformed", "powershell", "python", "shell",
    "terraform", "typescript",
}  # fmt: skip
HOSTILE = {
    "heredocs.sh": "<<A\n" * 20000,
    "arrays.sh": "a=(" * 1000,
    "nested.sh": "$(" * 20000,
    "nested.py": "(" * 50000,
    "strings.py": "f'{" * 20000,
    "nested.ps1": '"$(' * 20000,
    "nested.js": "`${" * 20000,
    "generics.ts": "a<" * 10000,
    "blocks.tf": '"${' * 20000,
    "closures.groovy": "a {" * 20000,
    "lists.bicep": "[" * 3000,
    "lists.yaml": "- " * 20000,
    "aliases.yaml": "a: &a [*a]\nb: [*a, *a]\n{",
    "lists.json": "[" * 50000,
    "Dockerfile": "RUN <<A\n" * 5000,
}


def test_every_language_has_two_cases() -> None:
    counted = {name: len(list((CASES / name).iterdir())) for name in LANGUAGES}
    assert {path.parent.name for path in FOLDERS} == LANGUAGES
    assert min(counted.values()) >= 2


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_recorded_script_gives_its_findings_and_keeps_its_secrets(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    body = (folder / "script").read_bytes()
    script = scan_script(expected["path"], body, KEY)
    assert script.language == expected["language"]
    assert [[f.line, f.rule] for f in script.findings] == expected["findings"]
    assert script.portability == expected["portability"]
    absent = (folder / "absent.txt").read_text().split()
    shown = repr(script.findings).encode() + script.body
    assert not [secret for secret in absent if secret.encode() in shown]
    assert all(secret.encode() in body for secret in absent)
    assert (script.body == body) is (not absent)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", sorted(HOSTILE))
def test_a_hostile_file_is_classed_unknown_and_ends(path: str) -> None:
    script = scan_script(path, HOSTILE[path].encode(), KEY)
    assert script.portability == "unknown"
    assert "unreadable-syntax" in {finding.rule for finding in script.findings}


def test_a_file_too_large_to_parse_is_searched_line_by_line() -> None:
    body = (b"x" * 1000 + b"\n") * (
        LARGEST_PARSED // 1000
    ) + b"arn:aws:iam::123456789012:role/last\n"
    script = scan_script("a.py", body, KEY)
    assert script.portability == "unknown"
    assert "aws-arn" in {finding.rule for finding in script.findings}


def test_what_stands_far_to_the_right_is_found() -> None:
    script = scan_script("a.js", b"let a = '" + b"x" * 9000 + b" 10.1.2.3';\n", KEY)
    assert [finding.rule for finding in script.findings] == ["ip-address"]


def test_a_secret_in_utf_16_is_masked_and_the_rest_stays() -> None:
    text = "\ufeff$password = 'Wint3r-2026-y'\r\nGet-AzVM\r\n"
    script = scan_script("a.ps1", text.encode("utf-16-le"), KEY)
    assert [(f.line, f.rule) for f in script.findings] == [
        (1, "credential-in-clear"), (2, "azure-call"),
    ]  # fmt: skip
    shown = script.body.decode("utf-16")
    assert "Wint3r" not in shown
    assert shown.endswith("'\r\nGet-AzVM\r\n")


def test_lines_below_a_masked_key_keep_their_numbers() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----"
    script = scan_script("a.sh", f"K='{key}'\naws s3 ls\n".encode(), KEY)
    assert (5, "aws-call", "aws s3 ls") in [(f.line, f.rule, f.excerpt) for f in script.findings]
    assert b"AAAA" not in script.body
