"""Restore objects into another maker's store, hash what it gives back, and name what it drops.

Step params: `{what: objects, target: <s3 target>, assets: {native_type: "AWS::S3::Bucket",
names: ["*"]}}`; optional `rename: "{name}-rehearsal"`, `canaries: [...]`, `canary_pattern`.
Target settings: of type s3 `{endpoint_url, access_key_env, secret_key_env, region}`; of type
rclone `{remote: azureblob | swift | s3, options, options_env}`.
An object that was there already is never overwritten, and never deleted.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from exitkit.assess.comparison import Canaries, compared, failed, taken
from exitkit.drivers.object_store import ObjectStore, StoreError, open_object_store
from exitkit.drivers.rclone_store import RcloneStore, place_of, rclone_store
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, listed, restored_name
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.touched import note_touched, noted_touched

Store = ObjectStore | RcloneStore

AT_ONCE = 8
"""Objects that are written, or read back, at the same time; most of each is waiting."""
_Result = TypeVar("_Result")
OVERLAP = 256
"""Bytes of the chunk before that are looked at again, so that no canary hides on a seam."""


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of the bundle and where it goes."""

    urn: str
    bucket: str
    key: str
    sha256: str
    size_bytes: int
    path: str
    content_type: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"object {self.bucket}/{self.key}"


