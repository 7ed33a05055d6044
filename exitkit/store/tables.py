"""Sort tables that do not fit in memory, so that a million assets cost the same few megabytes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

from exitkit.errors import PluginError

RUN_BYTES = 32 * 1024 * 1024
"""How much of a table is held in memory at once."""


def sorted_lines(
    lines: Iterable[bytes], spill: Path, run_bytes: int = RUN_BYTES
) -> Iterator[bytes]:
    """Yield `lines` (none holding an LF) in byte order, spilling sorted runs into `spill`."""
    run: list[bytes] = []
    held = 0
    runs: list[Path] = []
    for line in lines:
        run.append(line)
        held += len(line) + 64
        if held >= run_bytes:
            runs.append(_spilled(run, spill / f"{spill.name}-{len(runs):05d}.run"))
            run, held = [], 0
    run.sort()
    if not runs:
        yield from run
        return
    yield from heapq.merge(run, *(_read(path) for path in runs))
    for path in runs:
        path.unlink()


def unique_lines(lines: Iterable[bytes], table: str) -> Iterator[bytes]:
    """Drop a line that repeats the one before; two records that share an id are a bug."""
    previous = b""
    for line in lines:
        if line == previous:
            continue
        if record_id(line) == record_id(previous):
            name = record_id(line).decode()
            raise PluginError(f"{table}: two different records are called {name}; see its source")
        yield line
        previous = line


def record_id(line: bytes) -> bytes:
    """Return the `@id` of a canonical record line: always its first member."""
    parts = line.split(b'"', 4)
    return parts[3] if len(parts) > 4 and parts[1] == b"@id" else b""


def _spilled(run: list[bytes], path: Path) -> Path:
    run.sort()
    with path.open("wb") as stream:
        stream.writelines(line + b"\n" for line in run)
    return path


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            yield line.removesuffix(b"\n")
