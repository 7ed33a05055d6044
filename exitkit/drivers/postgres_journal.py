"""Keep the journals of many runs in one PostgreSQL, for several operators and hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from exitkit.errors import CannotRun, InputError
from exitkit.store.journal import Journal

SILENT_S = 20
"""After how long without a sign of life the other end of a connection counts as gone."""
STATEMENT_TIMEOUT_S = 120
_APPEND_ONLY = "RAISE EXCEPTION 'a journal is append-only'"
_TABLES = f"""
CREATE TABLE IF NOT EXISTS event(
    run TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY(run, seq));
CREATE TABLE IF NOT EXISTS inbox(
    id TEXT PRIMARY KEY, run TEXT NOT NULL, posted BIGSERIAL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_of_run ON inbox(run, posted);
CREATE OR REPLACE FUNCTION event_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN {_APPEND_ONLY}; END$$;
CREATE OR REPLACE TRIGGER event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_stays();
"""
# Two that create the tables at once would trip over each other.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('exitkit tables'))"
# Without these a host whose wire was cut waits for its answer for a quarter of an hour.
_OUR_END = {
    "connect_timeout": 10, "keepalives": 1, "keepalives_idle": SILENT_S // 4,
    "keepalives_interval": SILENT_S // 4, "keepalives_count": 3,
    "tcp_user_timeout": SILENT_S * 1000,
}  # fmt: skip
# And without these the server holds the run for it as long.
_ITS_END = f"""
SET synchronous_commit TO on;
SET tcp_keepalives_idle TO {SILENT_S // 4};
SET tcp_keepalives_interval TO {SILENT_S // 4};
SET tcp_keepalives_count TO 3;
SET tcp_user_timeout TO {SILENT_S * 1000};
SET statement_timeout TO '{STATEMENT_TIMEOUT_S}s';
"""
# A session that ends, however it ends, lets go.
_HOLD = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/' || %s, 0))"


class PostgresJournal(Journal):
    """The journal of `run` in the database of `url`; a password comes from the environment."""

    def __init__(self, folder: Path, run: str, url: str, *, create: bool = False) -> None:
        super().__init__(folder, run, url)
        self.is_held = False
        check_url(url)
        try:
            self._database = connect(url, f"exitkit {run}")
            if create:
                self._create_tables()
        except psycopg.Error as error:
            raise CannotRun(f"{url}: {_first_line(error)}; check that the server runs") from error

    def close(self) -> None:
        """Let go of the run and end the session.

        The server lets go as well when it sees the end of a session, but only when it sees it.
        """
        if self.is_held:
            self.is_held = False
            with contextlib.suppress(psycopg.Error):
                self._database.execute("SELECT pg_advisory_unlock_all()")
        self._database.close()

    def hold(self) -> bool:
        """Tell whether no other living session coordinates the run, and hold it for ours."""
        if not self.is_held:
            self.is_held = bool(self._execute(_HOLD, (self.run,))[0][0])
        return self.is_held

    def _create_tables(self) -> None:
        encoding = self._database.execute("SHOW server_encoding").fetchone()
        if encoding is None or encoding[0] != "UTF8":
            raise InputError(f"{self.place}: its encoding is not UTF8; create a database that is")
        with self._database.transaction():
            self._database.execute(_ONE_AT_A_TIME)
            self._database.execute(_TABLES)

    def _lines(self) -> Iterable[tuple[str, int, str, str]]:
        return self._execute(
            "SELECT run, seq, body, hash FROM event WHERE run = %s ORDER BY seq", (self.run,)
        )

    def _insert(self, sequence: int, body: str, digest: str) -> bool:
        return bool(
            self._execute(
                "INSERT INTO event VALUES(%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING seq",
                (self.run, sequence, body, digest),
            )
        )

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            with self._database.transaction():
                yield
        except psycopg.Error as error:
            raise self._failed(error) from error

    def _post(self, name: str, body: str) -> None:
        self._execute(
            "INSERT INTO inbox(id, run, body) VALUES(%s, %s, %s) RETURNING id",
            (name, self.run, body),
        )

    def _messages(self) -> Iterable[tuple[str, str]]:
        return self._execute(
            "SELECT id, body FROM inbox WHERE run = %s ORDER BY posted, id", (self.run,)
        )

    def _execute(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            rows: list[Any] = self._database.execute(statement, values).fetchall()
        except psycopg.Error as error:
            raise self._failed(error) from error
        return rows

    def _failed(self, error: psycopg.Error) -> CannotRun:
        if self._database.closed:
            return self._cannot(
                f"the connection is lost ({_first_line(error)}), and another host may lead the run",
                f"see `exitkit status {self.run}`",
            )
        return self._cannot(_first_line(error), "free what the server lacks")


def conninfo(url: str) -> str:
    """Return `url` as libpq takes it, to notice within SILENT_S that nobody is there any more."""
    return str(psycopg.conninfo.make_conninfo(url, **_OUR_END))


def connect(url: str, name: str) -> psycopg.Connection:
    """Open a session that either end gives up within SILENT_S where the other is gone."""
    session = psycopg.connect(conninfo(url), autocommit=True, application_name=name)
    try:
        session.execute(_ITS_END)
    except BaseException:
        session.close()
        raise
    return session


def check_url(url: str) -> None:
    """Raise InputError where a URL is not one of PostgreSQL, or says a secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise InputError("journal: url: not postgresql://USER@HOST/DATABASE")
    if parts.password or "password" in parts.query:
        raise InputError("journal: url: holds a password; put it into PGPASSWORD or ~/.pgpass")


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
