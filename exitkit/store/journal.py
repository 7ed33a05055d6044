"""Keep what a run did, line after line, so that no line can change and no two writers both win."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from exitkit.errors import CannotRun, Fenced, InputError, InvalidBundle
from exitkit.model.run import Event
from exitkit.store.canonical import canonical_bytes, instant, parse_line
from exitkit.store.evidence import event_record

GENESIS = "0" * 64
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


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody asked of a run from outside: an approval, an abort, a decision."""

    id: str
    body: Mapping[str, Any]


class Journal:
    """The journal of the run whose folder `path` lies in; it is the only state of that run.

    Appending at `head + 1` or failing with Fenced is what keeps two coordinators apart.
    """

    def __init__(self, path: Path, *, create: bool = False, writes: bool = True) -> None:
        if not create and not path.is_file():
            raise InputError(f"{path.parent.name}: no such run; `exitkit status` lists them")
        self.path = path
        self.run = path.parent.name
        self.sequence = 0
        self.head = GENESIS
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
        """Return the verified events of a journal file anywhere, and leave the file as it is."""
        with cls(path, writes=False) as journal:
            return journal.load()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def load(self) -> tuple[Event, ...]:
        """Return every event, verified; InvalidBundle names the first line that does not hold."""
        events: list[Event] = []
        rows = self._execute("SELECT run, seq, body, hash FROM event ORDER BY run, seq", ())
        previous = GENESIS
        for number, (run, sequence, body, digest) in enumerate(rows, start=1):
            event = self._verified(number, str(body), str(digest))
            if (event.run, event.sequence) != (run, sequence) or sequence != number:
                raise self._broken(number, "lines are missing or out of place")
            if event.previous != previous:
                raise self._broken(number, "it does not follow the line before")
            if events and run != events[0].run:
                raise self._broken(number, f"it belongs to another run, {run}")
            events.append(event)
            previous = event.digest
        if events:
            # A folder may be renamed or restored from a backup; the lines know their run.
            self.run = events[0].run
        self.sequence, self.head = len(events), previous
        return tuple(events)

    def append(
        self,
        kind: str,
        *,
        at: dt.datetime,
        actor: str,
        data: Mapping[str, Any],
        milestone: str = "",
        step: str = "",
        attempt: int = 0,
    ) -> Event:
        """Make one more line durable and return it; Fenced where somebody else wrote it first."""
        draft = Event(
            run=self.run, sequence=self.sequence + 1, at=at, type=kind, actor=actor, data=data,
            previous=self.head, digest="", milestone=milestone, step=step, attempt=attempt,
        )  # fmt: skip
        body = canonical_bytes(event_record(draft))
        digest = hashlib.sha256(body).hexdigest()
        try:
            self._execute(
                "INSERT INTO event VALUES(?, ?, ?, ?)",
                (self.run, draft.sequence, body.decode(), digest),
            )
        except sqlite3.IntegrityError as error:
            raise Fenced(
                f"{self.run}: another coordinator runs it; see `exitkit status {self.run}`"
            ) from error
        self.sequence, self.head = draft.sequence, digest
        return event_from_record(parse_line(body), digest)

    def post(self, body: Mapping[str, Any]) -> str:
        """Leave a message for whoever coordinates the run, now or next; return its id."""
        message = uuid4().hex
        self._execute(
            "INSERT INTO inbox SELECT ?, ?, COALESCE(MAX(posted), 0) + 1, ? FROM inbox",
            (message, self.run, canonical_bytes(dict(body)).decode()),
        )
        return message

    def inbox(self) -> tuple[Message, ...]:
        """Return every message ever posted, oldest first; the events say which were dealt with."""
        rows = self._execute("SELECT id, body FROM inbox ORDER BY posted, id", ())
        return tuple(Message(str(name), json.loads(body)) for name, body in rows)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise CannotRun(
                f"{self.path}: {error}; free the disk or the file, then `exitkit resume {self.run}`"
            ) from error

    def _verified(self, number: int, body: str, digest: str) -> Event:
        if hashlib.sha256(body.encode()).hexdigest() != digest:
            raise self._broken(number, "it does not have its digest")
        try:
            return event_from_record(parse_line(body.encode()), digest)
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken(number, f"it is not an event ({error})") from error

    def _broken(self, number: int, fault: str) -> InvalidBundle:
        return InvalidBundle(
            f"{self.path}: line {number}: {fault}; somebody changed it, compare the sealed bundle"
        )


def event_from_record(record: Mapping[str, Any], digest: str) -> Event:
    """Return the event that a line of `events.jsonl` or of a journal holds."""
    return Event(
        run=record["run"],
        sequence=record["sequence"],
        at=instant(record["at"]),
        type=record["type"],
        actor=record["actor"],
        data=record["data"],
        previous=record["previousSha256"],
        digest=digest,
        milestone=record.get("milestone", ""),
        step=record.get("step", ""),
        attempt=record.get("attempt", 0),
    )
