"""Look for what is missing before it hurts: machine, keys, clients, credentials, permissions."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from exitkit import plugins
from exitkit.drivers.ansible_collections import collection_checks
from exitkit.errors import ExitkitError
from exitkit.model.plan import Plan
from exitkit.ports import Check, Collector, Context, Source
from exitkit.workspace.files import Workspace, latest_bundle

FREE_BYTES = 2 * 1024**3
EARLIEST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""exitkit did not exist before: a clock that says less is wrong."""


def machine_checks(root: Path, now: dt.datetime, environ: Mapping[str, str]) -> Iterator[Check]:
    """Look at the machine: Python, disk, clock, git."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", True, version)
    free = shutil.disk_usage(root).free
    yield Check(
        "disk", free >= FREE_BYTES, f"{free // 1024**2} MiB free in {root}",
        "free 2 GiB, or keep the workspace on a larger disk",
    )  # fmt: skip
    yield Check(
        "clock", now >= EARLIEST, f"{now:%Y-%m-%d %H:%M:%S} UTC",
        "set the clock (timedatectl set-ntp true): seals and deadlines rest on it",
    )  # fmt: skip
    yield _program("git", environ, "install git: scripts are taken along with their history")


def rehearsal_checks(plan: Plan, environ: Mapping[str, str]) -> Iterator[Check]:
    """Look for what the steps of the plan, and the restorers they name, need."""
    needs: set[str] = set()
    collections: set[str] = set()
    for folder, attribute, wanted in (
        ("steps", "kind", {step.kind for step in plan.steps()}),
        ("restorers", "what", {str(s.params["what"]) for s in plan.steps() if "what" in s.params}),
    ):
        known = {getattr(plugin, attribute): plugin for plugin in plugins.load_all(folder)}
        for name in sorted(wanted):
            if name in known:
                needs.update(known[name].needs)
                collections.update(getattr(known[name], "collections", ()))
                yield from _clients(f"plan: {attribute} {name}", known[name].needs)
            else:
                yield Check(
                    f"plan: {attribute} {name}", False, "unknown", "run `exitkit plan check`"
                )
    if any(need.startswith("ansible") for need in needs):
        beside = str(Path(sys.executable).parent)
        path = f"{beside}:{environ.get('PATH', '')}"
        move = "pip install 'exitkit-reversibility[rehearsal]'"
        yield _program("ansible-playbook", {"PATH": path}, move)
    yield from collection_checks(sorted(collections))


def workspace_checks(
    workspace: Workspace, now: dt.datetime, environ: Mapping[str, str]
) -> Iterator[Check]:
    """Look at the keys, the answers that expire, and each source, permission by permission."""
    yield from _keys(workspace)
    for answer in workspace.acknowledgements:
        yield Check(
            f"acknowledgement {answer.source} {answer.operation}",
            answer.holds_on(now.date()),
            f"from {answer.on} until {answer.until}",
            "renew it in exitkit.yaml, or grant what the call needs",
        )
    newest = latest_bundle(workspace)
    yield Check("last bundle", True, newest.name if newest else "none yet")
    known = {plugin.type: plugin for plugin in plugins.load_all("collectors")}
    with tempfile.TemporaryDirectory(prefix="exitkit-doctor-") as spool:
        context = Context(
            now=now, spool=Path(spool), mask_key=bytes(32), environ=environ,
            limits=workspace.limits,
        )  # fmt: skip
        for source in workspace.sources:
            yield from _source(source, known.get(source.type), context)


def _source(source: Source, collector: Collector | None, context: Context) -> Iterator[Check]:
    if collector is None:
        move = "install the package that brings it, or correct exitkit.yaml"
        yield Check(source.id, False, f"no collector of type {source.type}", move)
        return
    absent = plugins.missing(collector.needs)
    if absent:
        yield from _clients(source.id, collector.needs)
        return
    try:
        yield from collector.checks(source, context)
    except ExitkitError as fault:
        yield Check(source.id, False, str(fault), "do what the message says, then look again")
    except Exception as fault:
        # A check that breaks is itself a finding: the other sources still get theirs.
        detail = f"the check failed: {type(fault).__name__}"
        yield Check(source.id, False, detail, "report it as a bug of the collector")


def _clients(who: str, needs: tuple[str, ...]) -> Iterator[Check]:
    for module, extra in plugins.missing(needs):
        move = f"pip install 'exitkit-reversibility[{extra}]'"
        yield Check(f"{who}: {module}", False, "not installed", move)


def _keys(workspace: Workspace) -> Iterator[Check]:
    if workspace.signing_key is None:
        yield Check(
            "signing key", False, "exitkit.yaml names none: bundles stay unsealed",
            "add `signing: {key: keys/exitkit.pem}`, then run `exitkit keygen`",
        )  # fmt: skip
    else:
        yield _private_file("signing key", workspace.signing_key, "run `exitkit keygen`")
    for path in workspace.trusted_keys:
        yield Check(
            "trusted key", path.is_file(), str(path), "run `exitkit keygen`, or copy it here"
        )
    yield _private_file(
        "masking key", workspace.masking_key,
        "write 32 random bytes there: openssl rand -hex 32",
    )  # fmt: skip


def _private_file(subject: str, path: Path, move: str) -> Check:
    if not path.is_file():
        return Check(subject, False, f"{path}: not there", move)
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check(subject, not mode & 0o077, f"{path} (mode {mode:03o})", f"chmod 600 {path}")


def _program(name: str, environ: Mapping[str, str], move: str) -> Check:
    found = shutil.which(name, path=environ.get("PATH"))
    return Check(name, found is not None, found or "not on PATH", move)
