"""Every output tells the same numbers: what the records hold, and nothing beside."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run
from exitkit.store.canonical import canonical_bytes
from exitkit.store.reader import Bundle, open_bundle

FILES = {
    "exitkit.yaml": """
schema: exitkit/workspace/1
series: acme
sources:
  - {id: agreements, type: licenses, paths: [licenses.csv]}
  - {id: jobs, type: scripts, paths: [jobs, lost]}
  - {id: papers, type: documents, paths: [papers]}
  - id: cmdb
    type: declared
    files:
      - {path: cmdb.csv, party: Provider, date: 2026-11-01, columns: {id: CI, name: Hostname}}
""",
    "contract.yaml": "schema: exitkit/contract/1\nid: C-1\n",
    "licenses.csv": (
        "id,product,publisher,transferable\nL1,DB,V,no\nL2,=X(),V,unknown\nL2,Y,V,yes\n"
    ),
    "jobs/push.py": "import boto3\nboto3.client('s3').list_buckets()\n",
    "jobs/login.sh": "export PASSWORD=hunter2hunter2\n",
    "jobs/plain.sh": "#!/bin/sh\necho\n",
    "papers/runbook.md": "# Runbook\nStart push.py.\n",
    "papers/old.xyz": "?",
    "cmdb.csv": "CI,Hostname\nC1,push.py\nC2,web\nC2,web2\n",
    "keys/masking.key": "ab" * 32,
}


@pytest.fixture(scope="module")
def root(lay_out: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = lay_out(tmp_path_factory.mktemp("sums"), FILES)
    assert run(["snapshot", "-w", str(folder)]) == 1
    return folder


@pytest.fixture
def bundle(root: Path) -> Bundle:
    return open_bundle(root / "bundles/acme-000001")


@pytest.fixture
def say(root: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def said(*arguments: str) -> str:
        capsys.readouterr()
        assert run([*arguments, "-w", str(root)]) in (0, 1)
        return capsys.readouterr().out

    return said


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def counted(rows: Any, key: str) -> dict[str, int]:
    return dict(Counter(row[key] for row in rows))


def test_the_descriptor_counts_what_the_records_hold(bundle: Bundle) -> None:
    counts = bundle.descriptor["counts"]
    assert counts["assetsByKind"] == counted(bundle.records("assets"), "kind")
    assert counts["callsByOutcome"] == counted(bundle.records("calls"), "outcome")
    assert counts["exportabilityByLevel"] == counted(bundle.records("exportability"), "level")


def test_gaps_are_the_same_in_text_json_csv_and_records(bundle: Bundle, say: Any) -> None:
    records = {row["@id"]: row for row in bundle.records("exportability") if "reasonCode" in row}
    groups = json.loads(say("gaps", "--json"))["gaps"]
    named = [urn for group in groups for urn in group["records"]]
    assert sorted(named) == sorted(records)
    assert [group["count"] for group in groups] == [len(group["records"]) for group in groups]
    assert len(table(say("gaps", "--csv"))) == len(records)
    members = {"responsible": "responsibleParty", "reason": "reasonCode",
               "aspect": "aspect", "level": "level"}  # fmt: skip
    for word, member in members.items():
        headings = re.findall(r"^([a-z-]+): ([0-9]+)$", say("gaps", "--by", word), re.MULTILINE)
        told = {name: int(count) for name, count in headings}
        assert told == counted(records.values(), member), word


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_tells_the_numbers_of_the_records(
    language: str, bundle: Bundle, say: Any, root: Path
) -> None:
    output = root / f"{language}.json"
    say("report", "--format", "json", "--lang", language, "--output", str(output))
    view = json.loads(output.read_text())
    counts = bundle.descriptor["counts"]

    def figures(rows: Any, name: str = "code") -> dict[str, int]:
        return {row[name]: row["figure"]["value"] for row in rows}

    assert figures(view["inventory"]["kinds"]) == counts["assetsByKind"]
    assert (
        sum(row["figure"]["value"] for row in view["inventory"]["places"])
        == (view["inventory"]["total"]["value"])
    )
    assert figures(view["coverage"]["outcomes"]) == counts["callsByOutcome"]
    assert figures(view["levels"]) == counts["exportabilityByLevel"]
    gaps = [row for row in bundle.records("exportability") if "reasonCode" in row]
    assert figures(view["gaps"], "party") == counted(gaps, "responsibleParty")
    for party in view["gaps"]:
        for parts in (party["groups"], party["levels"]):
            assert sum(one["figure"]["value"] for one in parts) == party["figure"]["value"]


def test_a_page_tells_the_same_numbers_in_either_language(say: Any, root: Path) -> None:
    told = []
    for language in ("en", "fr"):
        page = root / f"{language}.html"
        say("report", "--lang", language, "--output", str(page))
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page.read_text())
        text = html.unescape(text)
        # A clock runs between the two, and each language parts its thousands its own way.
        text = re.sub(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", "", text)
        text = re.sub(r"(?<=[0-9])[\u202f\u00a0,](?=[0-9]{3}\b)", "", text)
        told.append(Counter(re.findall(r"[0-9]+(?:[.,][0-9]+)?", text.replace(",", "."))))
    assert told[0] == told[1]


def test_every_list_has_as_many_lines_as_csv_and_json_tell(bundle: Bundle, say: Any) -> None:
    assert len(table(say("licenses", "--csv"))) == len(list(bundle.records("licenses")))
    assert len(json.loads(say("licenses", "--json"))["licenses"]) == 3
    lines = json.loads(say("joint-inventory", "--json"))["lines"]
    assert counted(table(say("joint-inventory", "--csv")), "standing") == counted(lines, "standing")
    lists = json.loads(say("contract", "lists", "--json"))
    verdicts = list(bundle.records("exportability"))
    held = [row for row in verdicts if row["level"] != "not-applicable"]
    assert sum(
        entry["assets"] for part in ("portable", "exempt", "unknown") for entry in lists[part]
    ) == len(held)
    for part in ("portable", "exempt"):
        told = [row for row in table(say("contract", "lists", "--csv")) if row["list"] == part]
        assert [int(row["assets"]) for row in told] == [entry["assets"] for entry in lists[part]]
    documents = json.loads(say("documents", "--json"))
    kept = [row for row in bundle.records("assets")
            if row["provider"]["nativeType"] == "Document/File"]  # fmt: skip
    assert len(documents["documents"]) == len(kept)


def edited(bundle: Bundle, folder: Path, change: Callable[[dict[str, Any]], bool]) -> Path:
    """Return a copy of the bundle with the records for which `change` says so, as it left them."""
    copy = Path(shutil.copytree(bundle.path, folder / "acme-000002"))
    for name in ("assets", "licenses", "exportability"):
        kept = [canonical_bytes(row) for row in bundle.records(name) if change(row)]
        (copy / f"data/records/{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in kept))
    return copy


@pytest.mark.parametrize("command", ["gaps", "documents", "licenses", "report", "estimate", "diff"])
def test_an_edited_bundle_is_refused_in_one_line(
    command: str, bundle: Bundle, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def undecided(row: dict[str, Any]) -> bool:
        return command != "documents" or row.get("aspect") != "documentation"

    def odd(row: dict[str, Any]) -> bool:
        row.update({"level": "superb"} if "level" in row else {"status": 5})
        return True

    path = edited(bundle, tmp_path, undecided if command == "documents" else odd)
    old = [str(bundle.path)] if command == "diff" else []
    capsys.readouterr()
    assert run([command, *old, str(path), "-w", str(root)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "run 'exitkit verify'" in error


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:7])


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("command", ["verify", "gaps", "report", "estimate", "diff"])
@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("tagmanifest-sha256.txt", Path.unlink), ("tagmanifest-sha256.txt", fifo),
        ("data/exitkit.json", Path.unlink), ("data/exitkit.json", cut_off),
        ("data/exitkit.json", link), ("data/records/assets.jsonl", Path.unlink),
        ("data/records/assets.jsonl", fifo),
    ],
)  # fmt: skip
def test_a_bundle_without_one_of_its_parts_is_an_invalid_bundle(
    command: str, name: str, breaks: Callable[[Path], None], bundle: Bundle, root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = Path(shutil.copytree(bundle.path, root / "broken", dirs_exist_ok=True))
    breaks(path / name)
    old = [str(bundle.path)] if command == "diff" else []
    capsys.readouterr()
    try:
        assert run([command, *old, str(path), "-w", str(root)]) == 1
    finally:
        shutil.rmtree(path)
    said = capsys.readouterr()
    assert ("INVALID" if command == "verify" else "run 'exitkit verify'") in said.out + said.err


@pytest.mark.parametrize("command", ["diff", "report"])
def test_a_bundle_without_its_manifest_is_an_invalid_bundle(
    command: str, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copytree(bundle.path, tmp_path / "acme-000002"))
    (path / "manifest-sha256.txt").unlink()
    if command == "diff":
        assert run(["diff", str(bundle.path), str(path)]) == 1
        assert "manifest-sha256.txt: missing; run 'exitkit verify'" in capsys.readouterr().err
    else:
        assert run(["report", str(path), "--output", str(tmp_path / "report.html")]) == 0
        assert "lacks manifest-sha256.txt" in (tmp_path / "report.html").read_text()


def test_a_folder_that_is_no_bundle_is_a_mistake_and_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gaps", str(tmp_path)]) == 2
    assert "not a bundle" in capsys.readouterr().err
