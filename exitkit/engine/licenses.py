"""Read the licenses of a bundle, with what is due before the exit that the contract plans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.license_metrics import Use, cores_of
from exitkit.assess.license_position import Position, positions
from exitkit.assess.license_signals import Signal, signals
from exitkit.report.cyclonedx import bom
from exitkit.store.reader import Bundle

CLOUDS = ("aws", "azure")
AGREEMENT = "License/Agreement"
MACHINES = ("Host/Machine",)
USER_KINDS = ("iam.user", "host.user")


def exit_day(contract: Mapping[str, Any]) -> dt.date | None:
    """Return the day on which the contract ends; None where nobody wrote it down."""
    dates = contract.get("dates")
    end = dates.get("end") if isinstance(dates, Mapping) else None
    return end if isinstance(end, dt.date) else None


def position_of(bundle: Bundle, exit_on: dt.date | None, today: dt.date) -> list[Position]:
    """Return every license of the bundle, those with something due first."""
    licenses, relations = bundle.records("licenses"), bundle.records("relations")
    return positions(licenses, relations, exit_on, today, _use_of(bundle))


def _use_of(bundle: Bundle) -> Use:
    """Gather what assets carry, the cores of machines, what runs on them, and the users."""
    products = {str(row["asset"]): str(row["product"]) for row in bundle.records("licenses")}
    machine = {
        str(row["from"]): str(row["to"])
        for row in bundle.records("relations")
        if row["relation"] == "runsOn"
    }
    use = _Gathered()
    for row in bundle.records("assets"):
        urn, provider = str(row["@id"]), row["provider"]
        native_type = str(provider["nativeType"])
        if native_type == AGREEMENT:
            use.schedule[urn] = bundle.native(row)
            continue
        found = {products[urn]} if urn in products else set()
        if row["kind"] == "software.package":
            found.add(str(row["name"]))
        if row["kind"] in USER_KINDS:
            use.users[urn] = native_type, str(row["name"]).rpartition("/")[2]
        if provider["name"] in CLOUDS or native_type in MACHINES:
            config = bundle.native(row)
            found |= {one.product for one in signals([(row, config)])}
            if cores := cores_of(native_type, config):
                use.cores[urn] = cores
        if found:
            use.names[urn] = frozenset(found)
    return Use(use.names, use.schedule, use.cores, machine, use.users)


@dataclass(slots=True)
class _Gathered:
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    schedule: dict[str, Mapping[str, str]] = field(default_factory=dict)
    cores: dict[str, int] = field(default_factory=dict)
    users: dict[str, tuple[str, str]] = field(default_factory=dict)


def signals_of(bundle: Bundle) -> list[Signal]:
    """Return what the configurations of cloud assets say of licenses."""
    clouds = (row for row in bundle.records("assets") if row["provider"]["name"] in CLOUDS)
    return list(signals((row, bundle.native(row)) for row in clouds))


def bom_of(bundle: Bundle) -> dict[str, Any]:
    """Return the licenses of the bundle as CycloneDX 1.6."""
    schedule = {
        str(row["@id"]): bundle.native(row)
        for row in bundle.records("assets")
        if row["provider"]["nativeType"] == AGREEMENT
    }
    wanted = {str(row["asset"]) for row in bundle.records("licenses")}
    assets = {str(row["@id"]): row for row in bundle.records("assets") if row["@id"] in wanted}
    generator = bundle.descriptor.get("generator", {})
    return bom(
        bundle.id, str(bundle.descriptor["sealedAt"]), str(generator.get("version", "")),
        bundle.records("licenses"), assets, schedule,
    )  # fmt: skip
