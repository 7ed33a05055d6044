"""Take along scripts with their history, unless a credential stands in them in clear."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar

from exitkit.drivers.git import GitFailed, Mirror, TreeEntry, is_repository
from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.script_rules import (
    CREDENTIAL,
    findings_of,
    language_of,
    main_language,
    portability_of,
)
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Automation
from exitkit.model.holdings import Finding as LineFinding
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.paths import LONGEST_PATH, segment
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

PROVIDER = "scripts"
REPOSITORY, FILE = "Git/Repository", "Script/File"
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
MOST_FINDINGS = 1000


class ScriptsCollector:
    """Git repositories (every ref, whole history) and folders of loose scripts."""

    type: ClassVar[str] = "scripts"
    needs: ClassVar[tuple[str, ...]] = ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit each path: a repository, a script, or a folder that holds some."""
        for written in source.settings["paths"]:
            path = source.base / str(written)
            name = _name(source.base, str(written))
            if path.is_dir():
                yield from _folder(source, context, name, path)
            elif path.is_file():
                yield from _script(source, context, name, path)
            else:
                reason = "no such path"
                yield _call(source, "scripts:List", name, CallOutcome.UNAVAILABLE, 0, reason)

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the folders, so that no rehearsal restores scripts into them."""
        paths = (source.base / str(name) for name in source.settings["paths"])
        return frozenset(f"folder:{path.resolve()}" for path in paths)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for git and for each path."""
        git = shutil.which("git")
        yield Check("git", bool(git), git or "not found", "" if git else "install git")
        for name in source.settings["paths"]:
            there = (source.base / str(name)).exists()
            detail, move = ("found", "") if there else ("no such path", "correct `paths:`")
            yield Check(f"{source.id}: {name}", there, detail, move)


@dataclass
class _Scan:
    """What reading a repository told: lines that tie it down, and what we cannot vouch for."""

    findings: list[LineFinding] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    in_tree: int = 0
    in_history: int = 0
    unread: int = 0

    @property
    def history_is_clean(self) -> bool:
        return not (self.in_history or self.unread)


def _name(base: Path, written: str) -> str:
    """Return a path as the workspace sees it, so that a moved workspace keeps its names."""
    plain, root = Path(os.path.normpath(base / written)), Path(os.path.normpath(base))
    if plain.is_relative_to(root) and plain != root:
        return plain.relative_to(root).as_posix()
    return Path(os.path.normpath(written)).as_posix()


def _folder(source: Source, context: Context, name: str, folder: Path) -> Iterator[Finding]:
    if is_repository(folder):
        yield from _repository(source, context, name, folder)
        return
    found = 0
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        inside = f"{name}/{entry.name}"
        if entry.is_symlink():
            reason = "symbolic link, not followed"
            yield _call(source, "scripts:Read", inside, CallOutcome.EXCLUDED, 0, reason)
        elif entry.is_dir():
            yield from _folder(source, context, inside, folder / entry.name)
        elif entry.is_file():
            found += 1
            yield from _script(source, context, inside, folder / entry.name)
    outcome = CallOutcome.COLLECTED if found else CallOutcome.EMPTY
    yield _call(source, "scripts:List", name, outcome, found)


def _script(source: Source, context: Context, name: str, path: Path) -> Iterator[Finding]:
    ref = Ref(PROVIDER, source.id, "", FILE, name)
    size = path.stat().st_size
    if size > context.limits.max_file_bytes:
        yield _asset(ref, path.name, {"path": name, "bytes": size}, context)
        yield _too_large(ref, Aspect.CODE, f"{size} bytes are over max_file_bytes.")
        return
    body = path.read_bytes()
    masked = _masked(body, context)
    findings = list(findings_of(name, _text(masked)))
    yield _asset(ref, path.name, {"path": name, "bytes": size, "mode": _mode(path)}, context)
    yield Automation(ref, language_of(name, body), portability_of(findings), tuple(findings))
    clear = sum(1 for finding in findings if finding.rule == CREDENTIAL)
    content = Content(_place(ref), masked, "text/plain", "script", origin="human")
    yield Draft(
        ref, Aspect.CODE, Level.IMPORTABLE if masked == body else Level.OPEN, method="file",
        format="text/plain", contents=(content,), loss=_masked_lines(clear),
        volume_bytes=len(masked),
    )  # fmt: skip
    yield _credentials(ref, clear)


