"""In a folder of a workspace every command names the workspace above, and none uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.cli.main import run

NEEDS_IT = (
    ["abort", "r"], ["access"], ["amend", "r", "--reason", "x"], ["approve", "r", "s", "--by", "x"],
    ["contract", "check"], ["contract", "lists"], ["diff"], ["diff", "1"], ["doctor"],
    ["documents"], ["estimate"], ["exit"], ["gaps"], ["joint-inventory"],
    ["journal", "copy", "r", "copy.db"], ["keygen"], ["licenses"], ["minutes", "r"],
    ["pause", "r"], ["plan", "check"], ["plan", "sample"], ["plan", "timeline"],
    ["plan", "waves"], ["rehearse"], ["report"], ["resume", "r"],
    ["skip", "r", "s", "--reason", "x", "--by", "x", "--key", "k"], ["snapshot"], ["status"],
    ["verify"], ["verify-run", "r"], ["worker"],
)  # fmt: skip
GOES_ON = (
    ["diff", "a", "b"], ["gaps", "a"], ["reconcile", "a", "b"], ["report", "a"], ["verify", "a"],
    ["keygen", "--out", "own.pem"],
)  # fmt: skip


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "acme" / "plan b" / "deep").mkdir(parents=True)
    (tmp_path / "acme" / "exitkit.yaml").write_text("not: used\n")
    monkeypatch.chdir(tmp_path / "acme" / "plan b" / "deep")
    return tmp_path / "acme"


@pytest.mark.parametrize("arguments", NEEDS_IT, ids=" ".join)
def test_a_command_that_needs_a_workspace_names_the_one_above(
    arguments: list[str], below: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err == (
        f"exitkit: exitkit.yaml: no such file; the workspace above is {below}: add -w ../..\n"
    )
    assert not list(Path().iterdir())


@pytest.mark.parametrize("arguments", GOES_ON, ids=" ".join)
def test_a_command_that_needs_none_says_that_it_goes_without(
    arguments: list[str], below: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(arguments)
    first = capsys.readouterr().err.splitlines()[0]
    assert first == (
        f"exitkit: goes on without a workspace; the workspace above is {below}: add -w ../.."
    )


def test_the_way_up_is_spelled_for_a_shell(
    below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    below.rename(tmp_path / "acme corp")
    monkeypatch.chdir(tmp_path)
    assert run(["status", "-w", "acme corp/plan b"]) == 2
    assert capsys.readouterr().err.endswith("add -w 'acme corp'\n")


def test_a_folder_that_no_workspace_is_around_is_told_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "-w", str(tmp_path)]) == 2
    assert "`exitkit init DIR` writes one" in capsys.readouterr().err
