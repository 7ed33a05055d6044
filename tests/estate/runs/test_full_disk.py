"""A full disk, of whatever kind, stops a run where it can be gone on with once there is room."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit import plugins
from exitkit.cli.main import run as run_command
from exitkit.demo import processes
from exitkit.demo.databases import RunningDatabase, running_database
from exitkit.engine import collect
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Source
from exitkit.store.keys import generate_key
from exitkit.store.room import Room
from tests.estate.runs.conftest import Office

DO = 'echo "did $EXITKIT_STEP" >> effects'
APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}
SmallDisk = Callable[[Path, str], Path]


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Mount a disk of some size on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> Path:
        assert os.geteuid() == 0, "a small disk has to be mounted: run this test as root"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(folder)


def fill(disk: Path, *, but_bytes: int = 0) -> Path:
    """Write a file until there is no room left, but for some bytes."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            stream.truncate(max(0, stream.tell() - but_bytes))
    return filler


def step(name: str, script: str = DO, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "kind": "command", "effect": "external-write", "timeout": "1m",
        "argv": ["sh", "-c", script], "undo": ["true"], **more,
    }  # fmt: skip


def begin(office: Office, *steps: dict[str, Any]) -> str:
    """Begin a rehearsal of these steps up to an approval, and give it."""
    office.plan(APPROVAL, *({**one, "needs": ["go", *one.get("needs", ())]} for one in steps))
    begun = office.start("rehearse", "--yes")
    assert begun.stdout is not None
    assert any("approval" in line for line in iter(begun.stdout.readline, ""))
    begun.kill()
    begun.communicate()
    run = office.run_name
    approved = office.run("approve", run, "go", "--key", "keys/exitkit.pem", "--by", "Lead")
    assert approved.returncode == 0, approved.stderr
    return run


def assert_whole(office: Office, run: str) -> None:
    verified = office.run("verify-run", run)
    assert (verified.returncode, "whole" in verified.stdout) == (0, True), verified.stdout
    assert office.run("verify", "bundles/acme-000002").returncode == 0


def test_a_step_that_filled_the_disk_is_not_done_again_for_want_of_a_result(
    office: Office, small_disk: SmallDisk
) -> None:
    full = f'{DO}; cat /dev/zero > "$EXITKIT_ATTEMPT_DIR/filler"; true'
    run = begin(office, step("a"), step("b", full, needs=["a"]), step("c", needs=["b"]))
    disk = small_disk(office.root / "runs" / run / "artifacts", "256k")
    resumed = office.start("resume", run)
    while "did b" not in office.effects():
        time.sleep(0.05)
    # By now it would have been begun again, and again.
    time.sleep(2)
    resumed.kill()
    resumed.communicate()
    assert office.effects() == ["did a", "did b"]
    assert not (disk / "b" / "1" / "result.json").exists()
    (disk / "b" / "1" / "filler").unlink()
    ended = office.run("resume", run)
    assert ended.returncode == 0, ended.stderr
    assert office.effects() == ["did a", "did b", "did c"]
    assert_whole(office, run)


class Talkative:
    """Makes more calls than the ledger has room for."""

    type, needs = "aws", ()

    def collect(self, source: Source, context: Context) -> Iterator[Call]:
        """Yield them."""
        for number in range(5000):
            yield Call(source.id, "1", "", f"ec2:List{number}", CallOutcome.EMPTY)


@pytest.mark.parametrize("most_bytes", [0, 2_000_000], ids=["as-it-comes", "at-the-end"])
def test_a_snapshot_whose_spool_has_no_room_is_one_line_and_no_bundle(
    most_bytes: int, tmp_path: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    generate_key(tmp_path / "keys" / "exitkit.pem", tmp_path / "keys" / "exitkit.pub")
    (tmp_path / "keys" / "masking.key").write_text("00" * 32)
    (tmp_path / "exitkit.yaml").write_text(
        "{schema: exitkit/workspace/1, series: acme, sources: [{id: prod, type: aws}],"
        " signing: {key: keys/exitkit.pem}}"
    )
    monkeypatch.setattr(plugins, "load_by_name", lambda folder, name: Talkative())
    monkeypatch.setattr(collect, "Room", lambda: Room(most_bytes))
    disk = small_disk(tmp_path / "bundles", "256k")
    assert run_command(["snapshot", "-w", str(tmp_path)]) == 3
    fault = capsys.readouterr().err.splitlines()[-1]
    assert re.search("No space left on device|database or disk is full", fault), fault
    assert "check disk and permissions" in fault
    assert list(disk.iterdir()) == []


def test_no_step_begins_where_there_is_no_room_for_its_orders(
    office: Office, small_disk: SmallDisk
) -> None:
    run = begin(office, step("a"))
    filler = fill(small_disk(office.root / "runs" / run / "artifacts", "64k"))
    stopped = office.run("resume", run)
    assert (stopped.returncode, "No space left on device" in stopped.stderr) == (3, True)
    assert office.effects() == []
    filler.unlink()
    assert office.run("resume", run).returncode == 0
    assert office.effects() == ["did a"]
    assert_whole(office, run)


def test_a_bundle_for_which_there_is_no_room_is_written_later(
    office: Office, small_disk: SmallDisk
) -> None:
    run = begin(office, step("a"))
    kept = (office.root / "bundles").rename(office.root / "kept")
    disk = small_disk(office.root / "bundles", "8m")
    subprocess.run(["cp", "-a", f"{kept}/.", disk], check=True)
    filler = fill(disk, but_bytes=64 * 1024)
    stopped = office.run("resume", run)
    assert (stopped.returncode, "No space left on device" in stopped.stderr) == (3, True)
    assert sorted(path.name for path in disk.iterdir()) == ["acme-000001", "filler"]
    filler.unlink()
    assert office.run("resume", run).returncode == 0
    assert office.effects() == ["did a"]
    assert_whole(office, run)


@pytest.fixture
def database_on_small_disk(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningDatabase]:
    folder = small_disk(processes.private_folder("small"), "160m")
    folder.chmod(0o777)
    monkeypatch.setattr(processes, "private_folder", lambda name: folder)
    with running_database(18, ["max_wal_size=32MB", "min_wal_size=32MB"]) as database:
        yield database


def test_a_database_without_room_stops_the_run_and_loses_nothing(
    office: Office, database_on_small_disk: RunningDatabase
) -> None:
    database = database_on_small_disk
    office.url = f"postgresql://exitkit@127.0.0.1:{database.port}/postgres"
    office.environ["PGPASSWORD"] = database.password
    office.share_journals()
    names = [f"s{number:02}" for number in range(15)]
    pairs = zip(names, [None, *names], strict=False)
    run = begin(office, *(step(one, needs=[last] if last else []) for one, last in pairs))
    filler = fill(database.folder)
    stopped = office.run("resume", run)
    assert stopped.returncode == 3, stopped.stderr
    assert "No space left on device; free what the server lacks" in stopped.stderr
    assert len(office.effects()) < len(names)
    filler.unlink()
    ended = office.run("resume", run)
    assert ended.returncode == 0, ended.stderr
    assert office.effects() == [f"did {name}" for name in names]
    assert_whole(office, run)
