"""Order an exit by what relies on what: what must stand at the target before the next moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_RELIES_ON = frozenset(
    {"dependsOn", "encryptedWith", "licensedBy", "managedBy", "memberOf", "runsOn", "storesDataIn"}
)
_CARRIES = frozenset({"contains", "grants"})

Group = tuple[str, ...]


def reliances(relations: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield (relying, relied on) of each relation that orders a move.

    What merely reaches another over the network (`connectsTo`) can be reached across the two
    places while the move lasts, and orders nothing.
    """
    for row in relations:
        if row["relation"] in _RELIES_ON:
            yield str(row["from"]), str(row["to"])
        elif row["relation"] in _CARRIES:
            yield str(row["to"]), str(row["from"])


def waves(assets: Iterable[str], relies: Iterable[tuple[str, str]]) -> list[list[Group]]:
    """Return the assets in waves, each a list of groups that have to move together.

    A group is one asset, or several that rely on each other in a circle. The groups of a wave rely
    only on groups of earlier waves.
    """
    below: dict[str, list[str]] = {asset: [] for asset in sorted(assets)}
    for relying, relied_on in relies:
        if relying in below and relied_on in below and relying != relied_on:
            below[relying].append(relied_on)
    wave_of: dict[str, int] = {}
    found: dict[int, list[Group]] = defaultdict(list)
    # Groups come out with what they rely on before them.
    for group in _groups(below):
        members = set(group)
        outside = (wave_of[other] for one in group for other in below[one] if other not in members)
        wave = max(outside, default=-1) + 1
        wave_of.update(dict.fromkeys(group, wave))
        found[wave].append(tuple(sorted(group)))
    return [sorted(found[wave]) for wave in sorted(found)]


def _groups(below: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield the strongly connected components, by Tarjan's algorithm without recursion."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for start in below:
        if start in index:
            continue
        work = [(start, iter(below[start]))]
        index[start] = lowest[start] = len(index)
        path.append(start)
        on_path.add(start)
        while work:
            asset, others = work[-1]
            other = next(others, None)
            if other is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[asset])
                if lowest[asset] == index[asset]:
                    group: list[str] = []
                    while not group or group[-1] != asset:
                        group.append(path.pop())
                        on_path.discard(group[-1])
                    yield group
            elif other not in index:
                index[other] = lowest[other] = len(index)
                path.append(other)
                on_path.add(other)
                work.append((other, iter(below[other])))
            elif other in on_path:
                lowest[asset] = min(lowest[asset], index[other])
