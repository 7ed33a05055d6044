"""Put the objects of buckets on a local disk, hash what it gives back, lose no key.

Step params: `{what: local-objects, target: <folder target>, assets: {native_type:
"AWS::S3::Bucket", names: ["*"]}}`; optional `rename`, `canaries`, `canary_pattern`. Each bucket
becomes a folder with `objects/` and `objects.jsonl`, which says for each file its key, content
type, metadata and tags: a key that is no path of a disk gets a name made from its digest.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically
from exitkit.store.holdings import chosen, listed, restored_name
from exitkit.store.local_ground import (
    LocalGround,
    digest_of,
    fill,
    ground_inventory,
    ground_of,
)
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle

LISTING = "objects.jsonl"
_SEGMENT = re.compile(r"[^/\x00-\x1f]{1,200}\Z")
_LONGEST_KEY_BYTES = 900


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of the bundle and the file it becomes."""

    urn: str
    bucket: str
    key: str
    file: str
    line: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"object {self.bucket}/{self.key}"

    @property
    def place(self) -> str:
        return f"{self.bucket}/objects/{self.file}"


class LocalObjectsRestorer(LocalGround):
    """Move objects to a folder."""

    what: ClassVar[str] = "local-objects"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List everything in the folder, whoever put it there."""
        return tuple(sorted(ground_inventory(target)))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write every object, then read all of them back and hash."""
        bundle = open_bundle(context.bundle)
        objects, losses, _ = _objects(bundle, step)
        names = sorted({one.bucket for one in objects})

        def written() -> Iterator[ItemResult]:
            for one in objects:
                path = ground_of(target) / one.place
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(bundle.content_path(one.line["path"]), path)
            for name in names:
                lines = [_described(one) for one in objects if one.bucket == name]
                body = b"".join(canonical_bytes(line) + b"\n" for line in lines)
                write_atomically(ground_of(target) / name / LISTING, body)
            yield from (_read_back(one, target, None) for one in objects)

        size = sum(int(one.line["sizeBytes"]) for one in objects)
        return fill(
            names, written, target, context, losses=losses,
            what="local-objects", count=len(objects), size_bytes=size,
            said=f"{len(objects)} objects, {size} bytes restored, {{different}} not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every file back and compare its digest; name files that are there beside them."""
        bundle, canaries = open_bundle(context.bundle), Canaries.of(step.params)
        objects, losses, partly = _objects(bundle, step)
        items, faulty = [], set()
        for one in objects:
            canaries.expect(bundle.content_path(one.line["path"]).read_bytes())
            item = _read_back(one, target, canaries)
            items.append(item)
            if item.result != "equal":
                faulty.add(one.urn)
        extra = list(_extra(objects, target))
        urns = {one.urn for one in objects} - faulty - partly
        proofs = [] if extra else [Proof(urn, "data") for urn in sorted(urns)]
        return compared(
            "objects", [*items, *extra], canaries=canaries, losses=losses, proofs=proofs
        )


def _objects(bundle: Bundle, step: Step) -> tuple[list[_Object], tuple[str, ...], set[str]]:
    """Return what becomes a file, what is lost, and the assets of which we hold only a part."""
    objects: list[_Object] = []
    losses: list[str] = []
    partly: set[str] = set()
    for holding in chosen(bundle, step):
        if not holding.listing:
            losses.append(f"bucket {holding.name}: its objects are not in the bundle")
            continue
        every = list(listed(bundle, holding))
        lines = [line for line in every if "path" in line]
        if len(lines) < len(every):
            told = f"{len(every) - len(lines)} objects are not in the bundle"
            losses.append(f"bucket {holding.name}: {told}")
            partly.add(holding.urn)
        if holding.versions:
            losses.append(f"bucket {holding.name}: earlier versions of objects; a folder has none")
        keys = {str(line["key"]) for line in lines}
        bucket = segment(restored_name(step, holding.name))
        for line in lines:
            key = str(line["key"])
            objects.append(_Object(holding.urn, bucket, key, _file_of(key, keys), line))
    return objects, tuple(losses), partly


def _file_of(key: str, keys: set[str]) -> str:
    """Return the key where a disk can have such a file, else a name made from its digest."""
    parts = key.split("/")
    legal = all(_SEGMENT.match(part) and part not in (".", "..") for part in parts)
    # A disk has no file `a` beside `a/b`, and this folder is ours.
    is_folder = any(other.startswith(f"{key}/") for other in keys)
    is_short = len(key.encode("utf-8", "surrogatepass")) <= _LONGEST_KEY_BYTES
    if legal and is_short and not is_folder and parts[0] != ".by-digest":
        return key
    return f".by-digest/{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _described(one: _Object) -> dict[str, Any]:
    kept = ("key", "sha256", "sizeBytes", "contentType", "metadata", "tags")
    return {name: one.line[name] for name in kept if name in one.line} | {"file": one.file}


def _read_back(one: _Object, target: Target, canaries: Canaries | None) -> ItemResult:
    path: Path = ground_of(target) / one.place
    if path.is_symlink() or not path.is_file():
        return ItemResult(one.label, "missing")
    if digest_of(path) != one.line["sha256"]:
        return ItemResult(one.label, "different", "other bytes")
    if canaries:
        canaries.see(path.read_bytes())
    return ItemResult(one.label, "equal")


def _extra(objects: list[_Object], target: Target) -> Iterator[ItemResult]:
    known = {one.place for one in objects}
    root = ground_of(target)
    for bucket in sorted({one.bucket for one in objects}):
        for path in sorted((root / bucket / "objects").rglob("*")):
            place = path.relative_to(root).as_posix()
            if not path.is_dir() and place not in known:
                yield ItemResult(f"file {place}", "extra")
