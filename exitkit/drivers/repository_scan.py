"""Read a git repository for an inventory: its files at HEAD masked, its history vouched for."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from exitkit.drivers.git import Mirror, TreeEntry
from exitkit.drivers.script_scan import ScannedScript, scan_script
from exitkit.knowledge.script_languages import STATE, language_of
from exitkit.knowledge.script_rules import CREDENTIAL, UNREADABLE
from exitkit.model.holdings import Finding
from exitkit.store.script_secrets import mask_script

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass
class RepositoryScan:
    """What a repository told: its scripts by path, and what nobody can vouch for.

    `in_tree` and `in_history` count lines with credentials in clear, `unread` objects too large.
    """

    scripts: dict[str, ScannedScript] = field(default_factory=dict)
    past: list[Finding] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    archive: bytes = b""
    in_tree: int = 0
    in_history: int = 0
    unread: int = 0

    @property
    def findings(self) -> list[Finding]:
        """Every finding, those of past versions last."""
        return [f for script in self.scripts.values() for f in script.findings] + self.past

    @property
    def history_is_clean(self) -> bool:
        """Whether the whole history may leave."""
        return not (self.in_history or self.unread)

    @property
    def is_read(self) -> bool:
        """Whether a parser understood every script."""
        return all(finding.rule != UNREADABLE for finding in self.findings)


def scan_repository(
    mirror: Mirror, tree: list[TreeEntry], key: bytes, largest: int
) -> RepositoryScan:
    """Scan the files at HEAD, then every version of every file for credentials."""
    scan = RepositoryScan()
    if mirror.is_shallow:
        scan.losses.append("the repository is shallow: older commits are not at the source")
    scan.archive = _working_tree(mirror, tree, scan, key, largest)
    _scan_history(mirror, scan, key, largest)
    return scan


def _working_tree(
    mirror: Mirror, tree: list[TreeEntry], scan: RepositoryScan, key: bytes, largest: int
) -> bytes:
    """Return the files at HEAD as a tar with nothing of our clock, user or umask in it."""
    files = [entry for entry in tree if entry.kind != "submodule"]
    if submodules := len(tree) - len(files):
        scan.losses.append(f"{submodules} submodules: only their commit ids are in the repository")
    bodies = mirror.bodies([entry.object_id for entry in files], largest)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, body in zip(files, bodies, strict=True):
            if body is None or not _is_safe(entry, body):
                scan.losses.append(f"{entry.path}: too large, or leads out of the tree")
                continue
            if entry.kind == "link":
                _add(archive, entry, body)
                continue
            script = scan_script(entry.path, body, key)
            scan.losses += _losses(entry.path, body, script)
            scan.scripts[entry.path] = script
            scan.in_tree += script.credentials
            _add(archive, entry, script.body)
    return buffer.getvalue()


def _losses(path: str, body: bytes, script: ScannedScript) -> Iterator[str]:
    if body.startswith(LFS_POINTER):
        yield f"{path}: a Git LFS pointer, its content is elsewhere"
    if script.language == STATE:
        yield f"{path}: values of infrastructure state are left out"
    yield from unread_lines(script)


def unread_lines(script: ScannedScript) -> Iterator[str]:
    """Say where a script could not be read, if anywhere."""
    unread = [finding for finding in script.findings if finding.rule == UNREADABLE]
    if unread:
        yield (
            f"{unread[0].path}: line {unread[0].line} is not valid {script.language}, or unknown "
            "to its parser; how portable it is is unknown"
        )


def _add(archive: tarfile.TarFile, entry: TreeEntry, body: bytes) -> None:
    member = tarfile.TarInfo(entry.path)
    if entry.kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, body.decode("utf-8", "replace")
        archive.addfile(member)
        return
    member.size, member.mode = len(body), 0o755 if entry.kind == "executable" else 0o644
    archive.addfile(member, io.BytesIO(body))


def _is_safe(entry: TreeEntry, body: bytes) -> bool:
    # A hostile tree can name what no git command would have added.
    parts = PurePosixPath(entry.path).parts
    if entry.path.startswith("/") or ".." in parts or ".git" in (part.lower() for part in parts):
        return False
    if entry.kind != "link":
        return True
    target = os.path.normpath(PurePosixPath(*parts[:-1], os.fsdecode(body)))
    return not target.startswith(("/", ".."))


def _scan_history(mirror: Mirror, scan: RepositoryScan, key: bytes, largest: int) -> None:
    """Look at every version of every file, and at every message, for credentials in clear.

    A pack is compressed: a secret in it would be in the bundle and no search would show it.
    """
    paths = mirror.paths()
    known = {(finding.path, finding.excerpt) for finding in scan.findings}
    fresh: list[Finding] = []
    for object_id, kind, body in mirror.objects(largest):
        if kind == "tree":
            continue
        if body is None:
            scan.unread += 1
            continue
        place = paths.get(object_id, f"{kind} message")
        language = language_of(place, body)
        if language == STATE:
            # State holds values in clear whatever they look like.
            scan.in_history += 1
            continue
        masked = mask_script(body, language, key)
        scan.in_history += len(masked.credentials)
        for line in masked.credentials:
            excerpt = masked.lines[line - 1].strip()[:160]
            if (place, excerpt) not in known:
                fresh.append(Finding(f"{place}@{object_id[:12]}", line, CREDENTIAL, excerpt))
    scan.past += sorted(fresh, key=lambda finding: (finding.path, finding.line))
