"""Keep what a run did, line after line, so that no line can change and no two writers both win."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
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


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody asked of a run from outside: an approval, an abort, a decision."""

    id: str
    body: Mapping[str, Any]


class Journal(ABC):
    """The journal of the run whose folder is `folder`; it is the only state of that run.

    Where the lines are kept is for each kind of journal to say; `place` names it to people.
    Appending at `head + 1` or failing with Fenced is what keeps two coordinators apart.
    """

    def __init__(self, folder: Path, run: str, place: str) -> None:
        self.folder = folder
        self.run = run
        self.place = place
        self.sequence = 0
        self.head = GENESIS

    @abstractmethod
    def _lines(self) -> Iterable[tuple[str, int, str, str]]:
        """Yield (run, sequence, body, digest) of every line, in order."""

    @abstractmethod
    def _insert(self, sequence: int, body: str, digest: str) -> bool:
        """Make a line durable; False where there is one of this number already."""

    @abstractmethod
    def _post(self, name: str, body: str) -> None:
        """Make a message durable."""

    @abstractmethod
    def _messages(self) -> Iterable[tuple[str, str]]:
        """Yield (id, body) of every message, oldest first."""

    @abstractmethod
    def _together(self) -> AbstractContextManager[Any]:
        """Make all lines written in a block durable at once, or none of them."""

    @abstractmethod
    def close(self) -> None:
        """Let go of where the lines are kept."""

    def hold(self) -> bool:
        """Tell whether no other living process says that it coordinates the run; say so for us."""
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def load(self) -> tuple[Event, ...]:
        """Return every event, verified; InvalidBundle names the first line that does not hold."""
        return tuple(self.stream())

    def stream(self) -> Iterator[Event]:
        """Yield every event, verified, one at a time; to append it has to be read to its end."""
        number, first, previous = 0, "", GENESIS
        for number, (run, sequence, body, digest) in enumerate(self._lines(), start=1):
            event = self._verified(number, body, digest)
            if (event.run, event.sequence) != (run, sequence) or sequence != number:
                raise self._broken(number, "lines are missing or out of place")
            if event.previous != previous:
                raise self._broken(number, "it does not follow the line before")
            first = first or run
            if run != first:
                raise self._broken(number, f"it belongs to another run, {run}")
            yield event
            previous = event.digest
        # A folder may be renamed or restored from a backup; the lines know their run.
        self.run = first or self.run
        self.sequence, self.head = number, previous

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
        if not self._insert(draft.sequence, body.decode(), digest):
            raise Fenced(
                f"{self.run}: another coordinator runs it; see `exitkit status {self.run}`"
            )
        self.sequence, self.head = draft.sequence, digest
        return event_from_record(parse_line(body), digest)

    def post(self, body: Mapping[str, Any]) -> str:
        """Leave a message for whoever coordinates the run, now or next; return its id."""
        message = uuid4().hex
        self._post(message, canonical_bytes(dict(body)).decode())
        return message

    def inbox(self) -> tuple[Message, ...]:
        """Return every message ever posted, oldest first; the events say which were dealt with."""
        return tuple(Message(name, json.loads(body)) for name, body in self._messages())

    def take_over(self, other: Journal) -> None:
        """Take every line and message of another journal as they are; ours has to be empty."""
        if self.load():
            raise InputError(f"{self.place}: holds a run of this name already; name another place")
        events = other.load()
        self.run = other.run
        with self._together():
            for _, sequence, body, digest in other._lines():
                if not self._insert(sequence, body, digest):
                    raise Fenced(f"{self.place}: somebody else writes to it; name another place")
            for name, body in other._messages():
                self._post(name, body)
        self.load()
        if (self.sequence, self.head) != (len(events), other.head):
            raise InvalidBundle(f"{self.place}: not the head of {other.place}; copy it anew")

    def _cannot(self, error: object, remedy: str = "free the disk or the file") -> CannotRun:
        return CannotRun(f"{self.place}: {error}; {remedy}, then `exitkit resume {self.run}`")

    def _verified(self, number: int, body: str, digest: str) -> Event:
        if hashlib.sha256(body.encode()).hexdigest() != digest:
            raise self._broken(number, "it does not have its digest")
        try:
            return event_from_record(parse_line(body.encode()), digest)
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken(number, f"it is not an event ({error})") from error

    def _broken(self, number: int, fault: str) -> InvalidBundle:
        return InvalidBundle(
            f"{self.place}: line {number}: {fault}; somebody changed it, compare the sealed bundle"
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
