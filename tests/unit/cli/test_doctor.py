"""`exitkit doctor`: everything that is missing, each with the next move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.workspace.scaffold import write_workspace


def checks_of(
    root: Path, capsys: pytest.CaptureFixture[str], code: int
) -> dict[str, dict[str, object]]:
    assert run(["doctor", "-w", str(root), "--json"]) == code
    return {check["subject"]: check for check in json.loads(capsys.readouterr().out)}


def test_a_fresh_workspace_lacks_its_signing_key_and_is_told_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_workspace(tmp_path / "w", series=None, sources=["licenses"])
    checks = checks_of(tmp_path / "w", capsys, 1)
    assert checks["git"]["ok"]
    assert checks["masking key"]["ok"]
    assert not checks["signing key"]["ok"]
    assert checks["signing key"]["nextMove"] == "run `exitkit keygen`"


def test_a_key_that_others_may_read_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_workspace(tmp_path / "w", series=None, sources=["licenses"])
    key = tmp_path / "w/keys/masking.key"
    key.chmod(0o644)
    assert checks_of(tmp_path / "w", capsys, 1)["masking key"]["nextMove"] == f"chmod 600 {key}"


def test_an_expired_answer_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_workspace(tmp_path / "w", series=None, sources=["licenses"])
    with (tmp_path / "w/exitkit.yaml").open("a") as file:
        file.write(
            'acknowledgements: [{source: agreements, operation: "*", reason: r, by: b,'
            " on: 2020-01-01, until: 2020-02-01}]\n"
        )
    checks = checks_of(tmp_path / "w", capsys, 1)
    assert not checks["acknowledgement agreements *"]["ok"]


def test_without_a_workspace_the_machine_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "-w", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "python: 3." in told
    assert f"no exitkit.yaml in {tmp_path}; exitkit init {tmp_path}" in told
