"""Restore objects into another maker's store, hash what it gives back, and name what it drops.

Step params: `{what: objects, target: <s3 target>, assets: {native_type: "AWS::S3::Bucket",
names: ["*"]}}`; optional `rename: "{name}-rehearsal"`, `canaries: [...]`, `canary_pattern`.
Target settings: of type s3 `{endpoint_url, access_key_env, secret_key_env, region}`; of type
rclone `{remote: azureblob | swift | s3, options, options_env}`.
Earlier versions that the bundle holds are written one after the other where the target keeps
versions; a bucket that we make is asked to.
An object that was there already is never overwritten, and never deleted.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from exitkit.assess.comparison import Canaries, compared, failed, taken
from exitkit.drivers.object_store import ObjectStore, StoredVersion, StoreError, open_object_store
from exitkit.drivers.rclone_store import RcloneStore, place_of, rclone_store
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.kept_objects import Chain, KeptBuckets, KeptObject, kept_buckets
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.touched import note_touched, noted_touched

Store = ObjectStore | RcloneStore

AT_ONCE = 8
"""Objects that are written, or read back, at the same time; most of each is waiting."""
_Result = TypeVar("_Result")
OVERLAP = 256
"""Bytes of the chunk before that are looked at again, so that no canary hides on a seam."""


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
        """List buckets, objects and versions, each with the digest of its bytes."""
        lines = []
        with _opened(target, environ) as store:
            for bucket in store.buckets():
                lines.append(f"bucket {bucket}")
                for key in store.keys(bucket):
                    digest = _digest(store.read(bucket, key))
                    lines.append(f"object {bucket}/{key} sha256:{digest}")
                for key, rows in store.versions(bucket).items():
                    for one in rows:
                        named = f"{bucket}/{key} {one.version}"
                        if one.is_marker:
                            lines.append(f"delete marker {named}")
                        elif not one.is_latest:
                            digest = _digest(store.read(bucket, key, one.version))
                            lines.append(f"version {named} sha256:{digest}")
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
        kept = kept_buckets(bundle, step)
        started = time.monotonic()
        touched = _note(store, kept, context)
        foreign = _foreign(kept, touched)
        if foreign:
            return taken(foreign[0].label, target.id)
        _make_buckets(store, kept, touched)
        keeping = _keeping(store, kept)
        chains = kept.chains(keeping)
        refused = _write(bundle, store, chains, keeping, context)
        versions = _versions_of(store, keeping)
        found = _side_by_side(lambda chain: list(_chain_back(store, chain, versions)), chains)
        items = [item for some in found for item in some]
        objects = [one for chain in chains for one in chain if one.path]
        size = sum(one.size_bytes for one in objects)
        took_ms = int((time.monotonic() - started) * 1000)
        different = sum(item.result in ("different", "missing", "extra") for item in items)
        losses = (*kept.not_held, *kept.losses(keeping), *refused, *_losses(items))
        return Outcome(
            StepStatus.FAILED if objects and different == len(objects) else StepStatus.SUCCEEDED,
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
        kept = kept_buckets(bundle, step)
        keeping = _keeping(store, kept)
        items: list[ItemResult] = []
        unequal: set[str] = set()
        versions = _versions_of(store, keeping)
        for chain in kept.chains(keeping):
            for one in chain:
                _watch(_kept(bundle, one), canaries.expect)
            found = list(_chain_back(store, chain, versions, canaries))
            items += found
            if any(item.result in ("different", "missing", "extra") for item in found):
                unequal.add(chain[-1].urn)
        extra = list(_extra(store, kept, context))
        urns = {one.urn for one in kept.objects} - unequal - kept.partly
        proofs = [] if extra else [Proof(urn, "data") for urn in sorted(urns)]
        losses = (*kept.not_held, *kept.losses(keeping), *_losses(items))
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
                present = _keys(store, bucket) if bucket in there else set()
                ours = present & set(keys)
                versions = store.versions(bucket) if ours else {}
                for key in sorted(ours):
                    _erase(store, bucket, key, versions)
                    deleted += 1
        buckets = {bucket for one in noted for bucket in one["buckets"]} & there
        left = [bucket for bucket in sorted(buckets) if _keys(store, bucket)]
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


def _keys(store: Store, bucket: str) -> set[str]:
    """Return the keys of a bucket, those hidden by a delete marker too."""
    return {*store.keys(bucket), *store.versions(bucket)}


Versions = Mapping[str, Mapping[str, list[StoredVersion]]]


def _versions_of(store: Store, buckets: Iterable[str]) -> Versions:
    return {bucket: store.versions(bucket) for bucket in sorted(buckets)}


def _keeping(store: Store, kept: KeptBuckets) -> set[str]:
    """Return the buckets of which we hold earlier versions, and that keep them."""
    there = set(store.buckets())
    return {name for name in set(kept.histories) & there if store.versioning(name) == "Enabled"}


def _note(store: Store, kept: KeptBuckets, context: StepContext) -> dict[str, Any]:
    """Write down which buckets and keys are ours: those not there before the first attempt."""
    earlier = noted_touched(context)
    if earlier:
        touched = earlier[0]
    else:
        there = set(store.buckets())
        wanted: dict[str, set[str]] = {}
        for one in kept.all():
            wanted.setdefault(one.bucket, set()).add(one.key)
        ours = {
            bucket: sorted(keys - (_keys(store, bucket) if bucket in there else set()))
            for bucket, keys in sorted(wanted.items())
        }
        touched = {"buckets": sorted(set(ours) - there), "objects": ours}
    note_touched(context, touched)
    return touched


def _foreign(kept: KeptBuckets, touched: Mapping[str, Any]) -> list[KeptObject]:
    ours = {bucket: set(keys) for bucket, keys in touched["objects"].items()}
    return [one for one in kept.all() if one.key not in ours[one.bucket]]


def _make_buckets(store: Store, kept: KeptBuckets, touched: Mapping[str, Any]) -> None:
    there = set(store.buckets())
    for bucket in touched["buckets"]:
        if bucket not in there:
            store.create_bucket(bucket)
        if bucket in kept.histories:
            # Only a bucket of our own: how somebody else's keeps its objects is not ours to say.
            store.keep_versions(bucket)


def _write(
    bundle: Bundle,
    store: Store,
    chains: Sequence[Chain],
    keeping: set[str],
    context: StepContext,
) -> list[str]:
    """Write every object; one that the store refuses is a loss and does not cost the others."""
    left = _versions_of(store, keeping)

    def written(chain: Chain) -> str:
        first = chain[0]
        try:
            if left.get(first.bucket, {}).get(first.key):
                # An attempt before this one was cut short; its versions would come twice.
                _erase(store, first.bucket, first.key, left[first.bucket])
            for one in chain:
                if one.path:
                    source = bundle.content_path(one.path)
                    described = one.content_type, one.metadata, one.tags
                    store.write(one.bucket, one.key, source, *described)
                else:
                    store.delete(one.bucket, one.key)
        except StoreError as fault:
            return f"{first.label}: refused, {fault}"
        return ""

    refused = []
    for number, refusal in enumerate(_side_by_side(written, chains), 1):
        refused += [refusal] if refusal else []
        if number % 100 == 0:
            context.progress(f"{number} of {len(chains)} objects")
    return refused


def _erase(
    store: Store, bucket: str, key: str, versions: Mapping[str, list[StoredVersion]]
) -> None:
    """Delete all there is of a key that is ours."""
    if key not in versions:
        store.delete(bucket, key)
    for one in versions.get(key, ()):
        store.delete(bucket, key, one.version)


def _side_by_side(work: Callable[[Chain], _Result], chains: Sequence[Chain]) -> Iterator[_Result]:
    """Yield what `work` returns for each key, in order; the first fault ends it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(work, chains)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _kept(bundle: Bundle, one: KeptObject) -> Iterator[bytes]:
    if not one.path:
        return
    with bundle.content_path(one.path).open("rb") as stream:
        while chunk := stream.read(1024 * 1024):
            yield chunk


