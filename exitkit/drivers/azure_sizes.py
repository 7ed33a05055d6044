"""Learn how many processors the sizes of machines have, which no machine says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.drivers.azure import Answer, ArmReader

OPERATION = "Microsoft.Compute/skus:GET"
API_VERSION = "2021-07-01"
WANTED = ("vCPUs", "vCPUsAvailable", "MemoryGB")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What each size of one region has, by name, and the answer that ended the list."""

    by_name: Mapping[str, Mapping[str, Any]]
    last: Answer


def sizes_in(arm: ArmReader, subscription: str, region: str) -> Sizes:
    """Read the sizes that a subscription may use in a region."""
    found: dict[str, Mapping[str, Any]] = {}
    last = Answer(0, {})
    path = f"/subscriptions/{subscription}/providers/Microsoft.Compute/skus"
    for last in arm.pages(path, API_VERSION, f"location eq '{region}'"):
        for row in last.body.get("value", ()) if last.status == 200 else ():
            if row.get("resourceType") == "virtualMachines":
                found[str(row.get("name")).casefold()] = _size(row)
    return Sizes(found, last)


def _size(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        str(one.get("name")): str(one.get("value", "")) for one in row.get("capabilities") or ()
    }
    numbers = {name: told[name] for name in WANTED if name in told}
    return {
        "name": row.get("name"),
        **{name: int(text) if text.isdecimal() else text for name, text in numbers.items()},
    }
