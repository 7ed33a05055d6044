"""Count each thing once, however often and from wherever it was answered."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from exitkit.drivers.aws_answers import Item


def once_each(items: Iterable[Item]) -> list[Item]:
    """Return the items of one answer, each once, as it came first."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        found.setdefault((item.row.native_type, item.native_id), item)
    return list(found.values())


def unique(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items in the order of their ids, each once, however the calls were interleaved.

    What several regions answer with under one ARN is one thing, of no region.
    """
    named: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        named[item.row.native_type, item.native_id].append(item)
    for name in sorted(named):
        same = named[name]
        if len(same) == 1:
            yield same[0]
            continue
        _gather_regions(same)
        for _, group in groupby(sorted(same, key=_region_of), key=_region_of):
            twins = list(group)
            yield min(twins, key=_as_text) if len(twins) > 1 else twins[0]


def _gather_regions(same: Sequence[Item]) -> None:
    regions = defaultdict(set)
    for item in same:
        regions[item.answered_arn].add(item.region)
    for item in same:
        if item.answered_arn and len(regions[item.answered_arn]) > 1:
            item.region = ""


def _region_of(item: Item) -> str:
    return item.region


def _as_text(item: Item) -> str:
    return json.dumps(item.config, sort_keys=True, default=str)
