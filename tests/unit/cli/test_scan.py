"""Scan a folder from the command line, without a workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.cli.main import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "copy.sh").write_text("aws s3 ls\nexport PASSWORD=pl4nted-cli\n")
    (tmp_path / "ok.py").write_text("print(1)\n")
    (tmp_path / "words.txt").write_text("aws s3 ls\n")
    (tmp_path / "out").symlink_to("/etc/passwd")
    return tmp_path


def test_json_names_each_script_with_its_class_and_the_lines_that_say_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", str(folder), "--json"]) == 1
    written = capsys.readouterr().out
    document = json.loads(written)
    assert document["counts"] == {"portable": 1, "rewrite": 1}
    copy, ok = document["scripts"]
    assert (copy["path"], copy["portability"]) == ("a/copy.sh", "rewrite")
    assert [(f["line"], f["rule"]) for f in copy["findings"]] == [
        (1, "aws-call"), (2, "credential-in-clear"),
    ]  # fmt: skip
    assert ok["findings"] == []
    assert "pl4nted-cli" not in written


def test_text_shows_class_line_and_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", str(folder)]) == 1
    written = capsys.readouterr().out
    assert "rewrite   a/copy.sh (shell)" in written
    assert "line 1: A call of the provider's own interface (AWS)" in written
    assert written.endswith("2 scripts: 1 portable, 1 rewrite\n")
    assert "pl4nted-cli" not in written


def test_a_portable_folder_ends_with_zero(folder: Path) -> None:
    assert run(["scan", str(folder / "ok.py")]) == 0


def test_a_path_that_is_not_there_is_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", str(tmp_path / "nowhere")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--rules"]) == 0
    assert "metadata-service" in capsys.readouterr().out
