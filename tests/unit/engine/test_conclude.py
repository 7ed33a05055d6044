"""The bundle of a run holds its evidence, and raises to `rehearsed` only what was proved."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import exitkit
from exitkit.engine.conclude import conclude
from exitkit.engine.run import Interrupts, Start, drive, start_run
from exitkit.engine.snapshot import Snapshot, take_snapshot
from exitkit.errors import CannotRun
from exitkit.model.plan import Mode, Plan
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.verify import verify_bundle
from exitkit.workspace.files import Workspace, load_workspace

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]
TEMPLATES = Path(exitkit.__file__).parent / "workspace" / "templates"
PLUGINS = '''
from exitkit.model.run import Measurement, Outcome, Proof, StepStatus

class Prove:
    """Claim that an aspect was read back equal, the way a compare step does."""
    kind, needs, reversible = "prove", (), True
    def problems(self, step):
        return iter(())
    def run(self, step, context):
        context.progress("password=PlantedSecret-4711")
        return Outcome(
            StepStatus.SUCCEEDED, "compared", {"items_different": 0},
            proofs=(Proof(step.params["asset"], step.params["aspect"]),),
            measurements=(Measurement("objects", 3, 300, 30),),
        )
    def undo(self, step, touched, context):
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")
'''


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def workspace(workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with one sealed bundle, and the step kind above installed beside exitkit."""
    site = tmp_path / "site"
    metadata = site / "prove-1.dist-info"
    metadata.mkdir(parents=True)
    (site / "prove_plugins.py").write_text(PLUGINS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: prove\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[exitkit.steps]\nprove = prove_plugins:Prove\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    shutil.copy(TEMPLATES / "licenses.csv", tmp_path / "licenses.csv")
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    (tmp_path / "exitkit.yaml").write_text(
        "{schema: exitkit/workspace/1, series: acme,"
        " sources: [{id: agreements, type: licenses, paths: [licenses.csv]}],"
        " signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}}"
    )
    workspace = load_workspace(tmp_path)
    take_snapshot(
        workspace, only_sources=(), now=now, environ=dict(os.environ), progress=lambda *_: None
    )
    return workspace


def rehearse(workshop: Any, workspace: Workspace, plan: Plan, run: str = "r1") -> Path:
    """Run the plan on the first bundle to its end; return the run's folder."""
    bundle = open_bundle(workspace.bundles / "acme-000001")
    start = Start(run, plan, Mode.REHEARSAL, bundle.id, "bundles/acme-000001", "user:test")
    coordinator = start_run(workspace.runs, start, workshop.surroundings())
    drive(coordinator, Interrupts())
    coordinator.close()
    return workspace.runs / run


def proving(make_milestone: Make, asset: dict[str, Any], most: int) -> dict[str, Any]:
    step = {"id": "compare", "kind": "prove", "asset": asset["asset"], "aspect": asset["aspect"]}
    criterion = {
        "id": "C1", "metric": "items_different", "op": "==", "value": most, "kind": "checksum",
    }  # fmt: skip
    return make_milestone("M1", [step], criteria=[criterion])


def verdict_of(bundle: Bundle) -> dict[str, Any]:
    return next(iter(bundle.records("exportability")))


def test_what_was_proved_is_rehearsed_in_the_next_bundle(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_milestone: Make
) -> None:
    before = open_bundle(workspace.bundles / "acme-000001")
    plan = make_plan(proving(make_milestone, verdict_of(before), 0))
    conclusion = conclude(workspace, rehearse(workshop, workspace, plan), now)
    after = open_bundle(conclusion.path)
    assert (conclusion.path.name, conclusion.sealed, conclusion.lifted) == ("acme-000002", True, 1)
    record = verdict_of(after)
    assert (record["level"], record["basis"], record["rehearsedIn"]) == (
        "rehearsed",
        "rehearsal",
        "r1",
    )
    proof = next(e for e in after.records("events") if e["type"] == "step.succeeded")
    assert record["rehearsedAt"] == proof["at"]
    assert after.descriptor["previous"] == before.id
    (run,) = after.records("runs")
    assert run["milestones"] == [{"milestone": "M1", "verdict": "proved"}]
    assert list(after.records("assets")) == list(before.records("assets"))
    transfers = [m for m in after.records("measurements") if m["measure"] == "transfer"]
    assert [(m["items"], m["durationMillis"]) for m in transfers] == [(3, 30)]
    log = after.content_path("evidence/logs/r1/compare/1-run.log").read_text()
    assert log.startswith("password=<masked:")
    checked = subprocess.run(
        [sys.executable, "-I", after.path / "data" / "spec" / "verify.py", after.path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 4, checked.stdout
    for path in after.path.rglob("*"):
        assert path.is_dir() or b"PlantedSecret" not in path.read_bytes(), path


def test_a_missed_milestone_raises_nothing(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_milestone: Make
) -> None:
    before = verdict_of(open_bundle(workspace.bundles / "acme-000001"))
    plan = make_plan(proving(make_milestone, before, 1))
    conclusion = conclude(workspace, rehearse(workshop, workspace, plan), now)
    assert conclusion.lifted == 0
    assert verdict_of(open_bundle(conclusion.path)) == before


def test_a_failed_run_is_sealed_too(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a", argv=["false"])]))
    conclusion = conclude(workspace, rehearse(workshop, workspace, plan), now)
    (run,) = open_bundle(conclusion.path).records("runs")
    assert run["state"] == "failed"


def test_a_run_is_sealed_once_and_later_runs_keep_it(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_milestone: Make
) -> None:
    verdict = verdict_of(open_bundle(workspace.bundles / "acme-000001"))
    plan = make_plan(proving(make_milestone, verdict, 0))
    folder = rehearse(workshop, workspace, plan)
    first = conclude(workspace, folder, now)
    assert conclude(workspace, folder, now) == first
    assert len(list(workspace.bundles.iterdir())) == 2


def test_a_run_that_goes_on_is_not_sealed(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [make_step("a")]))
    run = workshop.start(plan)
    with pytest.raises(CannotRun, match="not ended"):
        conclude(workspace, run.journal.folder, now)


def snapshot(workspace: Workspace, at: dt.datetime) -> Snapshot:
    return take_snapshot(
        workspace, only_sources=(), now=lambda: at, environ=dict(os.environ),
        progress=lambda *_: None,
    )  # fmt: skip


def test_a_later_snapshot_keeps_what_was_rehearsed_with_its_evidence_until_it_is_old(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_milestone: Make
) -> None:
    record = verdict_of(open_bundle(workspace.bundles / "acme-000001"))
    assert record["level"] == "importable"
    plan = make_plan(proving(make_milestone, record, 0))
    conclude(workspace, rehearse(workshop, workspace, plan), now)
    young = snapshot(workspace, now() + dt.timedelta(days=90))
    assert (young.kept, young.aged, young.changed) == (1, 0, 0)
    bundle = open_bundle(young.path)
    kept = {row["@id"]: row for row in bundle.records("exportability")}[record["@id"]]
    assert (kept["level"], kept["rehearsedIn"]) == ("rehearsed", "r1")
    assert [run["run"] for run in bundle.records("runs")] == ["r1"]
    assert [m["items"] for m in bundle.records("measurements") if m["measure"] == "transfer"] == [3]
    checked = subprocess.run(
        [sys.executable, "-I", bundle.path / "data" / "spec" / "verify.py", bundle.path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 4, checked.stdout
    old = snapshot(workspace, now() + dt.timedelta(days=430))
    assert (old.kept, old.aged, old.changed) == (0, 1, 0)
    again = open_bundle(old.path)
    fallen = {row["@id"]: row for row in again.records("exportability")}[record["@id"]]
    assert fallen == record
    assert list(again.records("runs")) == list(again.records("events")) == []


def test_what_was_rehearsed_outlives_snapshots_that_its_source_did_not_answer(
    workshop: Any, workspace: Workspace, make_plan: MakePlan, make_milestone: Make
) -> None:
    record = verdict_of(open_bundle(workspace.bundles / "acme-000001"))
    plan = make_plan(proving(make_milestone, record, 0))
    conclude(workspace, rehearse(workshop, workspace, plan), now)
    list_of_licenses = workspace.root / "licenses.csv"
    text = list_of_licenses.read_text()
    list_of_licenses.unlink()
    assert [snapshot(workspace, now()).assets for _ in range(2)] == [0, 0]
    list_of_licenses.write_text(text)
    back = snapshot(workspace, now())
    assert (back.kept, back.aged, back.changed) == (1, 0, 0)
    assert not verify_bundle(back.path, []).faults
