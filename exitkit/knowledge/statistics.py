"""Count what is known, by who provides it and by how well it was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.portability import Caveat, Fact, Knowledge
from exitkit.model.verdict import Level

CANNOT = (Level.NONE, Level.DESCRIBED, Level.PROPRIETARY)
"""Levels at which something cannot be taken along as it is."""
PREFIXES = {
    "AWS": "aws::",
    "Azure": "microsoft.",
    "hosts": "host/",
    "licenses": "license/",
    "declared": "declared/",
}
DEVICE, OF_DEVICE = "/device", "device/"
"""How the native type of every network platform ends, and how one begins that is on all of them."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """How much is known. Counts of statements are facts and caveats together.

    `own` counts the types with an entry of their own and `listed` those that AWS can list, by
    provider; `cannot` are statements of what cannot be exported; `without` are listed AWS types
    that neither an entry nor their kind says anything of.
    """

    facts: int
    caveats: int
    cannot: int
    by_confidence: tuple[tuple[str, int], ...]
    by_check: tuple[tuple[str, int], ...]
    by_level: tuple[tuple[str, int], ...]
    own: tuple[tuple[str, int], ...]
    kinds: int
    equivalents: int
    timings: int
    sources: int
    listed: int
    without: tuple[str, ...]


def statistics(knowledge: Knowledge) -> Statistics:
    """Count all of it."""
    statements: list[Fact | Caveat] = [*knowledge.facts, *knowledge.caveats]
    types = knowledge.entries.types
    listed = load_catalog().types
    own = {
        name: sum(1 for one in types if one.startswith(prefix)) for name, prefix in PREFIXES.items()
    }
    own["network"] = sum(1 for one in types if one.endswith(DEVICE) or one.startswith(OF_DEVICE))
    return Statistics(
        facts=len(knowledge.facts),
        caveats=len(knowledge.caveats),
        cannot=len(knowledge.caveats) + sum(1 for one in knowledge.facts if one.level in CANNOT),
        by_confidence=_counted(one.confidence for one in statements),
        by_check=_counted(knowledge.sources[one.source].checked for one in statements),
        by_level=_counted(one.level.value for one in knowledge.facts),
        own=tuple(own.items()),
        kinds=len(knowledge.entries.kinds),
        equivalents=len(knowledge.entries.equivalents),
        timings=len(knowledge.entries.timing),
        sources=len(knowledge.sources),
        listed=len(listed),
        without=tuple(sorted(name for name in listed if knowledge.entry_for(name) is None)),
    )


def _counted(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(words).items()))