class ObjectsRestorer:
    """Move the objects of buckets to an S3 endpoint."""

    what: ClassVar[str] = "objects"
    target_types: ClassVar[tuple[str, ...]] = ("s3", "rclone")
    needs: ClassVar[tuple[str, ...]] = ("boto3:rehearsal", "obstore:rehearsal")

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the endpoint, and the account where one address serves many."""
        who = f"target {target.id}"
        if target.type == "rclone":
            return frozenset({f"endpoint:{place_of(target.settings, environ, who)}"})
        store = open_object_store(target.settings, environ, who)
        account = store.account()
        names = {f"endpoint:{store.endpoint}", f"aws-account:{account}"}
        return frozenset(names if account else {f"endpoint:{store.endpoint}"})

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List buckets and objects, each object with the digest of its bytes."""
        lines = []
        with _opened(target, environ) as store:
            for bucket in store.buckets():
                lines.append(f"bucket {bucket}")
                for key in store.keys(bucket):
                    digest = hashlib.sha256()
                    for chunk in store.read(bucket, key):
                        digest.update(chunk)
                    lines.append(f"object {bucket}/{key} sha256:{digest.hexdigest()}")
        return tuple(sorted(lines))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write every object, then read all of them back and hash."""
        try:
            with _opened(target, context.environ) as store:
                return self._restore(step, target, context, store)
        except StoreError as fault:
            return failed(f"{target.id}: {fault}")

    def _restore(self, step: Step, target: Target, context: StepContext, store: Store) -> Outcome:
        bundle = open_bundle(context.bundle)
        objects, not_held, _ = _objects(bundle, step)
        started = time.monotonic()
        touched = _note(store, objects, context)
        foreign = _foreign(store, objects, touched)
        if foreign:
            return taken(foreign[0].label, target.id)
        refused = _write(bundle, store, objects, touched, context)
        found = _side_by_side(lambda one: list(_read_back(store, one, None)), objects)
        items = [item for some in found for item in some]
        size = sum(one.size_bytes for one in objects)
        took_ms = int((time.monotonic() - started) * 1000)
        different = sum(item.result in ("different", "missing") for item in items)
        losses = (*not_held, *refused, *_losses(objects, items))
        nothing = bool(objects) and different == len(objects)
        return Outcome(
            StepStatus.FAILED if nothing else StepStatus.SUCCEEDED,
            f"{len(objects)} objects, {size} bytes restored, {different} not as they were",
            {
                "items_restored": len(objects), "bytes_restored": size,
                "items_different": different, "losses": len(losses),
            },
            tuple(items), losses, (), (Measurement("objects", len(objects), size, took_ms),),
            touched,
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every object back and compare its digest, type and metadata."""
        with _opened(target, context.environ) as store:
            return self._compare(step, context, store)

    def _compare(self, step: Step, context: StepContext, store: Store) -> Outcome:
        bundle, canaries = open_bundle(context.bundle), Canaries.of(step.params)
        objects, not_held, partly = _objects(bundle, step)
        items: list[ItemResult] = []
        unequal: set[str] = set()
        for one in objects:
            _watch(_kept(bundle, one), canaries.expect)
            found = list(_read_back(store, one, canaries))
            items += found
            unequal |= {one.urn for item in found if item.result in ("different", "missing")}
        extra = list(_extra(store, objects, context))
        urns = {one.urn for one in objects} - unequal - partly
        proofs = [] if extra else [Proof(urn, "data") for urn in sorted(urns)]
        losses = (*not_held, *_losses(objects, items))
        return compared(
            "objects", [*items, *extra], canaries=canaries, losses=losses, proofs=proofs
        )

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Delete the objects and buckets this step created, and no other."""
        noted = [touched] if touched else noted_touched(context)
        with _opened(target, context.environ) as store:
            return self._undo(noted, store)

    def _undo(self, noted: Sequence[Mapping[str, Any]], store: Store) -> Outcome:
        there, deleted = set(store.buckets()), 0
        for one in noted:
            for bucket, keys in one["objects"].items():
                present = set(store.keys(bucket)) if bucket in there else set()
                for key in sorted(present & set(keys)):
                    store.delete(bucket, key)
                    deleted += 1
        buckets = {bucket for one in noted for bucket in one["buckets"]} & there
        left = [bucket for bucket in sorted(buckets) if next(store.keys(bucket), None) is not None]
        for bucket in sorted(buckets - set(left)):
            store.delete_bucket(bucket)
        kept = f"; kept {', '.join(left)}: somebody else wrote there" if left else ""
        return Outcome(
            StepStatus.SUCCEEDED, f"{deleted} objects deleted{kept}", {"objects_deleted": deleted}
        )


@contextmanager
def _opened(target: Target, environ: Mapping[str, str]) -> Iterator[Store]:
    who = f"target {target.id}"
    if target.type == "rclone":
        with rclone_store(target.settings, environ, who) as store:
            yield store
    else:
        yield open_object_store(target.settings, environ, who)


def _objects(bundle: Bundle, step: Step) -> tuple[list[_Object], tuple[str, ...], set[str]]:
    """Return the objects to restore, a loss for each bucket or object we do not hold, and the ids.

    The ids are those of buckets held in part: nothing about them as a whole can be proved.
    """
    objects: list[_Object] = []
    not_held: list[str] = []
    partly: set[str] = set()
    for holding in chosen(bundle, step):
        if not holding.listing:
            not_held.append(f"bucket {holding.name}: its objects are not in the bundle")
            continue
        bucket, left_out = restored_name(step, holding.name), 0
        for line in listed(bundle, holding):
            if "path" not in line:
                left_out += 1
                continue
            metadata, tags = (
                {pair["key"]: pair["value"] for pair in line.get(name, ())}
                for name in ("metadata", "tags")
            )
            objects.append(
                _Object(
                    holding.urn, bucket, line["key"], line["sha256"], line["sizeBytes"],
                    line["path"], line.get("contentType", ""), metadata, tags,
                )
            )  # fmt: skip
        if left_out:
            not_held.append(f"bucket {holding.name}: {left_out} objects are not in the bundle")
            partly.add(holding.urn)
    return objects, tuple(not_held), partly


def _note(store: Store, objects: list[_Object], context: StepContext) -> dict[str, Any]:
    """Write down which buckets and keys are ours: those not there before the first attempt."""
    earlier = noted_touched(context)
    if earlier:
        touched = earlier[0]
    else:
        there = set(store.buckets())
        ours: dict[str, list[str]] = {}
        for bucket in sorted({one.bucket for one in objects}):
            present = set(store.keys(bucket)) if bucket in there else set()
            keys = {one.key for one in objects if one.bucket == bucket}
            ours[bucket] = sorted(keys - present)
        touched = {"buckets": sorted(set(ours) - there), "objects": ours}
    note_touched(context, touched)
    return touched


def _foreign(store: Store, objects: list[_Object], touched: Mapping[str, Any]) -> list[_Object]:
    ours = {bucket: set(keys) for bucket, keys in touched["objects"].items()}
    return [one for one in objects if one.key not in ours[one.bucket]]


def _write(
    bundle: Bundle,
    store: Store,
    objects: list[_Object],
    touched: Mapping[str, Any],
    context: StepContext,
) -> list[str]:
    """Write every object; one that the store refuses is a loss and does not cost the others."""
    there = set(store.buckets())
    for bucket in sorted(set(touched["buckets"]) - there):
        store.create_bucket(bucket)

    def written(one: _Object) -> str:
        source = bundle.content_path(one.path)
        try:
            store.write(one.bucket, one.key, source, one.content_type, one.metadata, one.tags)
        except StoreError as fault:
            return f"{one.label}: refused, {fault}"
        return ""

    refused = []
    for number, refusal in enumerate(_side_by_side(written, objects), 1):
        refused += [refusal] if refusal else []
        if number % 100 == 0:
            context.progress(f"{number} of {len(objects)} objects")
    return refused


def _side_by_side(work: Callable[[_Object], _Result], objects: list[_Object]) -> Iterator[_Result]:
    """Yield what `work` returns for each object, in order; the first fault ends it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(work, objects)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _kept(bundle: Bundle, one: _Object) -> Iterator[bytes]:
    with bundle.content_path(one.path).open("rb") as stream:
        while chunk := stream.read(1024 * 1024):
            yield chunk


