"""Keep every path of a bundle legal on every file system, archive and BagIt reader."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from exitkit.errors import PluginError
from exitkit.model.asset import Ref
from exitkit.model.identity import encodable

LONGEST_SEGMENT = 100
LONGEST_PATH = 200
_SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z")


def path_fault(path: str) -> str:
    """Say why `path` may not stand in a bundle, or nothing."""
    if len(path) > LONGEST_PATH:
        return f"longer than {LONGEST_PATH} bytes"
    for part in path.split("/"):
        if not _SEGMENT.match(part):
            return f"segment {part[:40]!r} is not [a-z0-9][a-z0-9._-]*"
        if len(part) > LONGEST_SEGMENT:
            return f"segment longer than {LONGEST_SEGMENT} bytes"
        if part.endswith(".") or _RESERVED.match(part):
            return f"segment {part!r} is reserved on Windows"
    return ""


def checked_path(path: str) -> str:
    """Return `path`, or raise PluginError where it breaks the path rules."""
    fault = path_fault(path)
    if fault:
        raise PluginError(f"{path[:80]}: {fault}; build the path with store.paths.segment")
    return path


def segment(name: str, longest: int = 48) -> str:
    """Return a legal path segment for any name, equal in every snapshot.

    Where the name had to be changed by more than its case, eight hex digits of its digest keep
    two names apart that would otherwise read the same.
    """
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower().replace("::", "-")).strip("-._")
    faithful = plain == name and len(plain) <= longest and not path_fault(plain)
    if faithful:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = plain[: longest - 9].rstrip("-._")
    return f"{stem}-{digest}" if stem else digest


def native_path(ref: Ref) -> str:
    """Return the pack, relative to `data/`, that holds the configuration of `ref`.

    Packs may be shared: a line names its asset, so two types that read alike do no harm.
    """
    places = (ref.provider, encodable(ref.scope), encodable(ref.region) or "global")
    folder = "/".join(_readable(place) for place in places)
    return checked_path(f"native/{folder}/{_readable(ref.native_type)}.jsonl")


def _readable(name: str) -> str:
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower().replace("::", "-")).strip("-._")
    return plain if plain and len(plain) <= 48 and not path_fault(plain) else segment(name)


def below(root: Path, name: str) -> Path | None:
    """Return the file of that name below `root`; None where it leads out of it."""
    path = (root / name).resolve()
    return path if path.is_relative_to(root.resolve()) else None
