"""Take along scripts with their history, unless a credential stands in them in clear."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar

from exitkit.assess.script_findings import portability_of
from exitkit.drivers.git import GitFailed, Mirror, is_repository
from exitkit.drivers.git_rights import plain_url, rights_in
from exitkit.drivers.gitolite import granted_in, is_administration
from exitkit.drivers.repository_scan import RepositoryScan, scan_repository, unread_lines
from exitkit.drivers.script_scan import scan_script
from exitkit.drivers.source_files import DENIED, entries, name_below, refusal
from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.script_languages import STATE, main_language
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Automation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.paths import LONGEST_PATH, segment
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

PROVIDER = "scripts"
REPOSITORY, FILE = "Git/Repository", "Script/File"
MOST_FINDINGS = 1000


class ScriptsCollector:
    """Git repositories (every ref, whole history) and folders of loose scripts."""

    type: ClassVar[str] = "scripts"
    needs: ClassVar[tuple[str, ...]] = ("tree_sitter:scripts",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit each path: a repository, a script, or a folder that holds some."""
        for written in source.settings["paths"]:
            path = source.base / str(written)
            name = name_below(source.base, str(written))
            if path.exists():
                yield from _at(source, context, name, path.resolve())
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


def _at(source: Source, context: Context, name: str, path: Path) -> Iterator[Finding]:
    refused = refusal(path)
    if refused:
        outcome = CallOutcome.REFUSED if refused == DENIED else CallOutcome.EXCLUDED
        yield _call(source, "scripts:Read", name, outcome, 0, refused)
    elif path.is_file():
        yield from _script(source, context, name, path)
    elif is_repository(path):
        yield from _repository(source, context, name, path)
    else:
        found = 0
        for inside, entry in entries(name, path):
            found += entry.is_file() and not refusal(entry)
            yield from _at(source, context, inside, entry)
        outcome = CallOutcome.COLLECTED if found else CallOutcome.EMPTY
        yield _call(source, "scripts:List", name, outcome, found)


def _script(source: Source, context: Context, name: str, path: Path) -> Iterator[Finding]:
    ref = Ref(PROVIDER, source.id, "", FILE, name)
    size = path.stat().st_size
    if size > context.limits.max_file_bytes:
        yield _asset(ref, {"path": name, "bytes": size}, context)
        yield _too_large(ref, Aspect.CODE, f"{size} bytes are over max_file_bytes.")
        return
    body = path.read_bytes()
    script = scan_script(name, body, context.mask_key)
    losses = (
        *_masked_lines(script.credentials),
        *(("values of infrastructure state are left out",) if script.language == STATE else ()),
        *unread_lines(script),
    )
    yield _asset(ref, {"path": name, "bytes": size, "mode": _mode(path)}, context)
    yield Automation(ref, script.language, script.portability, script.findings[:MOST_FINDINGS])
    content = Content(_place(ref), script.body, "text/plain", "script", origin="human")
    yield Draft(
        ref, Aspect.CODE, Level.OPEN if losses else Level.IMPORTABLE, method="file",
        format="text/plain", contents=(content,), loss=losses, volume_bytes=len(script.body),
    )  # fmt: skip
    yield _credentials(ref, script.credentials)


def _repository(source: Source, context: Context, name: str, folder: Path) -> Iterator[Finding]:
    ref = Ref(PROVIDER, source.id, "", REPOSITORY, name)
    with tempfile.TemporaryDirectory(dir=context.spool) as own:
        try:
            mirror = Mirror(folder, Path(own) / "mirror.git", context.limits.call_deadline_s)
            yield from _held(ref, mirror, context)
        except GitFailed as error:
            yield _call(source, "git:Mirror", name, CallOutcome.UNAVAILABLE, 0, str(error))
            yield _asset(ref, {"path": name}, context)
            yield _unreadable(ref, Aspect.CODE)
            yield _unreadable(ref, Aspect.HISTORY)
            yield _unreadable(ref, Aspect.ACCESS)
        else:
            yield _call(source, "git:Mirror", name, CallOutcome.COLLECTED, 1)


