"""Choose what a partial exercise restores: by risk, and something at random that none foresaw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PER_CATEGORY = 1
AT_RANDOM = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """An asset of the sample; `because` is `category`, `critical` or `random`."""

    asset: str
    name: str
    category: str
    because: str


def sample(
    assets: Iterable[Mapping[str, Any]],
    seed: str,
    critical: Sequence[str] = (),
    per_category: int = PER_CATEGORY,
    at_random: int = AT_RANDOM,
) -> tuple[Chosen, ...]:
    """Return the sample: something of every kind, all that is critical, and some by lot.

    `critical` names assets by name or identifier. The lot is drawn by SHA-256 over the seed and
    the asset's identifier: the same seed draws the same sample on every machine, and nobody who
    does not choose the seed can choose the sample.
    """
    drawn = sorted(assets, key=lambda one: _lot(seed, str(one["@id"])))
    named = set(critical)
    chosen: dict[str, Chosen] = {}
    for one in drawn:
        if str(one["@id"]) in named or str(one.get("name", "")) in named:
            chosen[str(one["@id"])] = _chosen(one, "critical")
    taken: dict[str, int] = {}
    for one in drawn:
        kind = str(one["kind"])
        if taken.get(kind, 0) < per_category:
            taken[kind] = taken.get(kind, 0) + 1
            chosen.setdefault(str(one["@id"]), _chosen(one, "category"))
    left = [one for one in drawn if str(one["@id"]) not in chosen]
    for one in left[:at_random]:
        chosen[str(one["@id"])] = _chosen(one, "random")
    return tuple(sorted(chosen.values(), key=lambda one: (one.category, one.name, one.asset)))


def drawn(names: Iterable[str], seed: str, count: int) -> tuple[str, ...]:
    """Return `count` of the names by lot, in name order; the same seed draws the same ones."""
    return tuple(sorted(sorted(set(names), key=lambda name: _lot(seed, name))[:count]))


def _lot(seed: str, asset: str) -> str:
    return hashlib.sha256(f"{seed}\n{asset}".encode()).hexdigest()


def _chosen(one: Mapping[str, Any], because: str) -> Chosen:
    return Chosen(str(one["@id"]), str(one.get("name", "")), str(one["kind"]), because)
