"""Keep fetched bytes until their snapshot is whole, so that one cut short fetches only the rest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class KeptContent:
    """A folder of files named by their digest, and of what is known of each under its key.

    Only what may stand in a bundle as it is gets here. A link takes no room on the disk; where
    there can be none, or the disk is full, the next start lacks its head start and no more.
    """

    folder: Path | None

    @classmethod
    def below(cls, kept: Path | None) -> KeptContent:
        """Return that of a source whose folder is `kept`; without one nothing is kept."""
        return cls(kept / "content" if kept else None)

    def take(self, key: str, into: Path) -> dict[str, Any] | None:
        """Put the bytes kept under a key there, and return what was known of them."""
        try:
            body, known = self._found(key)
            with body.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != known["sha256"]:
                body.unlink()
                return None
            _link(body, into)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return known

    def take_bytes(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """Return the few bytes kept under a key, and what was known of them."""
        try:
            path, known = self._found(key)
            body = path.read_bytes()
            if hashlib.sha256(body).hexdigest() != known["sha256"]:
                path.unlink()
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return body, known

    def keep(self, key: str, body: Path, sha256: str, known: Mapping[str, Any]) -> None:
        """Keep a file that nobody writes to any more."""
        self._keep(key, sha256, known, lambda name: _link(body, name))

    def keep_bytes(self, key: str, body: bytes, known: Mapping[str, Any]) -> None:
        """Keep a few bytes."""
        sha256 = hashlib.sha256(body).hexdigest()
        self._keep(key, sha256, known, lambda name: name.write_bytes(body))

    def _found(self, key: str) -> tuple[Path, dict[str, Any]]:
        if self.folder is None:
            raise KeyError(key)
        known: dict[str, Any] = json.loads((self.folder / f"{key}.json").read_bytes())
        return self.folder / str(known["sha256"]), known

    def _keep(
        self, key: str, sha256: str, known: Mapping[str, Any], write: Callable[[Path], object]
    ) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            if not (self.folder / sha256).exists():
                write(self.folder / sha256)
            line = json.dumps({**known, "sha256": sha256})
            (self.folder / f"{key}.json").write_text(line, encoding="utf-8")
        except (OSError, ValueError):
            return


def _link(body: Path, name: Path) -> None:
    name.unlink(missing_ok=True)
    try:
        os.link(body, name)
    except OSError:
        shutil.copyfile(body, name)
