"""Find in a bundle the objects of buckets, with what came before each, in the order to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from exitkit.model.plan import Step
from exitkit.store.holdings import Holding, chosen, listed, restored_name
from exitkit.store.reader import Bundle


@dataclass(frozen=True, slots=True)
class KeptObject:
    """One object or version of the bundle and where it goes; a delete marker has no path."""

    urn: str
    bucket: str
    key: str
    path: str = ""
    sha256: str = ""
    size_bytes: int = 0
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What people call it."""
        return f"object {self.bucket}/{self.key}"


Chain = tuple[KeptObject, ...]
"""What one key of one bucket held, the oldest first, what it holds now last."""


@dataclass(slots=True)
class KeptBuckets:
    """What the bundle has of the buckets of a step.

    `histories` are by the name of the bucket on the target, of those whose earlier versions we
    hold; `partly` names the assets held in part: nothing about them as a whole can be proved.
    """

    objects: list[KeptObject] = field(default_factory=list)
    histories: dict[str, list[Chain]] = field(default_factory=dict)
    not_held: list[str] = field(default_factory=list)
    partly: set[str] = field(default_factory=set)

    def all(self) -> Iterator[KeptObject]:
        """Yield every object, version and marker, some of them twice."""
        yield from self.objects
        for chains in self.histories.values():
            for chain in chains:
                yield from chain

    def chains(self, keeping: Iterable[str]) -> list[Chain]:
        """Return what to write where the buckets in `keeping` keep versions."""
        whole = set(keeping)
        now = [(one,) for one in self.objects if one.bucket not in whole]
        return now + [chain for name in sorted(whole) for chain in self.histories[name]]

    def losses(self, keeping: Iterable[str]) -> Iterator[str]:
        """Say what of the histories is lost where the buckets in `keeping` keep versions."""
        for bucket, chains in sorted(self.histories.items()):
            versions = sum(bool(one.path) for chain in chains for one in chain)
            if bucket in set(keeping):
                yield f"bucket {bucket}: ids and times of {versions} versions are the provider's"
                continue
            now = sum(one.bucket == bucket for one in self.objects)
            entries = sum(len(chain) for chain in chains)
            yield (
                f"bucket {bucket}: {versions - now} earlier versions and"
                f" {entries - versions} delete markers; the target keeps none"
            )


def kept_buckets(bundle: Bundle, step: Step) -> KeptBuckets:
    """Return the objects of the buckets that a step names, a loss for each one we do not hold."""
    kept = KeptBuckets()
    for holding in chosen(bundle, step):
        if not holding.listing:
            kept.not_held.append(f"bucket {holding.name}: its objects are not in the bundle")
            continue
        bucket, left_out = restored_name(step, holding.name), 0
        now: dict[str, KeptObject] = {}
        for line in listed(bundle, holding):
            if "path" in line:
                now[line["key"]] = _object(holding.urn, bucket, line)
            else:
                left_out += 1
        kept.objects += now.values()
        if left_out:
            kept.not_held.append(f"bucket {holding.name}: {left_out} objects are not in the bundle")
            kept.partly.add(holding.urn)
        if holding.versions:
            _add_history(kept, bundle, holding, bucket, now)
    return kept


def _add_history(
    kept: KeptBuckets, bundle: Bundle, holding: Holding, bucket: str, now: Mapping[str, KeptObject]
) -> None:
    chains, absent = [], 0
    rows = listed(bundle, holding, holding.versions)
    for key, same_key in groupby(rows, key=lambda line: str(line["key"])):
        chain, is_hidden = [], False
        for line in same_key:
            is_latest = line.get("isLatest", False)
            if line.get("isDeleteMarker"):
                chain.append(KeptObject(holding.urn, bucket, key))
                is_hidden = is_latest
            elif not is_latest and "path" in line:
                chain.append(_object(holding.urn, bucket, line))
            else:
                absent += not is_latest
        chain += [now[key]] if key in now else []
        # Without what it holds now, a key would come to hold what it once did.
        if any(one.path for one in chain) and (is_hidden or key in now):
            chains.append(tuple(chain))
    if absent:
        told = f"{absent} earlier versions of objects are not in the bundle"
        kept.not_held.append(f"bucket {holding.name}: {told}")
    if any(one.path for chain in chains for one in chain[:-1]):
        kept.histories[bucket] = chains


def _object(urn: str, bucket: str, line: Mapping[str, Any]) -> KeptObject:
    metadata, tags = (
        {pair["key"]: pair["value"] for pair in line.get(name, ())} for name in ("metadata", "tags")
    )
    return KeptObject(
        urn, bucket, line["key"], line["path"], line["sha256"], line["sizeBytes"],
        line.get("contentType", ""), metadata, tags,
    )  # fmt: skip
