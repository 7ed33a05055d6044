"""`exitkit init DIR` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.cli.main import run


def test_init_says_what_it_wrote_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "acme"), "--source", "network"]) == 0
    told = capsys.readouterr().out
    assert f"{tmp_path}/acme/exitkit.yaml" in told
    assert "exitkit keygen" in told


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "acme")]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run(["init", str(tmp_path / "acme")]) == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
