"""`exitkit plan check`: what would stop a run, with its line, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.workspace.scaffold import write_workspace

HEAD = """\
schema: exitkit/plan/1
id: leave
version: "1.0"
contract_ref: CTR-1
milestones:
"""
MILESTONE = """\
  - id: M1
    title: Objects returned
    deadline: {anchor: TS}
    criteria: [{id: C1, metric: items_missing, op: "==", value: 0}]
    steps:
      - {id: s1, kind: restore, what: objects, target: store, assets: {native_type: "AWS::S3::Bucket"}}
"""  # noqa: E501


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_workspace(tmp_path / "w", series=None, sources=["aws"])
    with (tmp_path / "w/exitkit.yaml").open("a") as file:
        file.write('targets: [{id: store, type: s3, endpoint_url: "http://127.0.0.1:1"}]\n')
    return tmp_path / "w"


def remarks(
    root: Path, plan: str, capsys: pytest.CaptureFixture[str], code: int
) -> list[dict[str, object]]:
    (root / "exit-plan.yaml").write_text(plan)
    assert run(["plan", "check", "-w", str(root), "--json"]) == code
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["remarks"]
    return found


def test_a_sound_plan_is_clean(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert remarks(root, HEAD + MILESTONE, capsys, 0) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("kind: restore", "kind: restor", 11, 'no kind "restor"; did you mean "restore"?'),
        (
            "kind: restore",
            "kind: access-revoked",
            11,
            'kind "access-revoked" is now "prove-revoked"; rename it',
        ),
        ("target: store", "target: stor", 11, 'no target "stor" in exitkit.yaml; did you mean'),
        ("what: objects", "what: object", 11, 'nothing restores "object"; did you mean "objects"?'),
        (
            "what: objects",
            "what: database",
            11,
            '"store" is of type s3; database can be restored to',
        ),
        ("what: objects, ", "", 11, "`what` is missing"),
        ("CTR-1", "CTR-2", 4, '"CTR-2" is not the contract; contract.yaml has id "CTR-1"'),
    ],
)
def test_what_would_stop_a_run_is_named_with_its_line(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, line: int, text: str
) -> None:
    (remark,) = remarks(root, (HEAD + MILESTONE).replace(old, new), capsys, 2)
    assert remark["line"] == line
    assert str(remark["text"]).startswith(text)


def test_a_milestone_that_nothing_can_prove_is_a_finding(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HEAD + "  - {id: M1, title: Promise, deadline: {anchor: TS}, criteria: []}\n"
    (remark,) = remarks(root, text, capsys, 1)
    assert "no criterion" in str(remark["text"])


def test_a_step_that_cannot_be_undone_is_announced(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (HEAD + MILESTONE).replace("what:", "effect: destructive, what:")
    (remark,) = remarks(root, text, capsys, 0)
    assert "a rehearsal shows it and refuses to run it" in str(remark["text"])


def test_the_plan_that_init_writes_is_sound(root: Path, tmp_path: Path) -> None:
    write_workspace(tmp_path / "fresh", series=None, sources=["aws"])
    assert run(["plan", "check", "-w", str(tmp_path / "fresh")]) == 0


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("text", "un signe vaut environ "),
        ("svg", ">travail sur le chemin critique</text>"),
        ("ics", "DESCRIPTION:Marge de "),
    ],
)
def test_the_timetable_speaks_french(
    root: Path, capsys: pytest.CaptureFixture[str], form: str, said: str
) -> None:
    title = "title: {en: Objects returned, fr: Objets restitués}"
    plan = (HEAD + MILESTONE).replace("title: Objects returned", title).replace("TS}", "T0}")
    (root / "exit-plan.yaml").write_text(plan)
    day = ["--start", "2027-01-04"]
    command = ["plan", "timeline", "-w", str(root), *day, "--lang", "fr", "--format", form]
    assert run(command) in (0, 1)
    text = capsys.readouterr().out
    assert said in text
    assert "M1 Objets restitués" in text
