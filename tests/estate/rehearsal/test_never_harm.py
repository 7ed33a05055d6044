"""A rehearsal writes nothing beyond its quota, nothing to a source, and owns up to what it left."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.cli.main import run as exitkit_main
from exitkit.store.keys import generate_key

RESTORE = {
    "id": "restore", "kind": "restore", "effect": "external-write", "what": "repositories",
    "target": "ground", "assets": {"native_type": "Git/Repository", "names": ["*"]},
}  # fmt: skip
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVcuFMhtd6vxzkm9UwKo8pLrYBmhJ0qUr8t9pdnFmVQ"


@dataclass
class Estate:
    """A workspace with a repository in its bundle and a folder to restore to."""

    root: Path
    document: dict[str, Any]

    def run(self, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = exitkit_main(arguments)
        return code, said.getvalue()

    def declare(self, **members: Any) -> None:
        self.document |= members
        (self.root / "exitkit.yaml").write_text(yaml.safe_dump(self.document))

    def plan(self, *steps: dict[str, Any]) -> None:
        milestone = {
            "id": "M1", "title": "Moved", "steps": list(steps), "criteria": [],
            "deadline": {"anchor": "T0", "offset": "P1D"},
        }  # fmt: skip
        plan = {
            "schema": "exitkit/plan/1", "id": "PLAN-1", "version": "1", "contract_ref": "CTR-1",
            "milestones": [milestone],
        }  # fmt: skip
        (self.root / "exit-plan.yaml").write_text(json.dumps(plan))

    def ground(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in (self.root / "ground").iterdir())


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.chdir(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    repository.mkdir(parents=True)
    (repository / "run.sh").write_text("echo run\n")
    (tmp_path / "ground").mkdir()
    for command in (
        ["init", "-q", "-b", "main"], ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "first"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    generate_key(tmp_path / "keys" / "exitkit.pem", tmp_path / "keys" / "exitkit.pub")
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    (tmp_path / "contract.yaml").write_text(
        json.dumps({"schema": "exitkit/contract/1", "id": "CTR-1", "title": "Hosting"})
    )
    estate = Estate(tmp_path, {"schema": "exitkit/workspace/1", "series": "acme"})
    estate.declare(
        sources=[{"id": "automation", "type": "scripts", "paths": ["git/runbooks"]}],
        targets=[{"id": "ground", "type": "folder", "path": "ground"}],
        signing={"key": "keys/exitkit.pem", "trust": ["keys/exitkit.pub"]},
    )
    estate.run("snapshot")
    return estate


def test_more_than_the_quota_stops_before_it_is_written_and_is_an_incident(
    estate: Estate,
) -> None:
    estate.declare(
        targets=[{"id": "ground", "type": "folder", "path": "ground", "quota": {"volume": "9 B"}}]
    )
    estate.plan(RESTORE)
    code, said = estate.run("rehearse", "--yes")
    assert code == 1
    assert "INCIDENT    step restore: target ground: " in said
    assert "bytes are more than its quota of 9; restore less, or raise `quota: volume`" in said
    artifacts = next((estate.root / "runs").glob("*/artifacts/restore/1"))
    assert not (artifacts / "touched.json").exists(), "nothing was even claimed"
    assert estate.ground() == []

    estate.declare(
        targets=[{"id": "ground", "type": "folder", "path": "ground",
                  "quota": {"volume": "1 MB", "time": "1h"}}]
    )  # fmt: skip
    code, said = estate.run("rehearse", "--yes")
    assert (code, "INCIDENT" in said) == (0, False), said


def test_what_an_undo_left_behind_is_found_on_the_target_and_is_an_incident(
    estate: Estate,
) -> None:
    litter = {
        "id": "litter", "kind": "command", "effect": "external-write", "needs": ["restore"],
        "argv": ["touch", "ground/litter"], "undo": ["true"],
    }  # fmt: skip
    estate.plan(RESTORE, litter)
    code, said = estate.run("rehearse", "--yes")
    assert code == 1
    assert "INCIDENT    target ground: not as it was before" in said
    assert estate.ground() == ["ground/litter"]
    journal = next((estate.root / "runs").iterdir()).name
    report = json.loads(estate.run("status", journal, "--json")[1])
    assert report["incidents"] == ["target ground: not as it was before"]


def test_an_undo_that_fails_is_an_incident(estate: Estate) -> None:
    stuck = {
        "id": "stuck", "kind": "command", "effect": "external-write",
        "argv": ["true"], "undo": ["false"],
    }  # fmt: skip
    estate.plan(RESTORE, stuck)
    code, said = estate.run("rehearse", "--yes")
    assert code == 1
    assert "INCIDENT    step stuck: " in said
    assert estate.ground() == [], "the other step was taken back all the same"


@pytest.fixture
def same_host(estate: Estate) -> Callable[[str], None]:
    """Make a source and a target of hosts whose names differ; the argument is the target's key."""

    def declare(key: str) -> None:
        for name, address, line in (("source", "10.9.0.1", HOST_KEY), ("sandbox", "10.9.0.2", key)):
            (estate.root / f"{name}.yml").write_text(
                f"all: {{hosts: {{{name}: {{ansible_host: {address}}}}}}}\n"
            )
            (estate.root / f"{name}.known").write_text(f"{address} {line}\n")
        estate.declare(
            sources=[
                {"id": "automation", "type": "scripts", "paths": ["git/runbooks"]},
                {"id": "hosts", "type": "hosts", "inventory": "source.yml",
                 "known_hosts": "source.known"},
            ],
            targets=[
                {"id": "ground", "type": "host", "inventory": "sandbox.yml", "host": "sandbox",
                 "directory": "/srv/rehearsal", "known_hosts": "sandbox.known"}
            ],
        )  # fmt: skip
        estate.plan(RESTORE | {"what": "files"})

    return declare


