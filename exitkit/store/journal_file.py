"""Keep a run's journal in one file of its own, which any SQLite reads decades later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exitkit.errors import CannotRun, InputError
from exitkit.model.run import Event
from exitkit.store.journal import Journal

BUSY_TIMEOUT_S = 30
_APPEND_ONLY = "SELECT RAISE(ABORT, 'a journal is append-only')"
_TABLES = f"""
CREATE TABLE IF NOT EXISTS event(
    run TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY(run, seq));
CREATE TABLE IF NOT EXISTS inbox(
    id TEXT PRIMARY KEY, run TEXT NOT NULL, posted INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS event_no_update BEFORE UPDATE ON event BEGIN {_APPEND_ONLY}; END;
CREATE TRIGGER IF NOT EXISTS event_no_delete BEFORE DELETE ON event BEGIN {_APPEND_ONLY}; END;
"""
_HAS_EVENTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'event'"


class FileJournal(Journal):
    """The journal in the SQLite file `path`."""

    def __init__(self, path: Path, *, create: bool = False, writes: bool = True) -> None:
        if not create and not path.is_file():
            raise InputError(f"{path.parent.name}: no such run; `exitkit status` lists them")
        super().__init__(path.parent, path.parent.name, str(path))
        self.path = path
        try:
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'rwc' if writes else 'ro'}",
                uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None,
            )  # fmt: skip
            if not writes:
                return
            # Not WAL: the SQLite of Debian 12 can corrupt a WAL file that is reset under load.
            self._database.execute("PRAGMA journal_mode=DELETE")
            self._database.execute("PRAGMA synchronous=EXTRA")
            self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            raise CannotRun(f"{path}: {error}; check the disk and who owns the file") from error

    @classmethod
    def read_only(cls, path: Path) -> tuple[Event, ...]:
        """Return the verified events of a journal file anywhere, and leave the file as it is.

        Where a writer was killed amid a line, SQLite first takes back the half of it.
        """
        try:
            with cls(path, writes=False) as journal:
                return journal.load()
        except CannotRun as fault:
            # Only SQLite, under its lock, can tell half of a line from one being written now.
            if getattr(fault.__cause__, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
        with cls(path) as journal:
            return journal.load()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _lines(self) -> Iterable[tuple[str, int, str, str]]:
        try:
            if not self._database.execute(_HAS_EVENTS).fetchall():
                # Whoever made the file was killed before it had a table: nothing ever happened.
                return
            rows = self._database.execute(
                "SELECT run, seq, body, hash FROM event ORDER BY run, seq"
            )
            for run, sequence, body, digest in rows:
                yield str(run), sequence, str(body), str(digest)
        except sqlite3.Error as error:
            raise self._cannot(error) from error

    def _insert(self, sequence: int, body: str, digest: str) -> bool:
        try:
            self._execute(
                "INSERT INTO event VALUES(?, ?, ?, ?)", (self.run, sequence, body, digest)
            )
        except sqlite3.IntegrityError:
            return False
        return True

    @contextmanager
    def _together(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE", ())
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK", ())
            raise
        self._execute("COMMIT", ())

    def _post(self, name: str, body: str) -> None:
        self._execute(
            "INSERT INTO inbox SELECT ?, ?, COALESCE(MAX(posted), 0) + 1, ? FROM inbox",
            (name, self.run, body),
        )

    def _messages(self) -> Iterable[tuple[str, str]]:
        rows = self._execute("SELECT id, body FROM inbox ORDER BY posted, id", ())
        return ((str(name), str(body)) for name, body in rows)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise self._cannot(error) from error
