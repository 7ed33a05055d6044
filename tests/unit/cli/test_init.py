"""`exitkit init DIR` on the command line."""

from __future__ import annotations

import json
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


def test_nothing_passes_on_a_contract_that_nobody_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "acme"
    assert run(["init", str(root)]) == 0
    capsys.readouterr()
    run(["contract", "check", "-w", str(root), "--json"])
    rules = json.loads(capsys.readouterr().out)["rules"]
    passing = {rule["id"] for rule in rules if rule["outcome"] == "pass"}
    # The plan that comes along is whole: only rules on the form of a plan hold.
    assert all(name.startswith("EK-PLAN-") for name in passing)
    assert sum(rule["outcome"] == "unknown" for rule in rules) > 60
    (root / "exit-plan.yaml").unlink()
    run(["contract", "check", "-w", str(root), "--json"])
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert {rule["outcome"] for rule in rules} <= {"unknown", "fail", "not-applicable"}