def _read_back(store: Store, one: _Object, canaries: Canaries | None) -> Iterator[ItemResult]:
    digest = hashlib.sha256()

    def hashed(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    try:
        described, chunks = store.fetch(one.bucket, one.key)
        _watch(hashed(chunks), canaries.see if canaries else lambda text: None)
    except StoreError as fault:
        if not fault.absent:
            raise
        yield ItemResult(one.label, "missing")
        return
    equal = digest.hexdigest() == one.sha256
    sizes = f"{described.size_bytes} bytes where {one.size_bytes} were written"
    detail = "" if equal else sizes if described.size_bytes != one.size_bytes else "other bytes"
    yield ItemResult(one.label, "equal" if equal else "different", detail)
    if one.content_type and described.content_type != one.content_type:
        yield ItemResult(one.label, "lost-field", "content type")
    for name in sorted(one.metadata):
        if described.metadata.get(name) == one.metadata[name]:
            continue
        respelt = {key.lower() for key in described.metadata} & {name.lower()}
        detail = f"case of metadata key {name}" if respelt else f"metadata {name}"
        yield ItemResult(one.label, "lost-field", detail)
    yield from _lost_tags(store, one)


def _lost_tags(store: Store, one: _Object) -> Iterator[ItemResult]:
    found = store.tags(one.bucket, one.key) if one.tags else {}
    for name in sorted(one.tags):
        if found.get(name) != one.tags[name]:
            yield ItemResult(one.label, "lost-field", f"tag {name}")


def _watch(chunks: Iterator[bytes], look: Any) -> None:
    before = b""
    for chunk in chunks:
        look(before + chunk)
        before = chunk[-OVERLAP:]


def _losses(objects: list[_Object], items: list[ItemResult]) -> tuple[str, ...]:
    lost = Counter(
        (item.item.removeprefix("object ").split("/", 1)[0], item.detail)
        for item in items
        if item.result == "lost-field"
    )
    return tuple(
        f"bucket {bucket}: {detail} of {count} objects"
        for (bucket, detail), count in sorted(lost.items())
    )


def _extra(store: Store, objects: list[_Object], context: StepContext) -> Iterator[ItemResult]:
    """Objects in a bucket that a restore of this run created, which the bundle does not hold."""
    made = {
        bucket
        for outcome in context.earlier.values()
        for bucket in outcome.touched.get("buckets", ())
    }
    known = {(one.bucket, one.key) for one in objects}
    for bucket in sorted(made & {one.bucket for one in objects} & set(store.buckets())):
        for key in store.keys(bucket):
            if (bucket, key) not in known:
                yield ItemResult(f"object {bucket}/{key}", "extra")
