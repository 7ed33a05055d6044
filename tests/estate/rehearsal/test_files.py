"""Move scripts to a scratch folder by playbook and notice every file that is not the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.scripts import ScriptsCollector
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.files import FilesRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

PARAMS: dict[str, Any] = {
    "what": "files",
    "target": "scratch-host",
    "assets": {"native_type": "Git/Repository", "names": ["*"]},
    "canary_pattern": "EXITKIT-CANARY-[A-Z]+",
}
RESTORE = Step("restore-scripts", "restore", PARAMS)
COMPARE = Step("compare-scripts", "compare", PARAMS)


@pytest.fixture
def repository(tmp_path: Path) -> Source:
    folder = tmp_path / "git" / "runbooks"
    (folder / "jobs").mkdir(parents=True)
    (folder / "backup.sh").write_text("#!/bin/sh\n# EXITKIT-CANARY-SCRIPT\ntar -cf - /srv\n")
    (folder / "backup.sh").chmod(0o755)
    (folder / "jobs" / "größe messen.py").write_text("print('größe')\n")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return Source("automation", "scripts", {"paths": ["git/runbooks"]}, tmp_path)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "hosts.yml").write_text(
        "all:\n  children:\n    automation:\n      hosts:\n"
        "        scratch: {ansible_connection: local}\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "earlier.txt").write_text("was here before\n")
    settings = {"inventory": "hosts.yml", "host": "scratch", "directory": str(scratch)}
    return Target("scratch-host", "host", settings, tmp_path)


@pytest.fixture
def lend(
    repository: Source,
    target: Target,
    collection_context: Context,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Callable[..., StepContext]:
    bundle = bundle_of(list(ScriptsCollector().collect(repository, collection_context)))
    return lambda key="run-1/restore-scripts": context_of(bundle, {target.id: target}, {}, key)


def test_scripts_restored_twice_equal_those_in_the_bundle_and_undo_leaves_what_was_there(
    lend: Callable[..., StepContext], target: Target, tmp_path: Path
) -> None:
    restorer = FilesRestorer()
    before = restorer.inventory(target, {})
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 3
    assert restored.metrics["first_run_changed"] == 1
    assert restored.metrics["second_run_changed"] == 0
    assert (tmp_path / "scratch/runbooks/backup.sh").stat().st_mode & 0o100

    compared = CompareStep().run(COMPARE, lend("run-1/compare-scripts"))
    assert [one.item for one in compared.items if one.result != "equal"] == []
    assert compared.metrics["canaries_found"] == 1
    assert {proof.aspect for proof in compared.proofs} == {"code", "history"}

    (tmp_path / "scratch/runbooks/backup.sh").write_text("#!/bin/sh\n")
    (tmp_path / "scratch/runbooks/jobs/größe messen.py").unlink()
    (tmp_path / "scratch/runbooks/added.sh").write_text("")
    corrupted = CompareStep().run(COMPARE, lend("run-1/compare-scripts"))
    assert [(one.item, one.result) for one in corrupted.items if one.result != "equal"] == [
        ("file runbooks/backup.sh", "different"),
        ("file runbooks/jobs/größe messen.py", "missing"),
        ("file runbooks/added.sh", "extra"),
    ]
    assert {proof.aspect for proof in corrupted.proofs} == {"history"}
    (tmp_path / "scratch/runbooks/added.sh").unlink()

    undone = RestoreStep().undo(RESTORE, {}, lend())
    assert undone.status is StepStatus.SUCCEEDED
    assert restorer.inventory(target, {}) == before
    assert not (tmp_path / "scratch" / "runbooks").exists()


def test_the_history_restored_is_a_repository_to_clone(
    lend: Callable[..., StepContext], tmp_path: Path
) -> None:
    RestoreStep().run(RESTORE, lend())
    bundle = str(tmp_path / "scratch" / "runbooks.bundle")
    subprocess.run(["git", "clone", "-q", bundle, str(tmp_path / "clone")], check=True)
    assert (tmp_path / "clone" / "backup.sh").is_file()


def test_the_evidence_of_a_playbook_holds_no_environment(
    lend: Callable[..., StepContext], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "sesame-4Vb9-planted")
    RestoreStep().run(RESTORE, lend())
    evidence = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert any("job_events" in path.parts for path in evidence)
    assert not any("sesame-4Vb9" in path.read_text() for path in evidence)


def test_a_file_that_was_there_already_is_neither_overwritten_nor_removed(
    lend: Callable[..., StepContext], tmp_path: Path
) -> None:
    mine = tmp_path / "scratch" / "runbooks" / "backup.sh"
    mine.parent.mkdir()
    mine.write_text("mine\n")
    outcome = RestoreStep().run(RESTORE, lend())
    assert outcome.status is StepStatus.FAILED
    assert "runbooks/backup.sh is already on scratch-host" in outcome.message
    RestoreStep().undo(RESTORE, outcome.touched, lend())
    assert mine.read_text() == "mine\n"


def test_a_folder_inside_a_source_shows_by_its_identity(
    repository: Source, target: Target, collection_context: Context, tmp_path: Path
) -> None:
    inside = {**target.settings, "directory": str(tmp_path / "git" / "runbooks" / "scratch")}
    theirs = ScriptsCollector().identities(repository, collection_context)
    ours = FilesRestorer().identities(Target("x", "host", inside, tmp_path), {})
    assert ours & theirs
    assert not FilesRestorer().identities(target, {}) & theirs
