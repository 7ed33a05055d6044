"""Restore scripts to a host by playbook, run it twice, and compare file by file.

Step params: `{what: files, target: <host target>, assets: {native_type: "Git/Repository", names:
["*"]}}`; optional `canaries`, `canary_pattern`. Target settings: `{inventory:
inventories/rehearsal/hosts.yml, host: scratch, directory: /srv/rehearsal}`.
A playbook of the workspace's `playbooks/` goes before the one we ship. The second run must change
nothing: metric `second_run_changed`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared, taken
from exitkit.drivers.ansible import (
    PlaybookOptions,
    PlaybookRun,
    connection_of,
    end_leftovers,
    run_playbook,
)
from exitkit.drivers.known_hosts import host_key_identities
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen
from exitkit.store.reader import open_bundle
from exitkit.store.script_files import ScriptFile, archive_of, folders_of, script_files
from exitkit.store.touched import note_touched, noted_touched
from exitkit.workspace.inventory import InventoryHost, inventory_of

RESTORE, UNDO, READ = "restore_scripts.yml", "restore_scripts.undo.yml", "read_scripts.yml"
READ_TASK = "List the files"


@dataclass(frozen=True, slots=True)
class _Found:
    """A file on the host."""

    sha256: str
    executable: bool


class FilesRestorer:
    """Move scripts to a folder of another host."""

    what: ClassVar[str] = "files"
    target_types: ClassVar[tuple[str, ...]] = ("host",)
    needs: ClassVar[tuple[str, ...]] = ("ansible_runner:rehearsal", "ansible:rehearsal")

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the folder and those around it, or the host with its address and host keys."""
        directory = _directory(target)
        if not _is_local(target):
            names = {f"host:{_hosts(target)}:{directory}"}
            for host in _reached(target, environ):
                names.add(f"endpoint:ssh://{host.host}:{host.port}")
                names.update(host_key_identities(host.host, host.port, host.known_hosts))
            return frozenset(names)
        around = (Path(directory).resolve(), *Path(directory).resolve().parents)
        return frozenset(f"folder:{folder}" for folder in around)

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List the files there, each with the digest of its bytes."""
        with tempfile.TemporaryDirectory(prefix="exitkit-read-") as folder:
            found = _listing(target, Path(folder) / "read")
        return tuple(sorted(f"file {path} sha256:{one.sha256}" for path, one in found.items()))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Run the playbook twice; the second run must change nothing."""
        bundle = open_bundle(context.bundle)
        wanted = script_files(bundle, chosen(bundle, step))
        earlier = noted_touched(context)
        if earlier:
            touched = earlier[0]
        else:
            there = _listing(target, _new_folder(context, "before"))
            foreign = [file.path for file in wanted if file.path in there]
            if foreign:
                move = "give the target a `directory` of its own"
                return taken(f"file {foreign[0]}", target.id, move)
            # A folder cannot be told apart once it is full: those around foreign files stay.
            touched = {
                "files": [file.path for file in wanted],
                "folders": list(reversed(folders_of(wanted))),
            }
        note_touched(context, touched)
        started = time.monotonic()
        with tempfile.TemporaryDirectory(dir=context.attempt_dir, prefix=".stage-") as stage:
            archive = Path(stage) / "scripts.tar"
            archive.write_bytes(archive_of(wanted))
            first = _run(RESTORE, target, context, "ansible-1", sent=archive)
            took_ms = int((time.monotonic() - started) * 1000)
            second = _run(RESTORE, target, context, "ansible-2", sent=archive)
        items = list(_compare(wanted, _parsed(second.printed.get(READ_TASK, "")), Canaries.of({})))
        different = sum(item.result != "equal" for item in items)
        size = sum(len(file.body) for file in wanted)
        return Outcome(
            StepStatus.FAILED if different or second.changed else StepStatus.SUCCEEDED,
            f"{len(wanted)} files restored; the second run changed {second.changed} tasks",
            {
                "items_restored": len(wanted), "bytes_restored": size,
                "items_different": different, "first_run_changed": first.changed,
                "second_run_changed": second.changed, "losses": 0,
            },
            tuple(items), (), (), (Measurement("scripts", len(wanted), size, took_ms),), touched,
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every file back and compare its digest and whether it may be executed."""
        bundle, canaries = open_bundle(context.bundle), Canaries.of(step.params)
        wanted = script_files(bundle, chosen(bundle, step))
        found = _listing(target, _new_folder(context, "read"))
        items = list(_compare(wanted, found, canaries))
        items += [
            ItemResult(f"file {path}", "extra")
            for path in sorted(_beside(wanted, found) - {file.path for file in wanted})
        ]
        wrong = {item.item for item in items if item.result != "equal"}
        aspects = {(file.urn, file.aspect) for file in wanted}
        faulty = {(file.urn, file.aspect) for file in wanted if f"file {file.path}" in wrong}
        return compared(
            "files",
            items,
            canaries=canaries,
            proofs=[Proof(urn, aspect) for urn, aspect in sorted(aspects - faulty)],
        )

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Remove the files this step put there, and the folders that are empty then."""
        end_leftovers(context.idempotency_key)
        noted = [touched] if touched else noted_touched(context)
        if not noted:
            return Outcome(StepStatus.SUCCEEDED, "nothing was put there")
        if not _is_there(target):
            return Outcome(StepStatus.SUCCEEDED, "the folder is gone already")
        _run(UNDO, target, context, "undo", **noted[0])
        return Outcome(
            StepStatus.SUCCEEDED, f"{len(noted[0]['files'])} files removed",
            {"files_removed": len(noted[0]["files"])},
        )  # fmt: skip


def _inventory(target: Target) -> Path:
    return target.base / str(target.settings["inventory"])


def _hosts(target: Target) -> str:
    return str(target.settings.get("host", "all"))


def _is_local(target: Target) -> bool:
    # What is local to a worker is not local to us.
    return (
        not target.settings.get("worker")
        and connection_of(_inventory(target), _hosts(target)) == "local"
    )


def _reached(target: Target, environ: Mapping[str, str]) -> tuple[InventoryHost, ...]:
    """Return the host a target names; where it names a group, any host of the inventory."""
    hosts = inventory_of(target.settings, target.base, environ, devices=False)
    return tuple(one for one in hosts if one.name == _hosts(target)) or hosts


def _directory(target: Target) -> str:
    directory = str(target.settings["directory"])
    return str((target.base / directory).absolute()) if _is_local(target) else directory


def _is_there(target: Target) -> bool:
    return not _is_local(target) or Path(_directory(target)).is_dir()


def _new_folder(context: StepContext, name: str) -> Path:
    """Name a folder that is not there yet: an undo may come to the same attempt again."""
    taken = len(list(context.attempt_dir.glob(f"{name}*")))
    return context.attempt_dir / (f"{name}-{taken + 1}" if taken else name)


def _run(
    name: str,
    target: Target,
    context: StepContext,
    label: str,
    *,
    sent: Path | None = None,
    **variables: Any,
) -> PlaybookRun:
    """Play for a step; `sent` goes along as the variable `archive`."""
    folder = _new_folder(context, label)
    options = PlaybookOptions(files=[sent] if sent else [], progress=context.progress)
    if sent:
        # A worker finds it in the project it was sent; here it has a path.
        place = folder.absolute() / "project" / sent.name
        variables["archive"] = sent.name if target.settings.get("worker") else str(place)
    return _play(
        name, target, folder, variables, own=context.workspace / "playbooks",
        owner=context.idempotency_key, options=options,
    )  # fmt: skip


def _play(
    name: str,
    target: Target,
    folder: Path,
    variables: Mapping[str, Any],
    *,
    own: Path | None = None,
    owner: str = "exitkit-read",
    options: PlaybookOptions | None = None,
) -> PlaybookRun:
    """Run the workspace's playbook of that name, or else ours."""
    given = {"directory": _directory(target), **variables}
    with as_file(files("exitkit").joinpath("playbooks")) as shipped:
        mine = own / name if own else shipped / name
        return run_playbook(
            mine if mine.is_file() else shipped / name,
            _inventory(target),
            folder,
            owner=owner,
            hosts=_hosts(target),
            variables=given,
            options=replace(
                options or PlaybookOptions(), worker=tuple(target.settings.get("worker") or ())
            ),
        )


def _listing(target: Target, folder: Path) -> dict[str, _Found]:
    """List the files on the host; on our own machine without the detour through Ansible."""
    if not _is_local(target):
        return _parsed(_play(READ, target, folder, {}).printed.get(READ_TASK, ""))
    root = Path(_directory(target))
    return {
        path.relative_to(root).as_posix(): _Found(
            hashlib.sha256(path.read_bytes()).hexdigest(), os.access(path, os.X_OK)
        )
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def _parsed(printed: str) -> dict[str, _Found]:
    """Read what the task of read_files.yml prints."""
    digests, _, executable = printed.partition("\n\n")
    may_run = set(executable.splitlines())
    found = {}
    for line in digests.splitlines():
        # sha256sum marks a name it had to escape with a backslash; we restore none of those.
        digest, _, path = line.partition("  ")
        if path:
            found[path.removeprefix("./")] = _Found(digest, path in may_run)
    return found


def _compare(
    wanted: tuple[ScriptFile, ...], found: Mapping[str, _Found], canaries: Canaries
) -> Iterator[ItemResult]:
    for file in wanted:
        canaries.expect(file.body)
        there = found.get(file.path)
        if there is None:
            yield ItemResult(f"file {file.path}", "missing")
        elif there.sha256 != file.sha256:
            yield ItemResult(f"file {file.path}", "different", "other bytes")
        elif there.executable != file.executable:
            yield ItemResult(f"file {file.path}", "different", "may be executed, or no longer")
        else:
            canaries.see(file.body)  # the same digest, so the same bytes
            yield ItemResult(f"file {file.path}", "equal")


def _beside(wanted: tuple[ScriptFile, ...], found: Mapping[str, _Found]) -> set[str]:
    """Files in the folders of what was restored: a script beside it may be run in its place."""
    roots = {PurePosixPath(file.path).parts[0] for file in wanted if "/" in file.path}
    return {path for path in found if PurePosixPath(path).parts[0] in roots and "/" in path}
