"""Neither a power cut, a torn write nor a full disk takes an event away or makes half of one."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit.errors import CannotRun, ExitkitError
from exitkit.store.journal import Journal
from exitkit.store.journal_file import FileJournal

AT = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
MAGIC = bytes.fromhex("d9d505f920a163d7")
PAGE = 4096
SECTOR = 512
NONCE = 4711


def append(journal: Journal, number: int) -> None:
    data = {"number": number, "text": "x" * 300}
    journal.append("step.started", at=AT, actor="user:test", data=data, step="a", attempt=1)


def append_without_end(journal: Journal) -> None:
    for number in range(100_000):
        append(journal, number)


def rollback_journal(before: bytes, after: bytes) -> bytes:
    """Return the journal that SQLite has synced before it writes the first page of `after`.

    The layout is that of https://www.sqlite.org/fileformat2.html section 3.
    """
    pages = [
        (number, before[at : at + PAGE])
        for number, at in enumerate(range(0, len(before), PAGE), start=1)
        if before[at : at + PAGE] != after[at : at + PAGE]
    ]
    words = (len(pages), NONCE, len(before) // PAGE, SECTOR, PAGE)
    header = MAGIC + b"".join(word.to_bytes(4, "big") for word in words)
    records = b"".join(
        number.to_bytes(4, "big") + page + _checksum(page).to_bytes(4, "big")
        for number, page in pages
    )
    return header.ljust(SECTOR, b"\0") + records


def _checksum(page: bytes) -> int:
    return (NONCE + sum(page[at] for at in range(PAGE - 200, 0, -200))) % 2**32


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: it is written hundreds of times, durably each."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and os.access(memory, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(prefix="exitkit-test-", dir=parent) as name:
        yield Path(name)


@pytest.fixture
def cut(folder: Path) -> tuple[Path, bytes, bytes]:
    """A journal of five events as it was before and as it was to be after the fifth."""
    path = folder / "journal.db"
    with FileJournal(path, create=True) as journal:
        for number in range(4):
            append(journal, number)
        before = path.read_bytes()
        append(journal, 4)
    return path, before, path.read_bytes()


def bytes_of_the_last_event(before: bytes, after: bytes) -> range:
    """Return where the two differ, from the first byte of the last event to its last."""
    assert len(before) == len(after)
    changed = [at for at in range(len(after)) if before[at] != after[at]]
    body = after.index(b'"number":4')
    near = [at for at in changed if abs(at - body) < 1000]
    return range(min(near), max(near) + 2)


def test_power_lost_at_any_byte_of_the_last_event_loses_no_other(
    cut: tuple[Path, bytes, bytes],
) -> None:
    path, before, after = cut
    hot = path.with_name("journal.db-journal")
    saved = rollback_journal(before, after)
    torn = bytes_of_the_last_event(before, after)
    assert len(torn) > 300
    for at in torn:
        path.write_bytes(after[:at] + before[at:])
        hot.write_bytes(saved)
        with FileJournal(path) as journal:
            assert len(journal.load()) == 4, at
    # And the run goes on from there.
    with FileJournal(path) as journal:
        assert len(journal.load()) == 4
        append(journal, 4)
        assert len(journal.load()) == 5


def test_a_half_written_line_does_not_keep_anybody_from_reading(
    cut: tuple[Path, bytes, bytes],
) -> None:
    path, before, after = cut
    path.write_bytes(after)
    path.with_name("journal.db-journal").write_bytes(rollback_journal(before, after))
    assert len(FileJournal.read_only(path)) == 4


def test_a_writer_that_dies_while_somebody_begins_to_read_does_not_stop_the_reader(
    cut: tuple[Path, bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before, after = cut
    path.write_bytes(before)
    connect = sqlite3.connect

    def die_and_connect(*place: Any, **more: Any) -> sqlite3.Connection:
        monkeypatch.setattr(sqlite3, "connect", connect)
        path.write_bytes(after)
        path.with_name("journal.db-journal").write_bytes(rollback_journal(before, after))
        opened: sqlite3.Connection = connect(*place, **more)
        return opened

    monkeypatch.setattr(sqlite3, "connect", die_and_connect)
    assert len(FileJournal.read_only(path)) == 4


def test_reading_leaves_a_file_as_it_is_while_somebody_writes_to_it(folder: Path) -> None:
    path = folder / "journal.db"
    with FileJournal(path, create=True) as journal:
        append(journal, 0)
        with journal._together():
            append(journal, 1)
            assert path.with_name("journal.db-journal").exists()
            opened = path.stat()
            assert len(FileJournal.read_only(path)) == 1
            assert path.stat() == opened
        assert len(FileJournal.read_only(path)) == 2


def test_power_lost_while_the_way_back_is_written_changes_nothing(
    cut: tuple[Path, bytes, bytes],
) -> None:
    path, before, after = cut
    saved = rollback_journal(before, after)
    for at in (0, 1, 8, 27, SECTOR, SECTOR + 4, SECTOR + PAGE, len(saved) - 1):
        path.write_bytes(before)
        path.with_name("journal.db-journal").write_bytes(saved[:at])
        with FileJournal(path) as journal:
            assert len(journal.load()) == 4


def test_a_disk_that_lost_the_way_back_too_shows_whole_events_or_a_fault(
    cut: tuple[Path, bytes, bytes],
) -> None:
    path, before, after = cut
    counted = set()
    for at in bytes_of_the_last_event(before, after):
        # Every other page had been written; only the one with the event is torn.
        end = (at // PAGE + 1) * PAGE
        path.write_bytes(after[:at] + before[at:end] + after[end:])
        try:
            counted.add(len(FileJournal.read_only(path)))
        except ExitkitError:
            counted.add(-1)
    # Half an event is never taken for one.
    assert counted <= {-1, 4, 5}
    assert -1 in counted


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Let nothing be written beyond 40 KiB of a file, for a while."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40 * 1024, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path, small_disk: None) -> None:
    path = tmp_path / "journal.db"
    with FileJournal(path, create=True) as journal:
        with pytest.raises(CannotRun, match="free the disk"):
            append_without_end(journal)
        held = len(journal.load())
        assert held > 10
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        append(journal, held)
        assert [event.data["number"] for event in journal.load()] == list(range(held + 1))


def test_a_file_whose_maker_was_killed_before_its_table_is_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "run-1" / "journal.db"
    path.parent.mkdir()
    path.touch()
    assert FileJournal.read_only(path) == ()
    with FileJournal(path) as journal:
        assert journal.load() == ()
