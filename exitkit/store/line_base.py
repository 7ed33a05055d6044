"""Keep lines under keys in a file of its own, for as long as one command runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exitkit.errors import CannotRun

PAGE = 256
"""So many lines are read at once."""
# Nobody ever reads the file of a command that was cut short.
_TABLE = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;
PRAGMA cache_size=-8000;
CREATE TABLE kept(number INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, line BLOB NOT NULL);
BEGIN;
"""
_ADD = "INSERT INTO kept(key, line) VALUES(?, ?) ON CONFLICT(key) DO NOTHING"
_PUT = "INSERT INTO kept(key, line) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET line=excluded.line"
_LINES = "SELECT number, line FROM kept WHERE number > ? ORDER BY number LIMIT ?"
_SORTED = "SELECT key, line FROM kept WHERE key > ? ORDER BY key LIMIT ?"
_KEYS = "SELECT number, key FROM kept WHERE number > ? ORDER BY number LIMIT ?"


class LineBase:
    """Lines by key, in the order of first addition; they may be written while they are read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._base = sqlite3.connect(file, isolation_level=None)
            self._base.executescript(_TABLE)
        except sqlite3.Error as error:
            raise self._cannot(error) from error

    def add(self, key: bytes, line: bytes) -> bool:
        """Keep a line unless its key has one; tell whether it was kept."""
        return self._run(_ADD, key, line).rowcount > 0

    def put(self, key: bytes, line: bytes) -> None:
        """Keep a line in place of what its key had."""
        self._rows(_PUT, key, line)

    def discard(self, key: bytes) -> None:
        """Forget the line of a key."""
        self._rows("DELETE FROM kept WHERE key = ?", key)

    def get(self, key: bytes) -> bytes | None:
        """Return the line of a key, None where it has none."""
        found = self._rows("SELECT line FROM kept WHERE key = ?", key)
        return found[0][0] if found else None

    def has(self, key: bytes) -> bool:
        """Tell whether a key has a line."""
        return bool(self._rows("SELECT 1 FROM kept WHERE key = ?", key))

    def count(self) -> int:
        """Return how many lines there are."""
        return int(self._rows("SELECT COUNT(*) FROM kept")[0][0])

    def every_key(self) -> Iterator[bytes]:
        """Yield every key."""
        return self._paged(_KEYS, 0)

    def every_line(self) -> Iterator[bytes]:
        """Yield every line."""
        return self._paged(_LINES, 0)

    def sorted_lines(self) -> Iterator[bytes]:
        """Yield every line in the order of the keys."""
        return self._paged(_SORTED, b"")

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _paged(self, statement: str, last: int | bytes) -> Iterator[bytes]:
        while rows := self._rows(statement, last, PAGE):
            yield from (row[1] for row in rows)
            last = rows[-1][0]

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._run(statement, *values).fetchall()
        except sqlite3.Error as error:
            raise self._cannot(error) from error

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        try:
            return self._base.execute(statement, values)
        except sqlite3.Error as error:
            raise self._cannot(error) from error

    def _cannot(self, error: sqlite3.Error) -> CannotRun:
        return CannotRun(f"{self._file}: {error}; check disk and permissions")
