"""Write a BagIt 1.0 bag (RFC 8493), hashing every byte while it is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exitkit.errors import PluginError
from exitkit.store.files import sync_directory
from exitkit.store.paths import checked_path

ALGORITHMS = ("sha256", "sha512")
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the bag with its digests."""

    sha256: str
    sha512: str
    size_bytes: int


class Sink:
    """A file being written, its digests growing with it."""

    def __init__(self, path: Path) -> None:
        """Create the file; its mode does not depend on the umask."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(descriptor, 0o644)
        self._stream = os.fdopen(descriptor, "wb", buffering=_CHUNK)
        self._digests = {name: hashlib.new(name) for name in ALGORITHMS}
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._stream.write(data)
        self._size += len(data)
        for digest in self._digests.values():
            digest.update(data)

    def close(self) -> Entry:
        """Make the bytes durable and say what they are."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return Entry(digests["sha256"], digests["sha512"], self._size)

    def abandon(self) -> None:
        """Let go of the file."""
        self._stream.close()


@dataclass(slots=True)
class Bag:
    """A bag under construction in `root`; `payload` maps paths below `data/` to their entries."""

    root: Path
    payload: dict[str, Entry] = field(default_factory=dict)

    @contextmanager
    def file(self, path: str) -> Iterator[Sink]:
        """Open a new payload file; `path` is relative to `data/`."""
        if checked_path(path) in self.payload:
            raise PluginError(f"{path}: two contents for one path; make the paths differ")
        target = self.root / "data" / path
        _make_folders(self.root, target.parent)
        sink = Sink(target)
        try:
            yield sink
        except BaseException:
            sink.abandon()
            raise
        self.payload[path] = sink.close()

    def add(self, path: str, body: bytes | Path) -> None:
        """Copy bytes, or a local file, to `path` below `data/`."""
        with self.file(path) as sink:
            if isinstance(body, bytes):
                sink.write(body)
                return
            with body.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    sink.write(chunk)

    def finish(self, information: Sequence[tuple[str, str]], tag_files: Mapping[str, bytes]) -> str:
        """Write the tag files and all manifests; return the digest of the SHA-256 tag manifest."""
        tags = {"bagit.txt": DECLARATION, "bag-info.txt": self._information(information)}
        tags |= tag_files
        for algorithm in ALGORITHMS:
            entries = {f"data/{path}": entry for path, entry in self.payload.items()}
            tags[f"manifest-{algorithm}.txt"] = manifest(entries, algorithm)
        written = {name: self._tag(name, body) for name, body in tags.items()}
        for algorithm in ALGORITHMS:
            name = f"tagmanifest-{algorithm}.txt"
            written[name] = self._tag(name, manifest(written, algorithm))
            if algorithm == "sha256":
                sealed = written.pop(name).sha256
        _sync_folders(self.root)
        return sealed

    def _information(self, information: Sequence[tuple[str, str]]) -> bytes:
        octets = sum(entry.size_bytes for entry in self.payload.values())
        oxum = ("Payload-Oxum", f"{octets}.{len(self.payload)}")
        lines = (f"{label}: {' '.join(value.split())}\n" for label, value in (*information, oxum))
        return "".join(lines).encode()

    def _tag(self, name: str, body: bytes) -> Entry:
        sink = Sink(self.root / name)
        sink.write(body)
        return sink.close()


def manifest(entries: Mapping[str, Entry], algorithm: str) -> bytes:
    """Return a manifest that `sha256sum -c` reads, sorted by path."""
    lines = (f"{getattr(entry, algorithm)}  {path}\n" for path, entry in sorted(entries.items()))
    return "".join(lines).encode()


def _make_folders(root: Path, folder: Path) -> None:
    missing = [f for f in (folder, *folder.parents) if root in f.parents and not f.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o755)


def _sync_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        sync_directory(Path(folder))