def _digest(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _chain_back(
    store: Store, chain: Chain, versions: Versions, canaries: Canaries | None = None
) -> Iterator[ItemResult]:
    """Read back all that a key holds and once held, and compare it place by place."""
    last = chain[-1]
    if last.bucket not in versions:
        yield from _read_back(store, last, last.label, "", canaries)
        return
    rows = versions[last.bucket].get(last.key, [])
    for number, one in enumerate(chain, 1):
        label = f"{one.label} version {number} of {len(chain)}"
        if number > len(rows):
            yield ItemResult(label, "missing")
        elif rows[number - 1].is_marker == bool(one.path):
            other = "a delete marker" if one.path else "a version"
            yield ItemResult(label, "different", f"{other} in its place")
        elif one.path:
            yield from _read_back(store, one, label, rows[number - 1].version, canaries)
        else:
            yield ItemResult(label, "equal")
    for number in range(len(chain), len(rows)):
        yield ItemResult(f"{last.label} version {number + 1}", "extra")


def _read_back(
    store: Store, one: KeptObject, label: str, version: str, canaries: Canaries | None
) -> Iterator[ItemResult]:
    digest = hashlib.sha256()

    def hashed(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    try:
        described, chunks = store.fetch(one.bucket, one.key, version)
        _watch(hashed(chunks), canaries.see if canaries else lambda text: None)
    except StoreError as fault:
        if not fault.absent:
            raise
        yield ItemResult(label, "missing")
        return
    equal = digest.hexdigest() == one.sha256
    sizes = f"{described.size_bytes} bytes where {one.size_bytes} were written"
    detail = "" if equal else sizes if described.size_bytes != one.size_bytes else "other bytes"
    yield ItemResult(label, "equal" if equal else "different", detail)
    if one.content_type and described.content_type != one.content_type:
        yield ItemResult(label, "lost-field", "content type")
    for name in sorted(one.metadata):
        if described.metadata.get(name) == one.metadata[name]:
            continue
        respelt = {key.lower() for key in described.metadata} & {name.lower()}
        detail = f"case of metadata key {name}" if respelt else f"metadata {name}"
        yield ItemResult(label, "lost-field", detail)
    yield from _lost_tags(store, one, label, version)


def _lost_tags(store: Store, one: KeptObject, label: str, version: str) -> Iterator[ItemResult]:
    found = store.tags(one.bucket, one.key, version) if one.tags else {}
    for name in sorted(one.tags):
        if found.get(name) != one.tags[name]:
            yield ItemResult(label, "lost-field", f"tag {name}")


def _watch(chunks: Iterator[bytes], look: Any) -> None:
    before = b""
    for chunk in chunks:
        look(before + chunk)
        before = chunk[-OVERLAP:]


def _losses(items: list[ItemResult]) -> tuple[str, ...]:
    lost = Counter(
        (item.item.removeprefix("object ").split("/", 1)[0], item.detail)
        for item in items
        if item.result == "lost-field"
    )
    return tuple(
        f"bucket {bucket}: {detail} of {count} objects"
        for (bucket, detail), count in sorted(lost.items())
    )


def _extra(store: Store, kept: KeptBuckets, context: StepContext) -> Iterator[ItemResult]:
    """Objects in a bucket that a restore of this run created, which the bundle does not hold."""
    made = {
        bucket
        for outcome in context.earlier.values()
        for bucket in outcome.touched.get("buckets", ())
    }
    known = {(one.bucket, one.key) for one in kept.all()}
    for bucket in sorted(made & {one.bucket for one in kept.all()} & set(store.buckets())):
        for key in sorted(_keys(store, bucket)):
            if (bucket, key) not in known:
                yield ItemResult(f"object {bucket}/{key}", "extra")