def _held(ref: Ref, mirror: Mirror, context: Context) -> Iterator[Finding]:
    """Yield a repository that was read whole; git's failures leave before the asset does."""
    tree = list(mirror.tree())
    scan = scan_repository(mirror, tree, context.mask_key, context.limits.max_file_bytes)
    commits = mirror.commits()
    bundle = context.spool / f"{segment(ref.native_id)}.bundle"
    if scan.history_is_clean and mirror.refs:
        mirror.write_bundle(bundle)
        mirror.verify_bundle(bundle)
    scripts = {path: script for path, script in scan.scripts.items() if script.is_script}
    config: dict[str, object] = {
        "path": ref.native_id,
        "head": mirror.head,
        "refs": [{"name": ref_name, "object": object_id} for ref_name, object_id in mirror.refs],
        "commits": commits,
        "files": len(tree),
        "scripts": [
            {"path": path, "language": script.language, "portability": script.portability}
            for path, script in scripts.items()
        ],
    }
    redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
    remotes = [redactor.apply(plain_url(one)) for one in mirror.remotes()]
    if remotes:
        config["remotes"] = remotes
    yield from rights_in(ref, mirror, tree)
    if is_administration(tree):
        yield from granted_in(ref, mirror, tree)
    yield _who_may_push(ref, remotes)
    yield _asset(ref, config, context)
    language = main_language(script.language for script in scan.scripts.values())
    findings = tuple(scan.findings[:MOST_FINDINGS])
    yield Automation(ref, language, portability_of(scan.findings), findings)
    held = Content(_place(ref, "working-tree.tar"), scan.archive, "application/x-tar", "script",
                   origin="human")  # fmt: skip
    is_whole = scan.is_read and not scan.in_tree
    yield Draft(
        ref, Aspect.CODE, Level.IMPORTABLE if is_whole else Level.OPEN,
        method="git cat-file", format="application/x-tar", contents=(held,),
        loss=(*scan.losses, *_masked_lines(scan.in_tree)), volume_bytes=len(scan.archive),
    )  # fmt: skip
    yield _history(ref, scan, bundle, has_commits=bool(mirror.refs))
    yield _credentials(ref, max(scan.in_tree, scan.in_history))


def _who_may_push(ref: Ref, remotes: list[str]) -> Gap:
    places = ", ".join(remotes) or "its server, which the repository does not name"
    return Gap(
        ref, Aspect.ACCESS, Level.DESCRIBED, "not-supported-by-tool",
        "Authors and code owners are known from the repository; who may push, and with which "
        f"deploy keys and tokens, only {places} knows.",
        Responsible.CUSTOMER,
        "List members, deploy keys and tokens there, and take away those of the provider; of a "
        "Gitolite server, add its repository gitolite-admin to `paths`.",
        method="git log", confidence="high",
    )  # fmt: skip


def _history(ref: Ref, scan: RepositoryScan, bundle: Path, *, has_commits: bool) -> Draft | Gap:
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
        ref, Aspect.HISTORY, Level.IMPORTABLE, method="git pack-objects, verified by cloning",
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


def _asset(ref: Ref, config: dict[str, object], context: Context) -> Asset:
    name = PurePosixPath(ref.native_id).name
    return Asset(ref, kind_of(ref.native_type), name, config, context.now)


def _place(ref: Ref, *below: str) -> str:
    """Return where in the bundle a thing's bytes stand: its own path, spelled for any system."""
    parts = [part for part in ref.native_id.split("/") if part]
    readable = "/".join(("automation", *map(segment, (ref.scope, *parts, *below))))
    if len(readable) <= LONGEST_PATH:
        return readable
    return "/".join(("automation", *map(segment, (ref.scope, ref.native_id, *below))))


def _mode(path: Path) -> str:
    return "executable" if os.access(path, os.X_OK) else "file"


def _call(
    source: Source, operation: str, name: str, outcome: CallOutcome, count: int, reason: str = ""
) -> Call:
    return Call(
        source.id, source.id, "", operation, outcome, count, binding=name, reason=reason
    )  # fmt: skip
