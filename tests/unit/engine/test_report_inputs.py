"""A report of a sealed run says only what its bundle, its journal and the contract say."""

from __future__ import annotations

import datetime as dt
import json
import os
import runpy
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.cli.main import run as run_command
from exitkit.engine.conclude import conclude, judged
from exitkit.engine.contract_check import check_contract
from exitkit.engine.report_inputs import find_subject, read_inputs
from exitkit.engine.run import Interrupts, Start, drive, start_run
from exitkit.engine.snapshot import take_snapshot
from exitkit.errors import InputError
from exitkit.model.plan import Mode
from exitkit.report import html
from exitkit.report.rules import nature_of
from exitkit.report.view import build_view
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import Workspace, load_workspace

RECOUNT = runpy.run_path(str(Path(__file__).parents[1] / "report" / "recount.py"))
SCHEDULE = """\
product,publisher,transferable,metric,quantity,clause,notice_days,notice_date,expires_on
Ledger,Example Software,unknown,named-user,25,,,,
Payroll,Example Software,no,named-user,10,4.2,60,,
"""
CONTRACT = {
    "schema": "exitkit/contract/1",
    "id": "C",
    "regimes": {"data_act": {"applies": True}},
    "reversibility": {"transition": {"duration": "P30D"}},
}
PLUGINS = '''
from exitkit.model.run import ItemResult, Measurement, Outcome, StepStatus

class Look:
    """Compare three things, of which one is another, the way a compare step does."""
    kind, needs, reversible = "look", (), True
    def problems(self, step):
        return iter(())
    def run(self, step, context):
        return Outcome(
            StepStatus.SUCCEEDED, "compared", {"items_different": 1, "items_compared": 3},
            items=(ItemResult("row 7", "different", "another total"),),
            losses=("sequences start again",),
            measurements=(Measurement("scripts", 3, 300, 30),),
        )
    def undo(self, step, touched, context):
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")
'''
RUN = "r1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def workspace(
    workshop: Any,
    make_plan: Callable[..., Any],
    make_milestone: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """A workspace with a snapshot, and a rehearsal that ended and was sealed."""
    site = tmp_path / "site"
    metadata = site / "look-1.dist-info"
    metadata.mkdir(parents=True)
    (site / "look_plugins.py").write_text(PLUGINS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: look\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[exitkit.steps]\nlook = look_plugins:Look\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "licenses.csv").write_text(SCHEDULE)
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump(CONTRACT))
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    (tmp_path / "exitkit.yaml").write_text(
        "{schema: exitkit/workspace/1, series: acme,"
        " sources: [{id: agreements, type: licenses, paths: [licenses.csv]}],"
        " signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}}"
    )
    found = load_workspace(tmp_path)
    take_snapshot(
        found, only_sources=(), now=now, environ=dict(os.environ), progress=lambda *_: None
    )
    plan = make_plan(_milestone(make_milestone))
    bundle = open_bundle(found.bundles / "acme-000001")
    start = Start(RUN, plan, Mode.REHEARSAL, bundle.id, "bundles/acme-000001", "user:test")
    coordinator = start_run(found.runs, start, workshop.surroundings())
    drive(coordinator, Interrupts())
    coordinator.close()
    conclude(found, found.runs / RUN, now)
    return found


def _milestone(make_milestone: Callable[..., Any]) -> Any:
    criteria = [
        {"id": "C1", "metric": "items_different", "op": "==", "value": 0, "kind": "checksum"},
        {"id": "C2", "metric": "items_compared", "op": ">=", "value": 3, "kind": "count_match"},
    ]
    deadline = {"anchor": "TREH", "offset": "P1D"}
    steps = [{"id": "look", "kind": "look"}]
    return make_milestone("M1", steps, criteria=criteria, deadline=deadline)


