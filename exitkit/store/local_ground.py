"""Keep a local folder that a run writes to as it was: claim names first, remove only those."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from exitkit.assess.comparison import failed, restored, taken
from exitkit.errors import CannotRun
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.touched import note_touched, noted_touched

_CHUNK_BYTES = 1024 * 1024


class LocalGround:
    """What a restorer to a folder need not say for itself."""

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the folder and those around it."""
        return ground_identities(target)

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Leave the listing to the restorer of local objects, which lists every file."""
        return ()

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Remove what the step made, and nothing else."""
        return release(target, touched, context)


def ground_of(target: Target) -> Path:
    """Return the folder that a target of type `folder` is."""
    return (target.base / str(target.settings["path"])).absolute()


def ground_identities(target: Target) -> frozenset[str]:
    """Name the folder and all around it: what lies inside a source is the source."""
    folder = ground_of(target).resolve()
    return frozenset(f"folder:{one}" for one in (folder, *folder.parents))


def ground_inventory(target: Target) -> Iterator[str]:
    """Yield a line for every folder, file and link there, each file with its digest."""
    root = ground_of(target)
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        for name in folders:
            yield f"folder {(here / name).relative_to(root).as_posix()}"
        for name in names:
            path = here / name
            place = path.relative_to(root).as_posix()
            if path.is_symlink():
                yield f"link {place} {path.readlink()}"
            elif path.is_file():
                yield f"file {place} sha256:{digest_of(path)}"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def claim(target: Target, names: Sequence[str], context: StepContext) -> str:
    """Make `names` of the target ours, empty; return the one that is somebody else's, or nothing.

    What an earlier attempt at the same step made is removed, so that the next one starts afresh.
    """
    root = ground_of(target)
    ours = {name for noted in noted_touched(context) for name in noted["made"]}
    foreign = [name for name in names if os.path.lexists(root / name) and name not in ours]
    if foreign:
        return foreign[0]
    note_touched(context, touched_by(names))
    for name in names:
        _remove(root, name)
    root.mkdir(parents=True, exist_ok=True)
    return ""


def fill(
    names: Collection[str],
    work: Callable[[], Iterable[ItemResult]],
    target: Target,
    context: StepContext,
    *,
    what: str,
    count: int,
    size_bytes: int,
    said: str,
    losses: Sequence[str],
) -> Outcome:
    """Claim `names`, let `work` write there and read back, and measure how long that took.

    `what` is the category of the measurement; `said` tells what was moved, with `{different}` for
    how many items are not as they were.
    """
    claimed = sorted(names)
    foreign = claim(target, claimed, context)
    if foreign:
        return taken(foreign, target.id)
    touched, started = touched_by(claimed), time.monotonic()
    try:
        items = list(work())
    except CannotRun as fault:
        return failed(f"{target.id}: {fault}", touched)
    took_ms = int((time.monotonic() - started) * 1000)
    moved = Measurement(what, count, size_bytes, took_ms)
    return restored(said, items, moved=moved, losses=losses, touched=touched)


def touched_by(names: Sequence[str]) -> dict[str, Any]:
    """Return what an undo needs."""
    return {"made": sorted(names)}


def release(target: Target, touched: Mapping[str, Any], context: StepContext) -> Outcome:
    """Remove what this step made, and nothing else."""
    noted = [touched] if touched else noted_touched(context)
    names = sorted({name for one in noted for name in one["made"]})
    there = [name for name in names if os.path.lexists(ground_of(target) / name)]
    for name in there:
        _remove(ground_of(target), name)
    return Outcome(
        StepStatus.SUCCEEDED, f"{len(there)} removed from {target.id}", {"removed": len(there)}
    )


def _remove(root: Path, name: str) -> None:
    path = root / name
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a name in a folder")
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
