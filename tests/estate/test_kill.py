"""Kill whatever runs a rehearsal, at every step, and count effects where no journal can lie."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import exitkit
from exitkit.store.keys import generate_key

TEMPLATES = Path(exitkit.__file__).parent / "workspace" / "templates"
EXITKIT = [sys.executable, "-m", "exitkit"]
WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
"""
EFFECT = """\
until [ -e "open-$EXITKIT_STEP" ]; do sleep 0.02; done
echo "did $EXITKIT_STEP" >> effects
until [ -e "done-$EXITKIT_STEP" ]; do sleep 0.02; done
"""
"""A step with two gates: killed before the first it had no effect, before the second it had."""
UNDO = 'echo "undid $EXITKIT_STEP" >> effects'
STEPS = ("a", "b", "c")
Line = dict[str, Any]


def plan(on_interrupt: str) -> Line:
    steps = [
        {
            "id": name, "kind": "command", "effect": "external-write", "timeout": "5m",
            "argv": ["sh", "-c", EFFECT], "undo": ["sh", "-c", UNDO],
            "probe": ["sh", "-c", 'grep -qx "did $EXITKIT_STEP" effects'],
            "needs": [before] if before else [], "on_interrupt": on_interrupt,
        }
        for name, before in zip(STEPS, ("", *STEPS), strict=False)
    ]  # fmt: skip
    criterion = {
        "id": "C1", "kind": "restore", "metric": "exit_code", "op": "==", "value": 0,
        "unit": "code", "evidence": "log",
    }  # fmt: skip
    return {
        "schema": "exitkit/plan/1", "id": "PLAN-1", "version": "1", "contract_ref": "CTR-1",
        "milestones": [
            {
                "id": "M1", "title": "All of it", "steps": steps, "criteria": [criterion],
                "deadline": {"anchor": "TREH", "offset": "P1D"},
            }
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one sealed bundle."""
    root = tmp_path_factory.mktemp("prepared")
    (root / "exitkit.yaml").write_text(WORKSPACE)
    for name in ("contract.yaml", "licenses.csv"):
        shutil.copy(TEMPLATES / name, root / name)
    generate_key(root / "keys" / "exitkit.pem", root / "keys" / "exitkit.pub")
    (root / "keys" / "masking.key").write_text("00" * 32)
    subprocess.run([*EXITKIT, "snapshot"], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    shutil.copytree(prepared, root)
    return root


class Coordinator:
    """An exitkit process whose events can be waited for."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*EXITKIT, *arguments, "--json"], cwd=root, stdout=subprocess.PIPE, text=True
        )

    def until(self, holds: Callable[[Line], bool]) -> Line:
        """Return the first event for which `holds`; the process goes on meanwhile."""
        for line in self.lines():
            if holds(line):
                return line
        pytest.fail(f"the process ended ({self.process.wait()}) before the event came")

    def lines(self) -> Iterator[Line]:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            yield json.loads(text)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self) -> int:
        """Read to the end and return the exit code."""
        list(self.lines())
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait()


def is_event(kind: str, step: str, action: str = "") -> Callable[[Line], bool]:
    return lambda line: (
        line["event"] == kind
        and line["step"] == step
        and (not action or line["data"]["action"] == action)
    )


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).touch()


def effects(root: Path) -> list[str]:
    path = root / "effects"
    return path.read_text().splitlines() if path.exists() else []


def wait_for_effect(root: Path, step: str) -> None:
    while f"did {step}" not in effects(root):
        time.sleep(0.01)


def run_name(root: Path) -> str:
    return next((root / "runs").iterdir()).name


ONCE_EACH = ["did a", "did b", "did c", "undid c", "undid b", "undid a"]


@pytest.mark.parametrize("policy", ["rerun", "probe"])
def test_a_coordinator_killed_at_every_step_repeats_no_effect(root: Path, policy: str) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan(policy)))
    run = Coordinator(root, "rehearse", "--yes")
    for step in STEPS:
        # Before: the intent is durable, the child may or may not have been released.
        run.until(is_event("step.started", step))
        run.kill()
        run = Coordinator(root, "resume", run_name(root))
        # During: the child is released and waits; it works on without a coordinator.
        if f"did {step}" not in effects(root):
            touch(root, f"open-{step}")
            wait_for_effect(root, step)
        run.kill()
        touch(root, f"done-{step}")
        run = Coordinator(root, "resume", run_name(root))
        # After: the end is recorded.
        run.until(is_event("step.succeeded", step))
        run.kill()
        run = Coordinator(root, "resume", run_name(root))
    for step in reversed(STEPS):
        run.until(is_event("step.spawned", step, "undo"))
        run.kill()
        run = Coordinator(root, "resume", run_name(root))
    assert run.end() == 0
    assert effects(root) == ONCE_EACH
    assert len(list((root / "bundles").iterdir())) == 2


