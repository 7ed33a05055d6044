"""Tell the separate clouds of AWS apart: which regions are whose, and where each one starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from botocore.loaders import Loader

STANDARD = "aws"


def partition_of(region: str) -> str:
    """Return the partition a region belongs to; also of a region newer than the SDK."""
    for row in _partitions().values():
        if region in row["regions"] or re.match(row["regionRegex"], region):
            return str(row["id"])
    return STANDARD


def first_region(partition: str) -> str:
    """Return the region that answers where nobody named another: home of most global services."""
    row = _partitions().get(partition) or _partitions()[STANDARD]
    return str(row["outputs"]["implicitGlobalRegion"])


def partition_of_arn(arn: str) -> str:
    """Return the partition an ARN names."""
    return arn.split(":")[1]


def partition_of_patterns(patterns: Iterable[str]) -> str:
    """Return the one partition whose regions match; empty where that is not one."""
    wanted = tuple(patterns)
    found = {
        name
        for name, row in _partitions().items()
        for region in row["regions"]
        if any(fnmatchcase(region, pattern) for pattern in wanted)
    }
    named = {partition_of(p) for p in wanted if not re.search(r"[*?[]", p)}
    both = found | named
    return both.pop() if len(both) == 1 else ""


@lru_cache(maxsize=1)
def _partitions() -> Mapping[str, Any]:
    return {row["id"]: row for row in Loader().load_data("partitions")["partitions"]}
