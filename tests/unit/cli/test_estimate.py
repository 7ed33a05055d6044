"""`exitkit estimate` on a real bundle says what is known, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.workspace.scaffold import write_workspace

WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - {id: agreements, type: licenses, paths: [licenses.csv]}
exit: {people: 2, bandwidth_mbit_s: 100, egress_price: 5, currency: EUR}
"""
SCHEDULE = """\
product,publisher,transferable,metric,quantity,clause,notice_days,notice_date,expires_on
Ledger,Example Software,unknown,named-user,25,,,,
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace") / "w"
    write_workspace(root, series=None, sources=["licenses"])
    (root / "exitkit.yaml").write_text(WORKSPACE)
    (root / "licenses.csv").write_text(SCHEDULE)
    assert run(["snapshot", "-w", str(root)]) == 0
    return root


def test_the_estimate_uses_the_means_that_were_written_down(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["estimate", "-w", str(root), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["means"]["people"] == 2
    assert document["verdict"] == "no-period"
    alone = ["estimate", "-w", str(root), "--json", "--people", "1"]
    assert run(alone) == 0
    slower = json.loads(capsys.readouterr().out)
    assert slower["elapsedWorkMinutes"]["likely"] == 2 * document["elapsedWorkMinutes"]["likely"]
    assert {group for wave in document["waves"] for one in wave["groups"] for group in one}


def test_longer_than_the_contract_gives_ends_with_1(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: C\nreversibility: {transition: {duration: PT1H}}\n"
    )
    assert run(["estimate", "-w", str(root)]) == 1
    said = capsys.readouterr().out
    assert "against 1 hour: longer" in said
    assert "never measured" in said


def test_the_estimate_speaks_french(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["estimate", "-w", str(root), "--lang", "fr", "--people", "1"])
    said = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("catégorie")
    assert "pour 1 personne\n" in said
    assert "hypothèse : le travail est estimé par type" in said


def test_a_price_without_a_currency_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE.replace(", currency: EUR", ""))
    assert run(["estimate", "-w", str(tmp_path)]) == 2
    assert "currency" in capsys.readouterr().err


def test_the_report_tells_the_same_estimate(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["estimate", "-w", str(root)])
    said = capsys.readouterr().out
    assert run(["report", "-w", str(root), "--format", "json"]) == 0
    report = json.loads((root / "reports/acme-000001.json").read_text())
    assert report["estimate"]["lines"]
    assert all(line.strip() in said for line in report["estimate"]["lines"])
    assert {row["category"] for row in report["estimate"]["work"]} == {"document", "software"}


def test_the_french_report_tells_it_in_french_beside_the_english_one(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "-w", str(root), "--lang", "fr"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.name.endswith("-fr.html")
    page = path.read_text()
    assert "pour 2 personnes" in page
    assert "le travail est estimé par type, jamais mesuré" in page.replace("&#39;", "'")
    assert "never measured" not in page
