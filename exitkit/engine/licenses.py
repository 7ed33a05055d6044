"""Read the licenses of a bundle, with what is due before the exit that the contract plans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from exitkit.assess.license_position import Position, Signal, Use, positions, signals
from exitkit.report.cyclonedx import bom
from exitkit.store.reader import Bundle

CLOUDS = ("aws", "azure")
AGREEMENT = "License/Agreement"


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
    """Gather the products that assets carry: packages, device licenses, what clouds say."""
    products = {str(row["asset"]): str(row["product"]) for row in bundle.records("licenses")}
    names: dict[str, frozenset[str]] = {}
    schedule: dict[str, Mapping[str, str]] = {}
    for row in bundle.records("assets"):
        urn, provider = str(row["@id"]), row["provider"]
        if provider["nativeType"] == AGREEMENT:
            schedule[urn] = bundle.native(row)
            continue
        found = {products[urn]} if urn in products else set()
        if row["kind"] == "software.package":
            found.add(str(row["name"]))
        if provider["name"] in CLOUDS:
            found |= {one.product for one in signals([(row, bundle.native(row))])}
        if found:
            names[urn] = frozenset(found)
    return Use(names, schedule)


def signals_of(bundle: Bundle) -> list[Signal]:
    """Return what the configurations of cloud assets say of licenses."""
    clouds = (row for row in bundle.records("assets") if row["provider"]["name"] in CLOUDS)
    return list(signals((row, bundle.native(row)) for row in clouds))


def bom_of(bundle: Bundle) -> dict[str, Any]:
    """Return the licenses of the bundle as CycloneDX 1.6."""
    wanted = {str(row["asset"]) for row in bundle.records("licenses")}
    assets = {str(row["@id"]): row for row in bundle.records("assets") if row["@id"] in wanted}
    generator = bundle.descriptor.get("generator", {})
    return bom(
        bundle.id, str(bundle.descriptor["sealedAt"]), str(generator.get("version", "")),
        bundle.records("licenses"), assets,
    )  # fmt: skip
