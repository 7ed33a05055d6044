"""Keep all findings of a source in the order they came, on disk where they are too many."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from exitkit.store.finding_lines import FindingLines, finding_of
from exitkit.store.room import Room, Share


class FindingLog:
    """A list that is only ever added to; `folder` is made when there is no room in memory."""

    def __init__(self, folder: Path, room: Room) -> None:
        self._folder = folder
        self._lines = FindingLines(folder)
        self._share = Share(room)
        self._held: list[Any] = []
        self._file: BinaryIO | None = None
        self._ends = array("Q", [0])

    def append(self, finding: Any) -> None:
        """Add one finding."""
        if self._file is None and not self._share.holds(finding):
            self._file = self._opened()
        if self._file is None:
            self._held.append(finding)
        else:
            self._write(self._file, finding)

    def __len__(self) -> int:
        return len(self._held) if self._file is None else len(self._ends) - 1

    def __getitem__(self, number: int) -> Any:
        if self._file is None:
            return self._held[number]
        self._file.flush()
        start, end = self._ends[number], self._ends[number + 1]
        return finding_of(os.pread(self._file.fileno(), end - start, start))

    def drain(self) -> Iterator[Any]:
        """Yield all findings and forget them; the bytes of contents stay where they are."""
        self._share.leave()
        if self._file is None:
            self._held.reverse()
            while self._held:
                yield self._held.pop()
            return
        self._file.close()
        with (self._folder / "log").open("rb") as lines:
            yield from map(finding_of, lines)
        (self._folder / "log").unlink()

    def _opened(self) -> BinaryIO:
        """Return the file, with all that was held in memory."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = (self._folder / "log").open("xb+")
        for one in self._held:
            self._write(file, one)
        self._held = []
        self._share.leave()
        return file

    def _write(self, file: BinaryIO, finding: Any) -> None:
        line = self._lines.line(finding) + b"\n"
        file.write(line)
        self._ends.append(self._ends[-1] + len(line))
