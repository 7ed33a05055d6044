"""`exitkit knowledge` shows what is known with its source, and refuses what does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.knowledge.portability import load_knowledge


def test_a_type_is_shown_whatever_its_case_with_every_fact_and_its_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["knowledge", "show", "aws::rds::dbinstance", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["type"] == "AWS::RDS::DBInstance"
    aspects = {row["aspect"]: row for row in document["aspects"]}
    (password,) = aspects["credentials"]["facts"]
    assert (password["level"], password["checked"]) == ("none", "machine")
    assert all(fact["source"] for row in aspects.values() for fact in row["facts"])
    assert document["whole"]["basis"] == "type"
    assert document["call"] == {
        "operation": "rds:DescribeDBInstances", "permission": "rds:DescribeDBInstances",
    }  # fmt: skip


def test_a_type_without_an_entry_is_told_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["knowledge", "show", "AWS::AppStream::AppBlock"]) == 0
    said = capsys.readouterr().out
    assert "by its kind" in said
    assert "never measured" in said


def test_an_unknown_type_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["knowledge", "show", "AWS::EC2::Instanc"]) == 2
    assert "did you mean AWS::EC2::Instance" in capsys.readouterr().err


def test_the_numbers_are_those_of_the_knowledge(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["knowledge", "stats", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    knowledge = load_knowledge()
    statements = len(knowledge.facts) + len(knowledge.caveats)
    assert sum(counted["byConfidence"].values()) == statements
    assert sum(counted["byCheck"].values()) == statements
    assert sum(counted["typesOfTheirOwn"].values()) == len(knowledge.entries.types)
    assert counted["cannotBeExported"] < statements


GOOD = """\
schema: exitkit/portability/1
sources:
  mine: {kind: doc, reference: Our own handbook, checked: read}
facts:
- {id: mine, types: [Our/Thing], aspect: data, level: open, reason: semantic-loss, text: It leaves.,
   responsible: customer, workaround: Copy it., source: mine, confidence: high}
types:
- {type: Our/Thing, way: portable, effort: S, equivalents: [postgres], source: mine,
   confidence: low}
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("confidence: high", "confidence: certain", "certain"),
        ("checked: read", "checked: judgement", "high is more than a source judgement allows"),
        ("source: mine, confidence: high", "source: lost, confidence: high", "no source 'lost'"),
        ("semantic-loss", "because", "no reason 'because'"),
        ("[postgres]", "[nothing]", "no equivalents 'nothing'"),
        ("schema: exitkit/portability/1", "schema: 2", "schema"),
        ("checked: read", "checked: seen", "source 'mine': checked is not one of"),
        ("checked: read", "date: today", "source 'mine': write kind, reference, checked"),
        ("facts:", "facts: [", "fix the YAML"),
    ],
)
def test_lint_names_what_does_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, fault: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD)
    assert run(["knowledge", "lint", str(path)]) == 0
    capsys.readouterr()
    path.write_text(GOOD.replace(old, new))
    assert run(["knowledge", "lint", str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"{path}:")
    assert fault in said[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1: 2\ntrue: 3\n", "'1', 'true' were unexpected"),
        ("a: &a [*a]\n", "an alias that contains itself"),
        (f"a: {'[' * 5000}", "nested more than 40 deep"),
        ("facts: []\nfacts: []\n", "written twice"),
        ("", "the file is empty"),
        (None, "not a plain file"),
    ],
)
def test_lint_reads_a_hostile_file_as_it_reads_those_of_a_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, fault: str
) -> None:
    path = tmp_path / "own.yaml"
    path.symlink_to("/dev/zero") if text is None else path.write_text(text)
    assert run(["knowledge", "lint", str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert (len(said), fault in said[0]) == (2, True)
