"""Lay out the scripts that a bundle holds as the files they were, ready to be put on a host."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from exitkit.errors import InvalidBundle
from exitkit.store.holdings import Holding
from exitkit.store.reader import Bundle

TREE = ".tar"
MODIFIED_AT = 1577836800  # 2020: any one instant will do, but a tar refuses the first years


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A file, where it goes below the target's folder, and which asset and aspect it proves."""

    urn: str
    aspect: str
    path: str
    body: bytes
    executable: bool

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.body).hexdigest()


def script_files(bundle: Bundle, holdings: Sequence[Holding]) -> tuple[ScriptFile, ...]:
    """Return every file of every repository and every loose script, by path.

    A repository comes as its files at HEAD, and its history as one `<name>.bundle` to clone.
    """
    found: dict[str, ScriptFile] = {}
    for holding in holdings:
        for file in _files_of(bundle, holding):
            if file.path in found:
                raise InvalidBundle(f"{file.path}: two assets hold this file; restore one by one")
            found[file.path] = file
    return tuple(found[path] for path in sorted(found))


def archive_of(files: Sequence[ScriptFile]) -> bytes:
    """Return a tar of the files and their folders, the same for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in folders_of(files):
            member = tarfile.TarInfo(folder)
            member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, MODIFIED_AT
            archive.addfile(member)
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.size, member.mtime = len(file.body), MODIFIED_AT
            member.mode = 0o755 if file.executable else 0o644
            archive.addfile(member, io.BytesIO(file.body))
    return buffer.getvalue()


def folders_of(files: Sequence[ScriptFile]) -> tuple[str, ...]:
    """Return the folders the files stand in, outermost first."""
    parents = {str(parent) for file in files for parent in PurePosixPath(file.path).parents}
    return tuple(sorted(parents - {"."}))


def _files_of(bundle: Bundle, holding: Holding) -> Iterator[ScriptFile]:
    name = _safe(holding.name)
    for relative in holding.paths("script"):
        path = bundle.content_path(relative)
        if relative.endswith(TREE):
            for inner, body, executable in _unpacked(path):
                yield ScriptFile(holding.urn, "code", f"{name}/{inner}", body, executable)
        elif relative.endswith(".bundle"):
            yield ScriptFile(holding.urn, "history", f"{name}.bundle", path.read_bytes(), False)
        else:
            config = bundle.native(holding.record)
            executable = config.get("mode") == "executable"
            yield ScriptFile(holding.urn, "code", name, path.read_bytes(), executable)


def _unpacked(path: Path) -> Iterator[tuple[str, bytes, bool]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg() and (stream := archive.extractfile(member)):
                yield _safe(member.name), stream.read(), bool(member.mode & 0o100)


def _safe(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\n" in name:
        raise InvalidBundle(f"{name[:80]!r}: leads out of its folder; run 'exitkit verify'")
    return str(PurePosixPath(*parts))
