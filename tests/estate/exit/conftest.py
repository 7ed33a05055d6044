"""Lend a workspace whose plan can be rehearsed and then run as an exit."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import exitkit
from exitkit.cli.main import run as exitkit_main
from exitkit.store.keys import generate_key

TEMPLATES = Path(exitkit.__file__).parent / "workspace" / "templates"
WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Estate:
    """A workspace and the commands run in it."""

    root: Path

    def run(self, *arguments: str) -> Ended:
        """Run a command in this process: the start of Python costs more than the command."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = exitkit_main(arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    def write_plan(self, *milestones: dict[str, Any]) -> None:
        plan = {
            "schema": "exitkit/plan/1", "id": "PLAN-1", "version": "1", "contract_ref": "CTR-1",
            "milestones": list(milestones),
        }  # fmt: skip
        (self.root / "exit-plan.yaml").write_text(json.dumps(plan))

    def write_contract(self, **members: Any) -> None:
        contract = {"schema": "exitkit/contract/1", "id": "CTR-1", "title": "Hosting", **members}
        (self.root / "contract.yaml").write_text(json.dumps(contract))

    def write_yaml(self, name: str, document: dict[str, Any]) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document))

    def run_name(self, mode: str) -> str:
        return next((self.root / "runs").glob(f"{mode}-*")).name

    def days_ago(self, days: int) -> str:
        return (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)).isoformat()


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    shutil.copy(TEMPLATES / "licenses.csv", tmp_path)
    generate_key(tmp_path / "keys" / "exitkit.pem", tmp_path / "keys" / "exitkit.pub")
    generate_key(tmp_path / "keys" / "stranger.pem", tmp_path / "keys" / "stranger.pub")
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    estate = Estate(tmp_path)
    estate.write_contract()
    estate.run("snapshot")
    return estate


@pytest.fixture
def make_milestone() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a milestone with one criterion that its steps measure."""

    def build(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": name, "title": name, "steps": list(steps),
            "deadline": {"anchor": "T0", "offset": "P10D"},
            "criteria": [{"id": f"{name}.1", "metric": "exit_code", "op": "==", "value": 0}],
            **more,
        }  # fmt: skip

    return build


@pytest.fixture
def write_step() -> dict[str, Any]:
    """A step with an effect that a rehearsal takes back and an exit leaves."""
    return {
        "id": "write", "kind": "command", "effect": "external-write",
        "argv": ["sh", "-c", "echo did >> effects"], "undo": ["sh", "-c", "echo undid >> effects"],
    }  # fmt: skip
