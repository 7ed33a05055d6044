"""`exitkit gaps` and `exitkit contract check` on a real bundle of a small workspace."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.workspace.scaffold import write_workspace

WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - {id: agreements, type: licenses, paths: [licenses.csv]}
"""
SCHEDULE = """\
product,publisher,transferable,metric,quantity,clause,notice_days,notice_date,expires_on
Ledger,Example Software,unknown,named-user,25,,,,
Payroll,Example Software,no,named-user,10,4.2,,,
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace") / "w"
    write_workspace(root, series=None, sources=["licenses"])
    (root / "exitkit.yaml").write_text(WORKSPACE)
    (root / "licenses.csv").write_text(SCHEDULE)
    assert run(["snapshot", "-w", str(root)]) == 0
    return root


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict[str, object]:
    assert run([*arguments, "--json"]) == code
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_gaps_names_what_cannot_leave_and_who_can_change_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = answer(capsys, "gaps", "-w", str(root), code=0)
    gaps = document["gaps"]
    assert isinstance(gaps, list)
    assert {gap["aspect"] for gap in gaps} == {"license"}
    assert sum(gap["count"] for gap in gaps) == 2
    assert all(gap["responsible"] and gap["workaround"] for gap in gaps)


def test_gaps_groups_as_asked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gaps", "-w", str(root), "--by", "aspect"]) == 0
    assert capsys.readouterr().out.startswith("license: 2\n")


def test_gaps_are_told_in_french_and_their_records_stay_as_they_are(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gaps", "-w", str(root), "--lang", "fr"]) == 0
    said = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert "licence inconnu : Personne n'a consigné si cette licence peut partir." in said
    assert "-> Lisez le contrat avec Example Software ; remplissez `transferable`." in said
    assert re.search(r"score du contrat : \d+,\d % de \d", said)
    assert "rangé par impact : le niveau" in said
    assert run(["gaps", "-w", str(root), "--lang", "fr", "--csv"]) == 0
    assert "Nobody has written down" in capsys.readouterr().out


def test_gaps_ends_with_1_where_a_failed_call_is_unanswered(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_workspace(tmp_path / "w", series=None, sources=["licenses"])
    missing = WORKSPACE.replace("licenses.csv", "nowhere.csv")
    (tmp_path / "w/exitkit.yaml").write_text(missing)
    assert run(["snapshot", "-w", str(tmp_path / "w")]) == 1
    capsys.readouterr()
    document = answer(capsys, "gaps", "-w", str(tmp_path / "w"), code=1)
    assert document["findings"] == ["1 calls failed and nobody answered for them"]


def test_gaps_without_a_bundle_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gaps", "-w", str(tmp_path)]) == 2
    assert "run `exitkit snapshot` first" in capsys.readouterr().err


def test_the_contract_check_reads_the_newest_bundle(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = answer(capsys, "contract", "check", "-w", str(root), code=1)
    rules = document["rules"]
    assert isinstance(rules, list)
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["EK-INV-009"]["outcome"] == "pass"
    assert by_id["EK-INV-011"]["outcome"] == "fail"
    assert "Ledger" in by_id["EK-INV-011"]["message"]
    assert "Payroll" not in by_id["EK-INV-011"]["message"]
    assert by_id["EK-DORA-001"]["outcome"] == "unknown"


def test_the_contract_check_speaks_french(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["contract", "check", "-w", str(root), "--lang", "fr"])
    said = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("issue")
    assert "non satisfait  EK-INV-011" in said
    assert "La portabilité d'une licence est inconnue. (" in said
    assert "non évalué : " in said
    assert "lu : V lu dans la source même" in said
    assert not {"not assessed", "is not known", "read in"} & set(said.split("  "))


def test_an_untouched_contract_passes_nothing_of_its_own(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "contract.yaml").write_text("schema: exitkit/contract/1\nid: CTR-1\n")
    document = answer(capsys, "contract", "check", "-w", str(root), code=1)
    rules = document["rules"]
    assert isinstance(rules, list)
    passed = [rule["id"] for rule in rules if rule["outcome"] == "pass"]
    assert not [name for name in passed if name.startswith(("EK-DATA", "EK-DORA", "EK-MKT"))]


def test_gaps_writes_every_single_gap_as_a_line_of_csv(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gaps", "-w", str(root), "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {(row["native_type"], row["aspect"]) for row in rows} == {
        ("License/Agreement", "license")
    }
    assert sorted(row["name"] for row in rows) == ["Ledger", "Payroll"]
    assert all(row["reason"] and row["responsible"] and row["asset"] for row in rows)


def test_gaps_has_one_output_at_a_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gaps", "-w", str(root), "--csv", "--json"]) == 2
    assert "choose one" in capsys.readouterr().err


def test_a_letter_that_would_ask_for_nothing_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gaps", "-w", str(root), "--letter"]) == 2
    assert "nothing to ask" in capsys.readouterr().err
    assert not (root / "reports").exists()


def test_contract_lists_holds_the_promises_against_what_was_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: CTR-1\n"
        "data:\n  exportable:\n"
        "    - {id: E1, category: Licenses, covers: [{type: 'License/*', aspects: [license]}]}\n"
    )
    document = answer(capsys, "contract", "lists", "-w", str(root), code=1)
    exempt, unknown = document["exempt"], document["unknown"]
    assert isinstance(exempt, list)
    assert isinstance(unknown, list)
    assert [one["clauses"] for one in (*exempt, *unknown)] == [["E1"], ["E1"]]
    assert {one["standing"] for one in (*exempt, *unknown)} == {"promised-and-not-delivered"}
    assert run(["contract", "lists", "-w", str(root), "--csv"]) == 1
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["list"] for row in rows} == {"portable", "exempt", "unknown"}
    assert {row["assets"] for row in rows} == {"1"}
    assert run(["contract", "lists", "-w", str(root), "--lang", "fr"]) == 1
    said = capsys.readouterr()
    assert "    2  promis et non fourni" in said.out
    assert "d'après\N{NO-BREAK SPACE}: Règl. (UE) 2023/2854" in said.out
    assert "constat\N{NO-BREAK SPACE}: promis et non fourni" in said.err


def test_a_cover_that_says_nothing_is_refused_with_its_line(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: CTR-1\n"
        "data:\n  exportable:\n    - {id: E1, covers: [{}]}\n"
    )
    assert run(["contract", "lists", "-w", str(root)]) == 2
    assert "contract.yaml:5" in capsys.readouterr().err
