"""Keep what a sweep has reached, so that the next start asks only for what it has not."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exitkit.model.ledger import Call, CallOutcome

Line = dict[str, Any]


@dataclass(slots=True)
class Kept:
    """The answers of one account, one JSON line each, written as they come.

    A line that is `open` (its call failed) holds for the run of the same instant only. Only the
    places of the lines are in memory. Secrets are masked before anything gets here. A
    disk that is full costs the next start its head start, and this run nothing.
    """

    path: Path
    now: dt.datetime
    earlier: Sequence[Path] = ()
    is_part: bool = False
    _places: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _readers: list[int] = field(default_factory=list)
    _writer: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Find what earlier runs have kept, and take away a line that was cut off."""
        for path in (*self.earlier, self.path):
            if path.is_file():
                self._look_through(path)
        try:
            self._writer = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
        except OSError:
            self._writer = -1

    def close(self) -> None:
        """Close the files; what was kept stays."""
        for descriptor in (*self._readers, self._writer):
            if descriptor >= 0:
                os.close(descriptor)
        self._readers, self._writer = [], -1
        self._places.clear()

    def get(self, key: str) -> Line | None:
        """Return what an earlier run kept under a key."""
        if (place := self._places.get(key)) is None:
            return None
        reader, offset, length = place
        line: Line = json.loads(os.pread(self._readers[reader], length, offset))
        return line

    def keep(self, key: str, line: Line) -> None:
        """Write an answer down; it is safe from a crash of ours once this returns."""
        whole = {"key": key, "at": self.now.isoformat(), **line}
        text = json.dumps(whole, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._writer < 0:
                return
            try:
                while text:
                    text = text[os.write(self._writer, text) :]
            except OSError:
                os.close(self._writer)
                self._writer = -1

    def _look_through(self, path: Path) -> None:
        number, offset = len(self._readers), 0
        with path.open("rb") as lines:
            for text in lines:
                line = _whole(text)
                if line is None:
                    break
                if not line.get("open") or line.get("at") == self.now.isoformat():
                    self._places[line["key"]] = number, offset, len(text)
                offset += len(text)
        if path == self.path and offset < path.stat().st_size:
            os.truncate(path, offset)
        self._readers.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def _whole(text: bytes) -> Line | None:
    """Return a whole line; nothing where it was cut off or is not ours."""
    try:
        line = json.loads(text) if text.endswith(b"\n") else None
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("key"), str) else None


@contextmanager
def kept_of(
    folder: Path | None, account: str, now: dt.datetime, part: str = ""
) -> Iterator[Kept | None]:
    """Open what is kept of an account; nothing where the host keeps nothing.

    A process with a `part` writes to a file of its own.
    """
    if folder is None:
        yield None
        return
    own = folder / (f"{account}.{part}.jsonl" if part else f"{account}.jsonl")
    others = {folder / f"{account}.jsonl", *folder.glob(f"{account}.*.jsonl")} - {own}
    kept = Kept(own, now, sorted(others), is_part=bool(part))
    kept.open()
    try:
        yield kept
    finally:
        kept.close()


def key_of(*parts: Any) -> str:
    """Return the key of a question, equal in every run."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def call_line(call: Call) -> Line:
    """Return what a ledger line says beyond whose account it is."""
    return {
        "operation": call.operation, "region": call.region, "outcome": call.outcome.value,
        "count": call.count, "binding": call.binding, "permission": call.permission,
        "reason": call.reason, "duration_ms": call.duration_ms,
    }  # fmt: skip


def call_of(line: Mapping[str, Any], source: str, scope: str) -> Call:
    """Return the ledger line that was kept."""
    return Call(source, scope, **{**line, "outcome": CallOutcome(line["outcome"])})
