"""Write IAM actions with fewer characters, without allowing what was not asked for."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from exitkit.knowledge.aws_catalog import FOLDER

VERBS = ("list", "describe")
"""What a pattern has to begin with: AWS may one day add a `Get` that hands out a secret."""


@dataclass(frozen=True, slots=True)
class KnownActions:
    """The list and describe actions AWS had when the catalog was made, by prefix, lower case.

    `doubtful` are those that no model calls harmless: their answer holds something sensitive, or
    the SDK does not know them.
    """

    known: Mapping[str, frozenset[str]]
    doubtful: Mapping[str, frozenset[str]]


@lru_cache(maxsize=1)
def load_known_actions() -> KnownActions:
    """Read what `make catalog` distilled."""
    document = json.loads(gzip.decompress((FOLDER / "actions.json.gz").read_bytes()))
    return KnownActions(
        {prefix: frozenset(names) for prefix, names in document["known"].items()},
        {prefix: frozenset(names) for prefix, names in document["doubtful"].items()},
    )


def as_patterns(actions: Iterable[str], *, compact: bool = False) -> list[str]:
    """Return patterns that allow `actions`: exactly these of all that AWS has.

    A wildcard stands only where every action it matches was asked for. `compact` lets it match
    further list and describe calls too, as long as none of them is doubtful.
    """
    catalogued = load_known_actions()
    by_prefix: dict[str, set[str]] = defaultdict(set)
    for action in actions:
        prefix, _, name = action.partition(":")
        by_prefix[prefix].add(name)
    return sorted(
        f"{prefix}:{pattern}"
        for prefix, names in by_prefix.items()
        for pattern in _cover(names, _forbidden(catalogued, prefix, names, compact=compact))
    )


def _forbidden(
    catalogued: KnownActions, prefix: str, names: Iterable[str], *, compact: bool
) -> frozenset[str]:
    """Return the actions of a service that no wildcard may match."""
    others = catalogued.doubtful if compact else catalogued.known
    if prefix not in catalogued.known:
        # Nothing is known of this service: nothing can be left unsaid.
        return frozenset(VERBS)
    return others.get(prefix, frozenset()).difference(map(str.lower, names))


def _cover(names: Iterable[str], forbidden: Iterable[str], start: str = "") -> Iterator[str]:
    """Yield the fewest prefixes that match all of `names` and nothing forbidden.

    IAM compares without regard to case: so does what is forbidden. A prefix is written as the
    names themselves are, for readers and tools that are stricter.
    """
    members = sorted(name for name in names if name.startswith(start))
    barred = [name for name in forbidden if name.startswith(start.lower())]
    if len(members) == 1:
        yield members[0]
        return
    if start.lower().startswith(VERBS) and not barred:
        yield f"{start}*"
        return
    if start in members:
        yield start
    for letter in sorted({name[len(start)] for name in members if len(name) > len(start)}):
        yield from _cover(members, barred, start + letter)
