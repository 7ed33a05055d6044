"""A source that is down hides what it holds: nothing of it is gone, unproved or taken stock of."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run
from exitkit.engine.contract_check import whole_inventories
from exitkit.engine.report_inputs import Subject, read_inputs
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import bundle_path, load_workspace, sequences

FILES = {
    "exitkit.yaml": """
schema: exitkit/workspace/1
series: acme
sources:
  - {id: agreements, type: licenses, paths: [licenses.csv]}
  - {id: jobs, type: scripts, paths: [jobs]}
""",
    "contract.yaml": "schema: exitkit/contract/1\nid: C-1\n",
    "licenses.csv": "id,product,publisher,transferable\nL1,DB,V,yes\n",
    "jobs/plain.sh": "#!/bin/sh\necho\n",
    "keys/masking.key": "ab" * 32,
}


@pytest.fixture
def root(lay_out: Any, tmp_path: Path) -> Path:
    folder: Path = lay_out(tmp_path / "acme", FILES)
    assert run(["snapshot", "-w", str(folder)]) == 0
    return folder


def snapshot(root: Path, *down: str, code: int = 1) -> None:
    """Take a snapshot while the named paths are away."""
    for name in down:
        (root / name).rename(root / f"{name}-away")
    try:
        assert run(["snapshot", "-w", str(root)]) == code
    finally:
        for name in down:
            (root / f"{name}-away").rename(root / name)


def counts(root: Path, capsys: pytest.CaptureFixture[str], *bundles: str) -> dict[str, int]:
    capsys.readouterr()
    run(["diff", *bundles, "--json", "-w", str(root)])
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    return {kind: number for kind, number in summary["counts"].items() if number}


def bundles_of(root: Path) -> list[Bundle]:
    workspace = load_workspace(root)
    return [open_bundle(bundle_path(workspace, number)) for number in sequences(workspace)]


def test_what_a_source_that_is_down_holds_is_unseen_and_not_removed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(root, "jobs")
    assert "nothing was answered by jobs: what is there was not" in capsys.readouterr().err
    assert counts(root, capsys) == {"call-refused": 1, "asset-unseen": 1}
    snapshot(root, code=0)
    assert counts(root, capsys) == {"call-answered": 1, "asset-seen": 1}
    assert counts(root, capsys, "1", "3") == {}


def test_what_is_gone_from_a_source_that_answers_is_removed_while_another_is_down(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "licenses.csv").write_text("id,product,publisher,transferable\nL2,Y,V,yes\n")
    snapshot(root, "jobs")
    found = counts(root, capsys)
    assert (found["asset-removed"], found["asset-unseen"]) == (1, 1)
    assert found["license-removed"] == 1


def test_when_no_source_answers_the_bundle_says_so_and_nothing_rests_on_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(root, "jobs", "licenses.csv")
    assert "no source answered: this bundle is evidence of that" in capsys.readouterr().err
    assert counts(root, capsys) == {"call-refused": 2, "asset-unseen": 3}
    run(["gaps", "-w", str(root)])
    assert capsys.readouterr().err.splitlines()[0] == (
        "exitkit: acme-000002: no source answered when it was made; "
        "the last one that holds answers is acme-000001"
    )


@pytest.mark.parametrize("down", [("jobs",), ("jobs", "licenses.csv")])
def test_an_inventory_that_a_source_is_missing_from_is_not_the_one_that_was_due(
    root: Path, down: tuple[str, ...]
) -> None:
    snapshot(root, *down)
    assert run(["snapshot", "--source", "jobs", "-w", str(root)]) == 0
    whole = whole_inventories(bundles_of(root), load_workspace(root))
    assert [bundle.path.name for bundle in whole] == ["acme-000001"]


def test_a_report_gives_an_empty_bundle_no_date_of_an_inventory(root: Path) -> None:
    snapshot(root, "jobs", "licenses.csv")
    workspace, now = load_workspace(root), dt.datetime.now(dt.UTC)
    for bundle, outcome in zip(bundles_of(root), ("pass", "unknown"), strict=True):
        inputs = read_inputs(Subject(bundle.path.name, bundle.path), workspace, now)
        rules = {result.rule: result.outcome for result in inputs.rules or ()}
        assert rules["EK-INV-009"] == outcome
