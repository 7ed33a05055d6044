"""`exitkit documents` on a real bundle names what is missing, stale and not the agreed version."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.workspace.scaffold import write_workspace

WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - {id: papers, type: documents, paths: [papers], owner: Service desk}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace") / "w"
    write_workspace(root, series=None, sources=["licenses"])
    (root / "exitkit.yaml").write_text(WORKSPACE)
    (root / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: C\ndocuments:\n- {id: D1, kind: reversibility_plan}\n"
    )
    for name in (
        "papers/runbooks/restart.md",
        "papers/technical annex.md",
        "papers/lan-diagram.md",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("Text.\n")
    os.utime(root / "papers/technical annex.md", (1_600_000_000, 1_600_000_000))
    assert run(["snapshot", "-w", str(root)]) == 0
    return root


def test_each_required_document_has_a_state(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["documents", "-w", str(root), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {row["id"]: row["state"] for row in document["required"]} == {
        "contract/D1": "missing",
        "proofs": "missing",
        "technical-annex": "stale",
        "runbooks": "present",
        "diagrams": "present",
    }
    assert {row["owner"] for row in document["documents"]} == {"Service desk"}
    [old] = [row for row in document["documents"] if row["stale"]]
    assert (old["path"], old["modified"]) == ("papers/technical annex.md", "2020-09-13")
    assert len(document["findings"]) == 4


def test_the_text_shows_the_default_age(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["documents", "-w", str(root)]) == 1
    said = capsys.readouterr()
    assert "stale after 6 months (the default)" in said.out
    assert "missing: Reversibility plan (D1), required by contract.yaml" in said.err


def test_documents_are_told_in_french(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["documents", "-w", str(root), "--lang", "fr"]) == 1
    said = capsys.readouterr()
    lines = [re.split(r"  +", line) for line in said.out.splitlines()]
    assert ["exigé", "état", "reconnu par", "fichier"] in lines
    assert ["Plan de réversibilité (D1)", "manquant", "rien", "-"] in lines
    assert "périmé après 6 mois (valeur par défaut)" in said.out
    found = "constat : manquant : Plan de réversibilité (D1), exigé par contract.yaml"
    assert found in said.err.replace("\N{NO-BREAK SPACE}", " ")


def test_the_table_has_a_line_for_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["documents", "-w", str(root), "--csv"]) == 1
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 3 + 5
    states = {row["required_id"]: row["required_state"] for row in rows if row["required_id"]}
    assert states["contract/D1"] == "missing"


def test_the_gaps_and_the_seal_hold_the_documents(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = root / "bundles/acme-000001"
    assert run(["verify", str(bundle)]) in (0, 4)
    capsys.readouterr()
    assert run(["gaps", "-w", str(root), "--json"]) == 0
    texts = {gap["text"] for gap in json.loads(capsys.readouterr().out)["gaps"]}
    assert "Missing: Reversibility plan (D1)." in texts
    [kept] = bundle.glob("data/docs/papers/papers/runbooks/restart.md")
    assert kept.read_text() == "Text.\n"
