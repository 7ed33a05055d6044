"""Keep fetched bytes until their snapshot is whole, so that one cut short fetches only the rest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
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

    def take(self, key: str, into: Path) -> dict[str, Any] | None:
        """Put the bytes kept under a key there, and return what was known of them."""
        if self.folder is None:
            return None
        try:
            known: dict[str, Any] = json.loads((self.folder / f"{key}.json").read_bytes())
            body = self.folder / str(known["sha256"])
            with body.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != known["sha256"]:
                body.unlink()
                return None
            _link(body, into)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return known

    def keep(self, key: str, body: Path, sha256: str, known: Mapping[str, Any]) -> None:
        """Keep a file that nobody writes to any more."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            if not (self.folder / sha256).exists():
                _link(body, self.folder / sha256)
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
