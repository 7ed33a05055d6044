"""A journal moves between a file and PostgreSQL as it is, and the run goes on where it went."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}
WRITE = {
    "id": "write", "kind": "command", "effect": "external-write", "needs": ["go"],
    "argv": ["sh", "-c", "echo did >> effects"], "undo": ["sh", "-c", "echo undid >> effects"],
}  # fmt: skip


@pytest.fixture
def waiting(office: Any) -> str:
    """A run that waits for an approval, and whose coordinator is gone."""
    office.plan(APPROVAL, WRITE)
    process = office.start("rehearse", "--yes")
    for line in process.stdout:
        if "exitkit approve" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    return str(office.run_name)


def copied(office: Any, *arguments: str) -> dict[str, Any]:
    done = office.run("journal", "copy", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_run_goes_on_in_the_database_it_was_moved_to(office: Any, waiting: str) -> None:
    folder = office.root / "runs" / waiting
    before = json.loads(office.run("status", waiting, "--json").stdout)["head"]
    moved = copied(office, waiting, office.url, "--switch")
    assert not (folder / "journal.db").exists()
    after = json.loads(office.run("status", waiting, "--json").stdout)["head"]
    # The one line more is the fence for whoever led the run by the file.
    assert after == moved["head"] != before
    office.run("approve", waiting, "go", "--key", "keys/exitkit.pem", "--by", "Lead")
    assert office.run("resume", waiting).returncode == 0
    assert (office.root / "effects").read_text() == "did\nundid\n"
    (office.root / "kept").mkdir()
    back = copied(office, waiting, "kept/journal.db")
    assert back["events"] > moved["events"]
    for subject in (waiting, "kept/journal.db"):
        verified = office.run("verify-run", subject, "--head", before)
        assert (verified.returncode, back["head"] in verified.stdout) == (0, True)


def test_a_copy_changes_nothing_and_overwrites_nothing(office: Any, waiting: str) -> None:
    path = office.root / "runs" / waiting / "journal.db"
    source = path.read_bytes()
    first = copied(office, str(path), office.url)
    again = office.run("journal", "copy", waiting, office.url)
    assert (again.returncode, "holds a run of this name already" in again.stderr) == (2, True)
    assert path.read_bytes() == source
    assert first["head"] == json.loads(office.run("status", waiting, "--json").stdout)["head"]


def test_a_journal_that_does_not_hold_is_not_copied(
    office: Any, waiting: str, tmp_path: Path
) -> None:
    database = sqlite3.connect(tmp_path / "runs" / waiting / "journal.db", isolation_level=None)
    database.execute("DROP TRIGGER event_no_update")
    database.execute("UPDATE event SET body = replace(body, 'Go on', 'Go up')")
    database.close()
    refused = office.run("journal", "copy", waiting, office.url)
    assert (refused.returncode, "line 1: it does not have its digest" in refused.stderr) == (
        1,
        True,
    )
