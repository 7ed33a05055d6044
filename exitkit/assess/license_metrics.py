"""Count what a license is sold by: the cores it runs on, the users there are, or things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Record = Mapping[str, Any]

THINGS, CORES, USERS = "things", "cores", "users"
_UNITS = {
    CORES: {"core", "cores", "vcpu", "vcpus", "cpu", "cpus", "processor", "processors"},
    USERS: {"user", "users", "named user", "named users", "named-user", "named-users"},
}
_USERS_ARE = "users:"


@dataclass(frozen=True, slots=True)
class Measured:
    """How much of a license is in use; `used` is None where nothing tells.

    `unmeasured` is how many machines carry it whose cores nobody knows: then it is at least `used`.
    """

    used: int | None
    unit: str = THINGS
    unmeasured: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What measures the use of licenses; all keys are asset ids.

    `names` are the products that each asset carries; `schedule` the schedule's own fields of each
    agreement (`page`, `counted_as` ...); `cores` the virtual processors of machines; `machine` the
    machine that an asset runs on; `users` the native type and name of each user.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    schedule: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cores: Mapping[str, int] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def patterns(self, row: Record) -> tuple[str, ...]:
        """Return what `counted_as` of an agreement says, pattern by pattern."""
        written = self.schedule.get(str(row["asset"]), {}).get("counted_as", "").split("|")
        return tuple(part.strip().casefold() for part in written if part.strip())

    def carriers(self, row: Record) -> frozenset[str] | None:
        """Return the assets that carry a license; None where nothing tells.

        Only agreements are counted: a name must be the product's, but for case, or match a
        pattern of `counted_as`.
        """
        if str(row["asset"]) not in self.schedule:
            return None
        patterns = [one for one in self.patterns(row) if not one.startswith(_USERS_ARE)]
        product = str(row["product"]).casefold()
        found = frozenset(
            asset
            for asset, names in self.names.items()
            for name in (one.casefold() for one in names)
            if (any(fnmatchcase(name, p) for p in patterns) if patterns else name == product)
        )
        return found if found or patterns else None

    def named_users(self, row: Record) -> frozenset[str] | None:
        """Return the users that `users:` patterns mean, each name once; None without such."""
        patterns = [
            one.removeprefix(_USERS_ARE) for one in self.patterns(row) if one.startswith(_USERS_ARE)
        ]
        if not patterns:
            return None
        return frozenset(
            name.casefold()
            for native_type, name in self.users.values()
            if any(fnmatchcase(f"{native_type}/{name}".casefold(), one) for one in patterns)
        )


def measure(row: Record, tied: Set[str] | None, use: Use) -> Measured:
    """Return the use of a license in the unit of its metric; `tied` carry it by a relation."""
    unit = unit_of(str(row.get("metric", "")))
    if unit == USERS:
        users = use.named_users(row)
        return Measured(None if users is None else len(users), USERS)
    carriers = use.carriers(row)
    if tied is None and carriers is None:
        return Measured(None, unit)
    found = {*(tied or ()), *(carriers or ())}
    if unit == THINGS:
        return Measured(len(found))
    machines = {one if one in use.cores else use.machine.get(one, one) for one in found}
    known = [use.cores[one] for one in machines if one in use.cores]
    return Measured(sum(known), CORES, len(machines) - len(known))


def unit_of(metric: str) -> str:
    """Return what a metric counts: cores, users, or things of any other kind."""
    words = metric.strip().casefold()
    return next((unit for unit, names in _UNITS.items() if words in names), THINGS)


def cores_of(native_type: str, config: Record) -> int | None:
    """Return the virtual processors of a machine by its configuration; None where it says none."""
    if native_type == "AWS::EC2::Instance":
        options = config.get("CpuOptions")
        counts = list(_counts(options, "CoreCount", "ThreadsPerCore"))
        return counts[0] * counts[1] if len(counts) == 2 else None
    if native_type == "AWS::RDS::DBInstance":
        own, usual = (_features(config, one) for one in ("ProcessorFeatures", "ProcessorDefaults"))
        counts = list(_counts({**usual, **own}, "coreCount", "threadsPerCore"))
        return counts[0] * counts[1] if len(counts) == 2 else None
    if native_type == "Microsoft.Compute/virtualMachines":
        # A size may be sold with more processors than it shows to what runs on it.
        hardware = (config.get("properties") or {}).get("hardwareProfile") or {}
        told = [hardware.get("vmSizeProperties"), config.get("size")]
        counts = [count for one in told for count in _counts(one, "vCPUsAvailable", "vCPUs")]
        return counts[0] if counts else None
    if native_type == "Host/Machine":
        counts = list(_counts(config.get("hardware"), "processors"))
        return counts[0] if counts else None
    return None


def _features(config: Record, member: str) -> dict[str, int]:
    rows = config.get(member)
    return {
        str(row.get("Name")): int(row["Value"])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and str(row.get("Value", "")).isdecimal()
    }


def _counts(options: Any, *names: str) -> Iterator[int]:
    for name in names if isinstance(options, Mapping) else ():
        if isinstance(options.get(name), int) and options[name] > 0:
            yield options[name]
