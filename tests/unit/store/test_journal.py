"""A journal only grows, belongs to one writer at a time, and shows any change made to it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit.errors import Fenced, InputError, InvalidBundle
from exitkit.store.journal import GENESIS, Journal
from exitkit.store.journal_file import FileJournal

AT = dt.datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=dt.UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "run-1"
    folder.mkdir()
    return folder / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with FileJournal(path, create=True) as journal:
        yield journal


def append(journal: Journal, kind: str = "step.started", **data: Any) -> Any:
    return journal.append(kind, at=AT, actor="user:test", data=data, step="a", attempt=1)


def tamper(path: Path, *statements: str) -> None:
    """Change the file the way somebody with all rights would."""
    database = sqlite3.connect(path, isolation_level=None)
    for trigger in ("event_no_update", "event_no_delete"):
        database.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        database.execute(statement)
    database.close()


def test_what_was_appended_is_what_is_loaded(journal: Journal, path: Path) -> None:
    events = [append(journal, kind, items=[1, "é", None]) for kind in ("run.started", "x.y")]
    assert events[0].previous == GENESIS
    assert events[1].previous == events[0].digest
    with FileJournal(path) as again:
        assert again.load() == tuple(events)
        assert (again.sequence, again.head) == (2, events[1].digest)


def test_a_float_never_enters_a_journal(journal: Journal) -> None:
    assert append(journal, rate=0.1).data == {"rate": "0.1"}


def test_the_second_of_two_writers_is_fenced(journal: Journal, path: Path) -> None:
    append(journal)
    with FileJournal(path) as other:
        other.load()
        append(other)
        with pytest.raises(Fenced, match="another coordinator"):
            append(journal)
        assert len(other.load()) == 2


@pytest.mark.parametrize("statement", ["UPDATE event SET body = ''", "DELETE FROM event"])
def test_a_line_can_neither_be_changed_nor_deleted(
    journal: Journal, path: Path, statement: str
) -> None:
    append(journal)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        sqlite3.connect(path).execute(statement)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE event SET body = replace(body, 'user:test', 'user:else') WHERE seq = 2",
         "line 2: it does not have its digest"),
        ("UPDATE event SET hash = replace(hash, 'a', 'b')", "line 1: it does not have its digest"),
        ("DELETE FROM event WHERE seq = 2", "line 2: lines are missing or out of place"),
        ("DELETE FROM event WHERE seq = 1", "line 1: lines are missing or out of place"),
        ("UPDATE event SET seq = seq + 1 WHERE seq = 3", "line 3: lines are missing"),
        ("UPDATE event SET run = 'other' WHERE seq = 3", "lines are missing or out of place"),
    ],
)  # fmt: skip
def test_a_changed_journal_is_not_believed(
    journal: Journal, path: Path, statement: str, fault: str
) -> None:
    for _ in range(3):
        append(journal)
    tamper(path, statement)
    with FileJournal(path) as again, pytest.raises(InvalidBundle, match=fault):
        again.load()


def test_a_line_rewritten_with_its_digest_breaks_the_chain(journal: Journal, path: Path) -> None:
    for _ in range(3):
        append(journal)
    with FileJournal(path.parent / "other.db", create=True) as forger:
        for _ in range(2):
            append(forger, forged=True)
    tamper(
        path,
        f"ATTACH '{path.parent / 'other.db'}' AS forged",
        "UPDATE main.event SET (body, hash) ="
        " (SELECT body, hash FROM forged.event WHERE seq = 2) WHERE seq = 2",
    )
    with (
        FileJournal(path) as again,
        pytest.raises(InvalidBundle, match="line 2: it does not follow"),
    ):
        again.load()


def test_messages_come_in_the_order_they_were_posted(journal: Journal, path: Path) -> None:
    with FileJournal(path) as other:
        names = [other.post({"command": "approve", "step": str(n)}) for n in range(3)]
    assert [message.id for message in journal.inbox()] == names
    assert journal.inbox()[2].body == {"command": "approve", "step": "2"}


def test_a_renamed_folder_keeps_its_run(journal: Journal, path: Path) -> None:
    append(journal)
    moved = path.parent.rename(path.parent.parent / "renamed")
    with FileJournal(moved / "journal.db") as again:
        assert again.load()[0].run == "run-1"
        assert again.run == "run-1"


def test_a_run_that_never_was_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run"):
        FileJournal(tmp_path / "run-2" / "journal.db")