def test_a_child_killed_before_and_after_its_effect_is_probed(root: Path) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan("probe")))
    run = Coordinator(root, "rehearse", "--yes")
    how = {}
    for step in STEPS:
        # Killed before its effect: the probe says no, and it runs again.
        line = run.until(is_event("step.spawned", step, "run"))
        os.kill(line["data"]["pid"], signal.SIGKILL)
        line = run.until(is_event("step.spawned", step, "run"))
        # Killed after its effect together with its coordinator: the probe says yes.
        touch(root, f"open-{step}")
        wait_for_effect(root, step)
        run.kill()
        os.kill(line["data"]["pid"], signal.SIGKILL)
        run = Coordinator(root, "resume", run_name(root))
        how[step] = run.until(is_event("step.succeeded", step))["data"]["how"]
    assert run.end() == 0
    assert how == dict.fromkeys(STEPS, "probe")
    assert effects(root) == ONCE_EACH


def test_a_second_coordinator_is_kept_out_while_the_first_lives(root: Path) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan("rerun")))
    run = Coordinator(root, "rehearse", "--yes")
    run.until(is_event("step.spawned", "a"))
    second = Coordinator(root, "resume", run_name(root))
    assert second.end() == 3
    touch(root, *(f"{gate}-{step}" for gate in ("open", "done") for step in STEPS))
    assert run.end() == 0
    assert effects(root) == ONCE_EACH


def test_ctrl_c_once_stops_and_undoes(root: Path) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan("rerun")))
    touch(root, "open-a", "done-a")
    run = Coordinator(root, "rehearse", "--yes")
    run.until(is_event("step.spawned", "b"))
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert effects(root) == ["did a", "undid b", "undid a"]
    assert len(list((root / "bundles").iterdir())) == 2


def test_ctrl_c_twice_stops_now_and_abort_undoes_later(root: Path) -> None:
    document = plan("rerun")
    slow = 'until [ -e undo-now ]; do sleep 0.02; done; echo "undid $EXITKIT_STEP" >> effects'
    document["milestones"][0]["steps"][1]["undo"] = ["sh", "-c", slow]
    (root / "exit-plan.yaml").write_text(json.dumps(document))
    touch(root, "open-a", "done-a")
    run = Coordinator(root, "rehearse", "--yes")
    run.until(is_event("step.spawned", "b"))
    run.process.send_signal(signal.SIGINT)
    run.until(is_event("step.spawned", "b", "undo"))
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert effects(root) == ["did a"]
    touch(root, "undo-now")
    assert Coordinator(root, "abort", run_name(root)).end() == 0
    assert effects(root) == ["did a", "undid b", "undid a"]


def test_a_reader_that_leaves_does_not_end_the_run(root: Path) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan("rerun")))
    run = Coordinator(root, "rehearse", "--yes")
    run.until(is_event("step.spawned", "a"))
    assert run.process.stdout is not None
    run.process.stdout.close()
    touch(root, *(f"{gate}-{step}" for gate in ("open", "done") for step in STEPS))
    assert run.process.wait() == 0
    assert effects(root) == ONCE_EACH


def test_a_run_started_without_any_stream_writes_its_words_nowhere(root: Path) -> None:
    (root / "exit-plan.yaml").write_text(json.dumps(plan("rerun")))
    touch(root, *(f"{gate}-{step}" for gate in ("open", "done") for step in STEPS))
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *EXITKIT, "rehearse", "--yes"]
    assert subprocess.run(closed, cwd=root, check=False).returncode == 0
    assert effects(root) == ONCE_EACH
    verified = subprocess.run([*EXITKIT, "verify-run", run_name(root)], cwd=root, check=False)
    assert verified.returncode == 0
