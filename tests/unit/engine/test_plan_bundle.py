"""A plan is held against what there is to move: order, volume, time, and what is not there."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.cli.main import run
from exitkit.engine.plan_bundle import bundle_remarks
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Dataset
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import Measurement, RunSummary
from exitkit.store import evidence, records
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.writer import BundleInputs, write_bundle
from exitkit.workspace.files import load_plan
from exitkit.workspace.plan_file import plan_from_document
from exitkit.workspace.scaffold import write_workspace

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
BUCKET, FUNCTION = "AWS::S3::Bucket", "AWS::Lambda::Function"
DATA = Ref("aws", "1", "eu-west-1", BUCKET, "data")
APP = Ref("aws", "1", "eu-west-1", FUNCTION, "app")
SIZE = 2_000_000


def write(folder: Path, number: int, *measured: Measurement) -> Bundle:
    """Write a bundle of a bucket and of a function that stores its data in it."""
    assets = [
        Asset(DATA, "storage.bucket", "data", {}, NOW),
        Asset(APP, "compute.function", "app", {}, NOW),
    ]
    summary = RunSummary("acme-r1", Mode.REHEARSAL, "completed", NOW, NOW, "0" * 64, "0" * 64)
    rows: dict[str, Any] = {
        "assets": [records.asset_record(asset) for asset in assets],
        "native": [records.native_record(asset) for asset in assets],
        "relations": [records.relation_record(Relation(APP, "storesDataIn", DATA))],
        "datasets": [records.dataset_record(Dataset(DATA, "objects", 10, SIZE))],
    }
    if measured:
        rows["runs"] = [
            evidence.run_record(
                summary, "P", f"urn:exitkit:bundle:sha256:{0:064}", {"M1": "proved"}
            )
        ]
        rows["measurements"] = [
            evidence.transfer_measurement("acme-r1", "move-data", one) for one in measured
        ]
    path = folder / f"acme-{number:06d}"
    inputs = BundleInputs("acme", number, NOW, NOW, NOW, "0.1.0", {})
    write_bundle(path, inputs, rows, [], None)
    return open_bundle(path)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write(tmp_path, 1)


def restore(name: str, native_type: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "kind": "restore", "what": "objects", "target": "store",
        "assets": {"native_type": native_type}, **more,
    }  # fmt: skip


def told(plan: Plan, bundle: Bundle, rehearsed: Bundle | None = None) -> list[tuple[str, str]]:
    return [(one.weight, one.text) for one in bundle_remarks(plan, bundle, rehearsed)]


def test_a_step_that_moves_before_what_it_relies_on_is_a_finding(
    bundle: Bundle, make_plan: Callable[..., Plan], make_milestone: Callable[..., Any]
) -> None:
    app, data = restore("move-app", FUNCTION), restore("move-data", BUCKET)
    plan = make_plan(make_milestone("M1", [app, data]))
    expected = (
        "move-app may move app before move-data moved data, which it relies on;"
        " add needs: [move-data]"
    )
    assert told(plan, bundle) == [("weak", expected)]
    in_order = make_plan(make_milestone("M1", [app | {"needs": ["move-data"]}, data]))
    assert told(in_order, bundle) == []


def test_a_step_that_finds_nothing_to_move_is_a_finding(
    bundle: Bundle, make_plan: Callable[..., Plan], make_milestone: Callable[..., Any]
) -> None:
    step = restore("move-table", "AWS::DynamoDB::Table")
    ((weight, text),) = told(make_plan(make_milestone("M1", [step])), bundle)
    assert (weight, text[:46]) == ("weak", "the bundle holds no AWS::DynamoDB::Table named")


def with_budget(plan: Plan, **limits: str) -> Plan:
    return plan_from_document({**plan.document, "budget": {"rehearsal": limits}})


def test_a_budget_of_volume_is_held_against_what_the_steps_move(
    bundle: Bundle, make_plan: Callable[..., Plan], make_milestone: Callable[..., Any]
) -> None:
    plan = make_plan(make_milestone("M1", [restore("move-data", BUCKET)]))
    assert told(with_budget(plan, volume="2MB"), bundle) == []
    assert told(with_budget(plan, volume="1999kB"), bundle) == [
        ("weak", "its steps move 2000000 bytes, more than 1999kB; raise it or move less")
    ]


def test_a_budget_of_time_is_held_against_measured_rates(
    bundle: Bundle, tmp_path: Path, make_plan: Callable[..., Plan],
    make_milestone: Callable[..., Any],
) -> None:  # fmt: skip
    plan = make_plan(make_milestone("M1", [restore("move-data", BUCKET)]))
    # Half of it took an hour: all of it takes two.
    rehearsed = write(tmp_path, 2, Measurement("objects", 5, SIZE // 2, 3_600_000))
    assert told(with_budget(plan, time="2h"), bundle, rehearsed) == []
    ((weight, text),) = told(with_budget(plan, time="119m"), bundle, rehearsed)
    assert weight == "weak"
    assert text.startswith(
        "its steps move for 7200 s by the rates of the last rehearsal, more than"
    )
    ((weight, text),) = told(with_budget(plan, time="2h"), bundle, None)
    assert (weight, "no rehearsal measured a rate for objects" in text) == ("note", True)


def test_the_waves_of_a_bundle_become_milestones_of_a_sound_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "w"
    write_workspace(root, series="acme", sources=["aws"])
    (root / "bundles").mkdir(exist_ok=True)
    write(root / "bundles", 1)
    assert run(["plan", "waves", "-w", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waves"] == [[[DATA.urn]], [[APP.urn]]]
    assert run(["plan", "waves", "-w", str(root), "--milestones"]) == 0
    written = yaml.safe_load(capsys.readouterr().out)
    assert [one["depends_on"] for one in written["milestones"][1:]] == [["wave-1"]]
    assert f"{BUCKET} data" in written["milestones"][0]["objective"]
    assert run(["estimate", "-w", str(root), "--json"]) == 0
    estimated = json.loads(capsys.readouterr().out)["waves"]
    days = [-(-one["minutes"]["likely"] // (7 * 60)) for one in estimated]
    assert min(days) > 0
    assert [one["duration"] for one in written["milestones"]] == [f"P{one}WD" for one in days]
    assert [(one["start"]["offset"], one["end"]["offset"]) for one in written["phases"]] == [
        ("P0WD", f"P{days[0]}WD"), (f"P{days[0]}WD", f"P{sum(days)}WD"),
    ]  # fmt: skip
    head = {"schema": "exitkit/plan/1", "id": "P", "version": "1", "contract_ref": "CTR-1"}
    (root / "exit-plan.yaml").write_text(yaml.safe_dump(head | written))
    assert [one.id for one in load_plan(root / "exit-plan.yaml").milestones] == ["wave-1", "wave-2"]


def test_plan_check_tells_what_the_newest_bundle_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "w"
    write_workspace(root, series="acme", sources=["aws"])
    (root / "bundles").mkdir(exist_ok=True)
    write(root / "bundles", 1)
    criterion = {"id": "C1", "metric": "items_missing", "op": "==", "value": 0}
    milestone = {
        "id": "M1", "title": "M1", "deadline": {"anchor": "TS"}, "criteria": [criterion],
        "steps": [restore("move-app", FUNCTION), restore("move-data", BUCKET)],
    }  # fmt: skip
    plan = {
        "schema": "exitkit/plan/1", "id": "P", "version": "1", "contract_ref": "CTR-1",
        "budget": {"rehearsal": {"volume": "1MB"}}, "milestones": [milestone],
    }  # fmt: skip
    (root / "exit-plan.yaml").write_text(json.dumps(plan))
    with (root / "exitkit.yaml").open("a") as file:
        file.write('targets: [{id: store, type: s3, endpoint_url: "http://127.0.0.1:1"}]\n')
    assert run(["plan", "check", "-w", str(root), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["remarks"]
    assert [one["place"] for one in found] == ["milestones[0].steps[0]", "budget.rehearsal.volume"]
