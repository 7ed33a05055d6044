"""Scan the scripts of a folder, file by file, following no links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exitkit.drivers.script_scan import ScannedScript, scan_script
from exitkit.knowledge.script_languages import language_of
from exitkit.knowledge.script_rules import UNKNOWN, UNREADABLE
from exitkit.model.holdings import Finding
from exitkit.ports import Limits

LARGEST = Limits().max_file_bytes


@dataclass(frozen=True, slots=True)
class FolderScript:
    """A script and its path below the folder that was scanned."""

    path: str
    script: ScannedScript


def scan_folder(folder: Path, key: bytes, largest: int = LARGEST) -> Iterator[FolderScript]:
    """Yield every file below `folder` (or `folder` itself, a file) with what it is."""
    if folder.is_file():
        yield FolderScript(folder.name, _scan(folder.as_posix(), folder, key, largest))
        return
    for top, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name != ".git")
        for name in sorted(names):
            path = Path(top, name)
            if path.is_file() and not path.is_symlink():
                inside = path.relative_to(folder).as_posix()
                yield FolderScript(inside, _scan(inside, path, key, largest))


def _scan(name: str, path: Path, key: bytes, largest: int) -> ScannedScript:
    if path.stat().st_size > largest:
        unread = (Finding(name, 0, UNREADABLE, ""),)
        return ScannedScript(language_of(name, b""), UNKNOWN, unread, b"", 0)
    return scan_script(name, path.read_bytes(), key)