def _repository(source: Source, context: Context, name: str, folder: Path) -> Iterator[Finding]:
    ref = Ref(PROVIDER, source.id, "", REPOSITORY, name)
    with tempfile.TemporaryDirectory(dir=context.spool) as own:
        try:
            mirror = Mirror(folder, Path(own) / "mirror.git", context.limits.call_deadline_s)
            yield from _held(ref, mirror, context)
        except GitFailed as error:
            yield _call(source, "git:Mirror", name, CallOutcome.UNAVAILABLE, 0, str(error))
            yield _asset(ref, folder.name, {"path": name}, context)
            yield _unreadable(ref, Aspect.CODE)
            yield _unreadable(ref, Aspect.HISTORY)
        else:
            yield _call(source, "git:Mirror", name, CallOutcome.COLLECTED, 1)


def _held(ref: Ref, mirror: Mirror, context: Context) -> Iterator[Finding]:
    """Yield a repository that was read whole; git's failures leave before the asset does."""
    scan = _Scan()
    tree = list(mirror.tree())
    archive = _working_tree(mirror, tree, scan, context)
    _scan_history(mirror, scan, context)
    commits = mirror.commits()
    bundle = context.spool / f"{segment(ref.native_id)}.bundle"
    if scan.history_is_clean and mirror.refs:
        mirror.write_bundle(bundle)
    if mirror.is_shallow:
        scan.losses.append("the repository is shallow: older commits are not at the source")
    findings = tuple(scan.findings[:MOST_FINDINGS])
    config = {
        "path": ref.native_id,
        "head": mirror.head,
        "refs": [{"name": ref_name, "object": object_id} for ref_name, object_id in mirror.refs],
        "commits": commits,
        "files": len(tree),
    }
    yield _asset(ref, PurePosixPath(ref.native_id).name, config, context)
    yield Automation(ref, main_language(scan.languages), portability_of(findings), findings)
    place = _place(ref, "working-tree.tar")
    yield Draft(
        ref, Aspect.CODE, Level.OPEN if scan.in_tree else Level.IMPORTABLE,
        method="git cat-file", format="application/x-tar",
        contents=(Content(place, archive, "application/x-tar", "script", origin="human"),),
        loss=(*scan.losses, *_masked_lines(scan.in_tree)), volume_bytes=len(archive),
    )  # fmt: skip
    yield _history(ref, scan, bundle, has_commits=bool(mirror.refs))
    yield _credentials(ref, max(scan.in_tree, scan.in_history))


def _working_tree(mirror: Mirror, tree: list[TreeEntry], scan: _Scan, context: Context) -> bytes:
    """Return the files at HEAD as a tar with nothing of our clock, user or umask in it."""
    files = [entry for entry in tree if entry.kind != "submodule"]
    if submodules := len(tree) - len(files):
        scan.losses.append(f"{submodules} submodules: only their commit ids are in the repository")
    bodies = mirror.bodies([entry.object_id for entry in files], context.limits.max_file_bytes)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, body in zip(files, bodies, strict=True):
            if body is None or not _is_safe(entry, body):
                scan.losses.append(f"{entry.path}: too large, or leads out of the tree")
                continue
            masked = _masked(body, context)
            if body.startswith(LFS_POINTER):
                scan.losses.append(f"{entry.path}: a Git LFS pointer, its content is elsewhere")
            scan.languages.append(language_of(entry.path, body))
            found = list(findings_of(entry.path, _text(masked)))
            scan.findings += found
            scan.in_tree += sum(1 for finding in found if finding.rule == CREDENTIAL)
            _add(archive, entry, masked)
    return buffer.getvalue()


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


def _scan_history(mirror: Mirror, scan: _Scan, context: Context) -> None:
    """Look at every version of every file, and at every message, for credentials in clear.

    A pack is compressed: a secret in it would be in the bundle and no search would show it.
    """
    paths = mirror.paths()
    known = {(finding.path, finding.excerpt) for finding in scan.findings}
    fresh: list[LineFinding] = []
    for object_id, kind, body in mirror.objects(context.limits.max_file_bytes):
        if kind == "tree":
            continue
        if body is None:
            scan.unread += 1
            continue
        masked = _masked(body, context)
        if masked == body:
            continue
        place = paths.get(object_id, f"{kind} message")
        for finding in findings_of(f"{place}@{object_id[:12]}", _text(masked)):
            if finding.rule == CREDENTIAL:
                scan.in_history += 1
                if (place, finding.excerpt) not in known:
                    fresh.append(finding)
        scan.in_history = max(scan.in_history, 1)
    scan.findings += sorted(fresh, key=lambda finding: (finding.path, finding.line))


