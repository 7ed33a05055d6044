"""Name the files of a source the same on every machine, and say which cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

DENIED = "no permission to read it"
LINK = "symbolic link, not followed"


def legible(name: str) -> str:
    """Return a file name as text; bytes that are not UTF-8 show as `\\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def name_below(base: Path, written: str) -> str:
    """Return a path as the workspace sees it, so that a moved workspace keeps its names."""
    plain, root = Path(os.path.normpath(base / written)), Path(os.path.normpath(base))
    if plain.is_relative_to(root) and plain != root:
        return legible(plain.relative_to(root).as_posix())
    return legible(Path(os.path.normpath(written)).as_posix())


def refusal(path: Path) -> str:
    """Say why `path` cannot be read, or nothing where it is a file or a folder that can."""
    if path.is_symlink():
        return LINK
    if path.is_dir():
        return "" if os.access(path, os.R_OK | os.X_OK) else DENIED
    if path.is_file():
        return "" if os.access(path, os.R_OK) else DENIED
    return "neither a file nor a folder"


def entries(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of what lies in `folder`, in the order of the names' bytes."""
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        yield f"{name}/{legible(entry.name)}", Path(entry.path)
