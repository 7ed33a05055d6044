"""Write where AWS has what: CloudFormation's types by region, and the homes of global services."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError, UnknownServiceError
from botocore.loaders import Loader

from tools.build_aws_catalog.nouns import READ_VERB

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/regions.json.gz"
LOADER = Loader()
FULLEST = "us-east-1"
NOT_A_REGION = {"sam"}
HOMES_BY_HAND = {"route53globalresolver": {"aws": "us-east-2"}}
"""Global services whose address names a region: "you must specify the US East (Ohio) Region"."""


def main() -> None:
    """Distill the data and say what came out."""
    destination = Path(sys.argv[1]) if len(sys.argv) > 1 else DESTINATION
    types = types_by_region()
    regions = sorted(types)
    homes = {**dict(global_services()), **HOMES_BY_HAND}
    homes |= global_operations(homes)
    document = {
        "sources": {name: version(name) for name in ("botocore", "cfn-lint")},
        "regions": regions,
        "types": {name: _bits(name, types, regions) for name in sorted(types[FULLEST])},
        "homes": homes,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    destination.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    told = f"{len(homes)} global services and calls"
    print(f"{len(document['types'])} types in {len(regions)} regions, {told}")
    print(f"wrote {destination}")


def types_by_region() -> dict[str, frozenset[str]]:
    """Return the types CloudFormation has in each region that cfn-lint has data of.

    For a region it has none of, cfn-lint ships the list of the fullest region: that is no data.
    """
    folder = Path(str(files("cfnlint"))) / "data/schemas/providers"
    found = {
        file.stem: frozenset(json.loads(file.read_text()))
        for file in sorted(folder.glob("*.json"))
        if file.stem not in NOT_A_REGION
    }
    fullest = found[FULLEST]
    return {name: types for name, types in found.items() if name == FULLEST or types != fullest}


def _bits(name: str, types: Mapping[str, frozenset[str]], regions: list[str]) -> str:
    """Return as a hexadecimal number which of the regions have a type, the first the lowest bit."""
    return f"{sum(1 << n for n, region in enumerate(regions) if name in types[region]):x}"


def global_services() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each service with one address for all regions, with its home in each partition.

    The SDK's endpoint rules say so: whatever the region, the same host, signed for the same region.
    """
    for service, provider in _providers():
        if homes := _homes(provider):
            yield service, homes


def global_operations(global_services: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the same of single calls of other services, under `service:Operation`.

    The model names an argument of the rules for them: that it is for the control plane, say.
    """
    found = {}
    for service, provider in _providers():
        operations = LOADER.load_service_model(service, "service-2")["operations"]
        for name, row in operations.items() if service not in global_services else ():
            told = {key: one["value"] for key, one in row.get("staticContextParams", {}).items()}
            if told and READ_VERB.match(name) and (homes := _homes(provider, told)):
                found[f"{service}:{name}"] = homes
    return found


def _providers() -> Iterator[tuple[str, Any]]:
    partitions = LOADER.load_data("partitions")
    for service in LOADER.list_available_services("service-2"):
        try:
            rules = LOADER.load_service_model(service, "endpoint-rule-set-1")
        except UnknownServiceError:
            continue
        yield service, EndpointProvider(rules, partitions)


def _homes(provider: Any, told: Mapping[str, Any] = MappingProxyType({})) -> dict[str, str]:
    """Return the home of each partition; a partition of one region cannot tell, but `aws` can."""
    regions = {
        row["partition"]: sorted(row["regions"])
        for row in LOADER.load_data("endpoints")["partitions"]
    }
    if not _home(provider, regions["aws"], told):
        return {}
    homes = {name: _home(provider, names, told) for name, names in regions.items()}
    return {name: home for name, home in homes.items() if home in regions[name]}


def _home(provider: Any, regions: list[str], told: Mapping[str, Any]) -> str:
    """Return the one region that calls to any of `regions` are signed for; empty if none."""
    answers = set()
    for region in regions:
        given = {"Region": region, "UseFIPS": False, "UseDualStack": False, **told}
        try:
            endpoint = provider.resolve_endpoint(**given)
        except EndpointProviderError:
            return ""
        schemes = endpoint.properties.get("authSchemes") or [{}]
        answers.add((endpoint.url, schemes[0].get("signingRegion", "")))
    return answers.pop()[1] if len(answers) == 1 else ""


if __name__ == "__main__":
    main()
