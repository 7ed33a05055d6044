"""`--dry-run`: the whole plan is told in its order, and nothing of it is done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run

FILES = {
    "exitkit.yaml": """
schema: exitkit/workspace/1
series: acme
sources:
  - {id: agreements, type: licenses, paths: [licenses.csv]}
  - {id: papers, type: documents, paths: [papers]}
targets:
  - {id: shelf, type: folder, path: shelf}
""",
    "contract.yaml": "schema: exitkit/contract/1\nid: C-1\n",
    "licenses.csv": "id,product,publisher,transferable\nL1,DB,V,yes\n",
    "papers/runbook.md": "# Runbook\n",
    "keys/masking.key": "ab" * 32,
}
PLAN = """
schema: exitkit/plan/1
id: leave
version: "1.0"
contract_ref: C-1
milestones:
  - id: M2
    title: Cut over
    deadline: {anchor: TX}
    depends_on: [M1]
    criteria: [{id: C2, metric: exit_code, op: "==", value: 0}]
    steps:
      - {id: look, kind: command, argv: [touch, LOOK], check_argv: ["%s"], effect: external-read}
      - {id: close, kind: command, argv: [touch, CLOSE], effect: destructive}
      - {id: ask, kind: wait-for-approval, statement: "password=hunter2hunter2 is fine", needs: [look]}
  - id: M1
    title: Documents back
    deadline: {anchor: TS}
    criteria: [{id: C1, metric: items_missing, op: "==", value: 0}]
    steps:
      - {id: compare, kind: compare, what: documents, target: shelf, assets: {native_type: "Document/File"}, needs: [restore], effect: external-read}
      - {id: restore, kind: restore, what: documents, target: shelf, assets: {native_type: "%s"}, effect: external-write}
      - {id: make, kind: command, argv: [touch, MAKE], undo: [rm, MAKE], effect: external-write}
"""  # noqa: E501


def with_plan(root: Path, dry_form: str = "true", native_type: str = "Document/File") -> Path:
    (root / "exit-plan.yaml").write_text(PLAN % (dry_form, native_type))
    return root


@pytest.fixture(scope="module")
def made(lay_out: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = lay_out(tmp_path_factory.mktemp("dry") / "acme", FILES)
    (root / "shelf").mkdir()
    assert run(["snapshot", "-w", str(root)]) == 0
    return root


def state_of(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def foretold(
    root: Path, capsys: pytest.CaptureFixture[str], command: str = "rehearse", code: int = 0
) -> dict[str, Any]:
    before = state_of(root)
    capsys.readouterr()
    assert run([command, "--dry-run", "--json", "-w", str(root)]) == code
    assert state_of(root) == before
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_rehearsal_is_told_in_its_order_and_nothing_is_touched(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = foretold(with_plan(made), capsys)
    assert [(one["step"], one["outcome"], one["dryRun"]) for one in told["steps"]] == [
        ("restore", "runs", False), ("compare", "runs", False), ("make", "runs", False),
        ("look", "runs", True), ("close", "refused", False), ("ask", "waits", False),
    ]  # fmt: skip
    said = {one["step"]: one["message"] for one in told["steps"]}
    assert said["restore"] == "documents, target shelf (folder): runbook.md"
    assert said["look"] == "would run: touch LOOK; true ended with 0"
    assert said["make"] == "touch MAKE"
    assert "destructive" in said["close"]
    assert "hunter2" not in said["ask"]
    assert told["undone"] == ["make", "restore"]


def test_an_exit_shows_what_a_rehearsal_refuses_and_undoes_nothing(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = foretold(with_plan(made), capsys, "exit")
    assert {one["step"]: one["outcome"] for one in told["steps"]}["close"] == "runs"
    assert told["undone"] == []


@pytest.mark.parametrize(
    ("dry_form", "native_type", "step", "why"),
    [
        ("false", "Document/File", "look", "false ended with 1"),
        ("no-such-program", "Document/File", "look", "ended with 127"),
        ("true", "Document/Fil", "restore", "the bundle holds no Document/Fil named *"),
    ],
)
def test_a_step_that_would_fail_is_a_finding(
    dry_form: str, native_type: str, step: str, why: str, made: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    told = foretold(with_plan(made, dry_form, native_type), capsys, code=1)
    (failing,) = (one for one in told["steps"] if one["outcome"] == "fails")
    assert (failing["step"], why in failing["message"]) == (step, True)


def test_a_plan_that_cannot_run_is_refused_before_any_step_is_told(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_plan(made)
    text = (made / "exit-plan.yaml").read_text()
    (made / "exit-plan.yaml").write_text(text.replace("kind: compare", "kind: compar"))
    assert run(["rehearse", "--dry-run", "-w", str(made)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert 'did you mean "compare"?' in said.err


def test_people_read_it_milestone_by_milestone(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rehearse", "--dry-run", "-w", str(with_plan(made))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "leave 1.0: a dry run of the rehearsal, from acme-000001"
    assert [line for line in lines if not line.startswith(" ")][1:] == [
        "M1", "M2", "then undone, newest first: make, restore", "nothing was done",
    ]  # fmt: skip