def _history(ref: Ref, scan: _Scan, bundle: Path, *, has_commits: bool) -> Draft | Gap:
    if not has_commits:
        return Draft(ref, Aspect.HISTORY, Level.NOT_APPLICABLE, method="git", format="")
    if scan.in_history:
        return Gap(
            ref, Aspect.HISTORY, Level.NONE, "security-risk",
            f"{scan.in_history} lines of its history hold credentials in clear, so it stays here.",
            Responsible.CUSTOMER,
            "Rotate the credentials, take them out with git filter-repo, take the snapshot again.",
            method="git pack-objects", confidence="high",
        )  # fmt: skip
    if scan.unread:
        return _too_large(
            ref, Aspect.HISTORY, f"{scan.unread} objects are over max_file_bytes and were not read."
        )
    path = _place(ref, "repository.bundle")
    content = Content(path, bundle, "application/x-git-bundle", "script", origin="human")
    return Draft(
        ref, Aspect.HISTORY, Level.IMPORTABLE, method="git pack-objects",
        format="application/x-git-bundle", contents=(content,),
        loss=tuple(loss for loss in scan.losses if "shallow" in loss),
        volume_bytes=bundle.stat().st_size,
    )  # fmt: skip


def _credentials(ref: Ref, lines: int) -> Draft | Gap:
    if not lines:
        return Draft(ref, Aspect.CREDENTIALS, Level.NOT_APPLICABLE, "credential patterns", "")
    return Gap(
        ref, Aspect.CREDENTIALS, Level.DESCRIBED, "security-risk",
        f"{lines} lines hold credentials in clear; they are masked here.",
        Responsible.CUSTOMER, "Rotate them, and read them from a secret store instead.",
        method="credential patterns", confidence="high",
    )  # fmt: skip


def _too_large(ref: Ref, aspect: Aspect, text: str) -> Gap:
    return Gap(
        ref, aspect, Level.NONE, "too-large", text, Responsible.CUSTOMER,
        "Raise limits.max_file_bytes in exitkit.yaml.", confidence="high",
    )  # fmt: skip


def _unreadable(ref: Ref, aspect: Aspect) -> Gap:
    return Gap(
        ref, aspect, Level.NONE, "api-error", "Git could not read it; the ledger says why.",
        Responsible.CUSTOMER, "Repair the repository with git fsck.", confidence="high",
    )  # fmt: skip


def _masked_lines(lines: int) -> tuple[str, ...]:
    return (f"{lines} lines with credentials in clear are masked",) if lines else ()


def _asset(ref: Ref, name: str, config: dict[str, object], context: Context) -> Asset:
    return Asset(ref, kind_of(ref.native_type), name, config, context.now)


def _place(ref: Ref, *below: str) -> str:
    """Return where in the bundle a thing's bytes stand: its own path, spelled for any system."""
    parts = [part for part in ref.native_id.split("/") if part]
    readable = "/".join(("automation", *map(segment, (ref.scope, *parts, *below))))
    if len(readable) <= LONGEST_PATH:
        return readable
    return "/".join(("automation", *map(segment, (ref.scope, ref.native_id, *below))))


def _masked(body: bytes, context: Context) -> bytes:
    # Latin-1 gives every byte back; what credentials look like is ASCII.
    redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
    return redactor.apply(body.decode("latin-1")).encode("latin-1")


def _text(body: bytes) -> str:
    return "" if b"\0" in body[:8000] else body.decode("utf-8", "replace")


def _mode(path: Path) -> str:
    return "executable" if os.access(path, os.X_OK) else "file"


def _call(
    source: Source, operation: str, name: str, outcome: CallOutcome, count: int, reason: str = ""
) -> Call:
    return Call(
        source.id, source.id, "", operation, outcome, count, binding=name, reason=reason
    )  # fmt: skip
