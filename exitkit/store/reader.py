"""Read a bundle as if somebody hostile had written it, and hand out records and bytes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from exitkit.errors import InputError, InvalidBundle
from exitkit.store.canonical import LONGEST_LINE, parse_line
from exitkit.store.layout import FORMAT_VERSION, TABLES
from exitkit.store.paths import path_fault
from exitkit.store.schemas import record_fault
from exitkit.store.seal import bundle_id
from exitkit.store.tables import record_id

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk; `descriptor` is its `data/exitkit.json`."""

    path: Path
    id: str
    descriptor: Mapping[str, Any]
    _packs: dict[str, dict[str, int]] = field(default_factory=dict, repr=False, compare=False)

    def records(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a table, in the order of their ids."""
        if table not in TABLES:
            raise InputError(f"{table}: no such table; one of {', '.join(TABLES)}")
        path, schema = TABLES[table].path, TABLES[table].schema
        for line in self._lines(path):
            record = _parsed(line, path)
            _check(self.path, self.descriptor, schema, record, path)
            yield record

    def stream(self, relative: str) -> BufferedReader:
        """Open a file below `data/` to be read as it is."""
        return self._opened(relative)

    def native(self, asset_record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration of an asset as its provider gave it, or {}."""
        for artifact in asset_record.get("artifacts", ()):
            # Texts of a host have the same role; only a pack is read member by member.
            if artifact["role"] == "native-config" and artifact["path"].startswith("native/"):
                return self._configuration(artifact["path"], asset_record["@id"])
        return {}

    def content_path(self, relative: str) -> Path:
        """Return where a file below `data/` is; InvalidBundle where it is no file."""
        fault = path_fault(relative)
        if fault:
            raise InvalidBundle(f"{self.path}: {relative[:80]!r}: {fault}; run 'exitkit verify'")
        path = self.path / "data"
        for part in relative.split("/"):
            path = path / part
            if path.is_symlink():
                raise InvalidBundle(f"{path}: a symbolic link; run 'exitkit verify'")
        if not path.is_file():
            raise InvalidBundle(f"{path}: missing; run 'exitkit verify'")
        return path

    def manifest(self) -> Iterator[bytes]:
        """Yield the lines of the SHA-256 manifest."""
        path = self.path / "manifest-sha256.txt"
        if path.is_symlink() or not path.is_file():
            raise InvalidBundle(f"{path}: missing; run 'exitkit verify'")
        with _open_regular(path) as stream:
            while line := _line(stream, path.name):
                yield line

    def _configuration(self, pack: str, urn: str) -> dict[str, Any]:
        if pack not in self._packs:
            self._packs[pack] = self._offsets(pack)
        if urn not in self._packs[pack]:
            raise InvalidBundle(f"{self.path}: {pack} lacks {urn}; run 'exitkit verify'")
        with self._opened(pack) as stream:
            stream.seek(self._packs[pack][urn])
            config: dict[str, Any] = _parsed(_line(stream, pack), pack)["config"]
        return config

    def _offsets(self, pack: str) -> dict[str, int]:
        offsets, position = {}, 0
        for line in self._lines(pack):
            offsets[record_id(line).decode("utf-8", "replace")] = position
            position += len(line)
        return offsets

    def _lines(self, relative: str) -> Iterator[bytes]:
        with self._opened(relative) as stream:
            while line := _line(stream, relative):
                yield line

    def _opened(self, relative: str) -> BufferedReader:
        return _open_regular(self.content_path(relative))


def looks_like_a_bundle(path: Path) -> bool:
    """Tell whether a folder is meant as a bundle, however little of it is left."""
    return any(os.path.lexists(path / mark) for mark in ("bagit.txt", "data/exitkit.json"))


def open_bundle(path: Path) -> Bundle:
    """Open a bundle for reading; it is not verified (store/verify.py does that)."""
    if path.is_symlink() or not path.is_dir():
        raise InputError(f"{path}: no bundle folder; give one of bundles/")
    if not looks_like_a_bundle(path):
        raise InputError(f"{path}: not a bundle; give one of bundles/")
    try:
        with _open_regular(path / "data" / "exitkit.json") as stream:
            descriptor = _parsed(_line(stream, "exitkit.json"), "exitkit.json")
        _open_regular(path / "tagmanifest-sha256.txt").close()
        identity = bundle_id(path)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        lost = Path(str(error.filename)).relative_to(path)
        raise InvalidBundle(f"{path}: {lost}: {error.strerror}; run 'exitkit verify'") from error
    version = str(descriptor.get("formatVersion"))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise InvalidBundle(f"{path}: format {version[:20]}, this exitkit reads 1.x; upgrade it")
    _check(path, descriptor, "bundle", descriptor, "exitkit.json")
    return Bundle(path, identity, descriptor)


def _check(
    path: Path, descriptor: Mapping[str, Any], schema: str, record: Mapping[str, Any], where: str
) -> None:
    """Refuse what no exitkit wrote; a later 1.x may know members that we do not."""
    if descriptor["formatVersion"] != FORMAT_VERSION:
        return
    if fault := record_fault(schema, record):
        raise InvalidBundle(f"{path}: {where}: {fault}; run 'exitkit verify'")


def _open_regular(path: Path) -> BufferedReader:
    """Open without following a link and without waiting on a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidBundle(f"{path}: not a regular file; run 'exitkit verify'")
    return os.fdopen(descriptor, "rb")


def _line(stream: BufferedReader, where: str) -> bytes:
    line = stream.readline(LONGEST_LINE + 2)
    if len(line) > LONGEST_LINE + 1:
        raise InvalidBundle(f"{where}: a line longer than {LONGEST_LINE} bytes")
    return line


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = parse_line(line)
    except InvalidBundle as error:
        raise InvalidBundle(f"{where}: {error}; run 'exitkit verify'") from error
    if not isinstance(record, dict):
        raise InvalidBundle(f"{where}: a line that is not an object")
    return record