def test_a_host_of_another_name_with_the_key_of_a_source_is_the_source(
    estate: Estate, same_host: Callable[[str], None]
) -> None:
    same_host(HOST_KEY)
    code, said = estate.run("rehearse", "--yes")
    assert code == 2
    assert "target ground: is source hosts (ssh-host-key:SHA256:" in said
    assert not (estate.root / "runs").exists() or not list((estate.root / "runs").iterdir())


def test_a_host_at_the_address_of_a_source_is_the_source(
    estate: Estate, same_host: Callable[[str], None]
) -> None:
    same_host(HOST_KEY)
    for name in ("sandbox.yml", "sandbox.known"):
        path = estate.root / name
        path.write_text(path.read_text().replace("10.9.0.2", "10.9.0.1"))
    (estate.root / "sandbox.known").write_text("")
    code, said = estate.run("rehearse", "--yes")
    assert code == 2
    assert "target ground: is source hosts (endpoint:ssh://10.9.0.1:22)" in said


PLAYBOOK = """\
- hosts: all
  tasks:
    - ansible.builtin.command: id
      delegate_to: production
"""


def test_a_playbook_that_writes_elsewhere_is_refused_before_its_first_task(
    estate: Estate,
) -> None:
    (estate.root / "playbooks").mkdir()
    for name in ("away.yml", "away.undo.yml"):
        (estate.root / "playbooks" / name).write_text(PLAYBOOK)
    (estate.root / "hosts.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    estate.declare(
        targets=[{"id": "here", "type": "host", "inventory": "hosts.yml", "host": "here",
                  "directory": "ground"}]
    )  # fmt: skip
    estate.plan(
        {"id": "away", "kind": "playbook", "effect": "external-write", "target": "here",
         "playbook": "playbooks/away.yml"}
    )  # fmt: skip
    code, said = estate.run("rehearse", "--yes")
    assert code == 1
    assert "away.yml: away.yml: `delegate_to` hands a task to another host" in said


def test_time_that_is_used_up_ends_a_restore_at_work(estate: Estate) -> None:
    code = (
        "import time, pathlib;"
        "from exitkit.model.plan import Mode; from exitkit.ports import StepContext, Target;"
        "from exitkit.store.quota import within_quota, QuotaExceeded\n"
        "root = pathlib.Path('.').absolute()\n"
        "target = Target('ground', 'folder', {'quota': {'time': '1s'}}, root)\n"
        "folder = root / 'runs/r/artifacts/s/1'; folder.mkdir(parents=True)\n"
        "context = StepContext('r', Mode.REHEARSAL, root, folder, root, {}, {}, {}, 'k', {})\n"
        "try:\n"
        "    with within_quota(target, context, 0): time.sleep(60)\n"
        "except QuotaExceeded as fault: print(fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout == ("target ground: its quota of time is used up; raise `quota: time`\n")
