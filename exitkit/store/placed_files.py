"""Put files of a bundle into a folder that a run may fill, and read every one of them back."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exitkit.assess.comparison import Canaries
from exitkit.model.run import ItemResult
from exitkit.ports import Target
from exitkit.store.local_ground import digest_of, ground_of


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file and where it goes below the target's folder; its first segment is what is claimed.

    `body` is its bytes, or the file of the bundle that holds them.
    """

    urn: str
    label: str
    place: str
    body: bytes | Path
    mode: int = 0o644

    @property
    def claimed(self) -> str:
        """The name in the target's folder that this file makes ours."""
        return self.place.partition("/")[0]

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.stat().st_size

    def digest(self) -> str:
        """The SHA-256 of its bytes."""
        if isinstance(self.body, bytes):
            return hashlib.sha256(self.body).hexdigest()
        return digest_of(self.body)


def put(files: Sequence[PlacedFile], target: Target) -> None:
    """Write every file; what is claimed is empty before."""
    for file in files:
        path: Path = ground_of(target) / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(file.body, bytes):
            path.touch(mode=0o600)
            path.write_bytes(file.body)
        else:
            shutil.copyfile(file.body, path)
        path.chmod(file.mode)


def read_back(file: PlacedFile, target: Target, canaries: Canaries | None = None) -> ItemResult:
    """Compare a file with the bundle's, by digest and by whether it may be executed."""
    path: Path = ground_of(target) / file.place
    if canaries is not None:
        kept = file.body if isinstance(file.body, bytes) else file.body.read_bytes()
        canaries.expect(kept)
    if path.is_symlink() or not path.is_file():
        return ItemResult(file.label, "missing")
    if digest_of(path) != file.digest():
        return ItemResult(file.label, "different", "other bytes")
    if (path.stat().st_mode ^ file.mode) & 0o100:
        return ItemResult(file.label, "different", "may be executed, or no longer")
    if canaries is not None:
        canaries.see(path.read_bytes())
    return ItemResult(file.label, "equal")


def beside(files: Sequence[PlacedFile], target: Target) -> Iterator[ItemResult]:
    """Name what stands in the folders we filled and is none of ours."""
    root: Path = ground_of(target)
    known = {file.place for file in files}
    for name in sorted({file.claimed for file in files if "/" in file.place}):
        for path in sorted((root / name).rglob("*")):
            place = path.relative_to(root).as_posix()
            if not path.is_dir() and place not in known:
                yield ItemResult(f"file {place}", "extra")