def tables_of(workspace: Workspace, path: Path) -> dict[str, Sequence[Any]]:
    """Read the bundle with `json` alone, and judge the journal, not its sealed copy."""
    data = path / "data"
    tables: dict[str, Sequence[Any]] = {
        file.stem: [json.loads(line) for line in file.read_bytes().splitlines()]
        for file in (*data.glob("records/*.jsonl"), *data.glob("evidence/*.jsonl"))
    }
    checked = check_contract(workspace, now().date())
    _, _, verdicts = judged(workspace.runs / RUN, now())
    assert checked.extrapolation
    return tables | {
        "descriptor": [json.loads((data / "exitkit.json").read_bytes())],
        "contract": [CONTRACT],
        "rules": [asdict(rule) | {"nature": nature_of(rule)} for rule in checked.results],
        "items": [
            {"event": event["sequence"], **item}
            for event in tables["events"]
            for item in event["data"].get("outcome", {}).get("items", ())
        ],
        "milestones": [asdict(one) for one in verdicts],
        "criteria": [asdict(c) | {"milestone": one.milestone} for one in verdicts
                     for c in one.criteria],
        "extrapolation": [
            *map(asdict, checked.extrapolation.categories),
            {"category": "total", **asdict(checked.extrapolation)},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("named", ["r1", "acme-000002", "runs/r1", "bundles/acme-000002"])
def test_every_number_of_a_sealed_run_counts_the_same_in_its_bundle(
    named: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    subject = find_subject(Path(named), workspace)
    assert subject.bundle.resolve() == workspace.bundles / "acme-000002"
    view = build_view(read_inputs(subject, workspace, now()))
    page = RECOUNT["read"](html.render(view))
    tables = tables_of(workspace, subject.bundle)
    assert len(page.numbers) > 40
    for number in page.numbers:
        assert number["href"].removeprefix("#") in page.ids, number
        origin = json.loads(number["data-source"])
        assert RECOUNT["recount"](origin, tables) == number["data-number"], number


def test_a_missed_milestone_names_the_item_and_its_journal_line(workspace: Workspace) -> None:
    view = build_view(read_inputs(find_subject(Path(RUN), workspace), workspace, now()))
    assert view.answer.code == "no"
    assert view.run
    (milestone,) = view.run.milestones
    (group,) = view.run.unequal
    assert group.items == ("row 7",)
    first = milestone.criteria[0]
    assert (first.verdict, first.event) == ("missed", group.event)
    assert [loss.loss for loss in view.run.losses] == ["sequences start again"]
    assert view.identity.exit_code == 0
    assert (
        view.run.head
        == open_bundle(workspace.bundles / "acme-000002").descriptor["chains"][0]["head"]
    )


def test_the_bundle_before_the_rehearsal_says_not_rehearsed(workspace: Workspace) -> None:
    view = build_view(read_inputs(find_subject(Path("acme-000001"), workspace), workspace, now()))
    assert (view.answer.code, view.run) == ("not-rehearsed", None)
    assert view.rules is not None


def test_a_bundle_away_from_its_workspace_is_reported_without_a_contract(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = tmp_path_factory.mktemp("away") / "acme"
    shutil.copytree(workspace.bundles / "acme-000002", away)
    view = build_view(read_inputs(find_subject(away, None), None, now()))
    assert view.rules is None
    assert view.duration.code == "unknown" or view.duration.allowed is None
    assert view.identity.bundle_path == "acme"
    assert "untrusted" in {obstacle.code for obstacle in view.answer.obstacles}


def test_a_changed_byte_makes_the_report_say_so(workspace: Workspace) -> None:
    path = workspace.bundles / "acme-000002" / "data" / "records" / "licenses.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Payroll", b"Layroll"))
    view = build_view(read_inputs(find_subject(Path(RUN), workspace), workspace, now()))
    assert view.answer.code == "invalid"
    assert view.identity.faults


def test_a_name_that_is_neither_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no bundle and no run"):
        find_subject(Path("nothing"), workspace)


def test_the_command_writes_the_newest_bundle_where_reports_belong(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["report", "-w", str(workspace.root)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == workspace.reports / "acme-000002.html"
    assert path.read_bytes().startswith(b"<!doctype html>")
    assert [entry.name for entry in workspace.reports.iterdir()] == ["acme-000002.html"]


def test_the_command_writes_json_where_it_is_told(workspace: Workspace, tmp_path: Path) -> None:
    wanted = tmp_path / "out" / "report.json"
    arguments = ["report", RUN, "-w", str(workspace.root), "--format", "json"]
    assert run_command([*arguments, "--output", str(wanted)]) == 0
    report = json.loads(wanted.read_bytes())
    assert (report["schema"], report["answer"]["code"]) == ("exitkit/report/1", "no")


def test_a_format_that_is_not_there_is_refused_with_those_that_are(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["report", "-w", str(workspace.root), "--format", "docx"]) == 2
    assert "use one of html, json" in capsys.readouterr().err


def test_a_report_tells_what_changed_since_the_bundle_before(workspace: Workspace) -> None:
    (workspace.root / "licenses.csv").write_text(SCHEDULE.replace("Payroll", "Wages"))
    run_command(["snapshot", "-w", str(workspace.root)])
    newest = find_subject(Path("acme-000003"), workspace)
    inputs = read_inputs(newest, workspace, dt.datetime.now(dt.UTC))
    assert inputs.changes is not None
    assert inputs.changes.counts["asset-added"] == inputs.changes.counts["asset-removed"] == 1
    view = build_view(inputs)
    assert view.changes is not None
    assert view.changes.previous == "acme-000002"
    assert "One new asset." in view.changes.sentences
    assert "One new asset." in html.render(view).decode()
    first = find_subject(Path("acme-000001"), workspace)
    assert read_inputs(first, workspace, dt.datetime.now(dt.UTC)).changes is None
