"""Functions run on another machine and give the answers they gave at the source."""

from __future__ import annotations

import datetime as dt
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.model.asset import Asset, Ref
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Finding, StepContext, Target
from exitkit.restorers.function_code import FunctionCodeRestorer
from exitkit.restorers.local_objects import LocalObjectsRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

SEEN_AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
PYTHON = """\
import os  # EXITKIT-CANARY-CODE

def handle(event, context):
    print('noise')
    return {'sum': sum(event)}
"""
NODE = "exports.handle = async (event) => ({ sum: event.reduce((a, b) => a + b, 0) });\n"


def function(name: str, runtime: str, handler: str, files: dict[str, str]) -> list[Finding]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    ref = Ref("aws", "123456789012", "eu-west-1", "AWS::Lambda::Function", name)
    path = f"datasets/{name}/code.zip"
    content = Content(path, packed.getvalue(), "application/zip", "data")
    config = {"Runtime": runtime, "Handler": handler}
    return [
        Asset(ref, "compute.function", name, config, SEEN_AT),
        Draft(ref, Aspect.CODE, Level.OPEN, "lambda:GetFunction", "zip", (content,)),
    ]


def step_of(kind: str, **more: Any) -> Step:
    assets = {"native_type": "AWS::Lambda::Function", "names": ["*"]}
    return Step(
        "code", kind, {"what": "function-code", "target": "ground", "assets": assets, **more}
    )


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "ground").mkdir()
    return Target("ground", "folder", {"path": "ground"}, tmp_path)


def test_functions_give_the_same_answers_elsewhere(
    target: Target,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> None:
    bundle = bundle_of(
        [
            *function("adder", "python3.11", "app/main.handle", {"app/main.py": PYTHON}),
            *function("counter", "nodejs20.x", "index.handle", {"index.js": NODE}),
        ]
    )
    context = context_of(bundle, {"ground": target}, {"PATH": os.environ["PATH"]})
    restored = RestoreStep().run(step_of("restore"), context)
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    events = [
        {"name": "two", "function": name, "payload": [1, 2], "answer": {"sum": 3}}
        for name in ("adder", "counter")
    ]
    compare = step_of("compare", events=events, canary_pattern="EXITKIT-CANARY-[A-Z]+")
    same = CompareStep().run(compare, context)
    assert (same.metrics["canaries_expected"], same.metrics["canaries_found"]) == (1, 1)
    assert [item.detail for item in same.items if item.result != "equal"] == []
    assert same.metrics["answers_equal"] == 2
    assert len(same.proofs) == 2

    assert CompareStep().run(step_of("compare"), context).proofs == ()
    wrong = [{**events[0], "answer": {"sum": 4}}]
    assert CompareStep().run(step_of("compare", events=wrong), context).metrics[
        "items_different"
    ] == 1  # fmt: skip
    FunctionCodeRestorer().undo(step_of("restore"), restored.touched, target, context)
    assert LocalObjectsRestorer().inventory(target, {}) == ()


def test_a_package_that_leads_out_of_its_folder_is_refused(
    target: Target,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> None:
    bundle = bundle_of(function("bad", "python3.11", "a.b", {"../../escaped.py": "x"}))
    context = context_of(bundle, {"ground": target})
    restored = RestoreStep().run(step_of("restore"), context)
    assert restored.status is StepStatus.FAILED
    assert "which is no file of a folder" in restored.message
    assert not (target.base / "escaped.py").exists()
    FunctionCodeRestorer().undo(step_of("restore"), restored.touched, target, context)
    assert LocalObjectsRestorer().inventory(target, {}) == ()
