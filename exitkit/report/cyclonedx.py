"""Write licenses and packages as CycloneDX 1.6, the form that license and security tools read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_TYPES = {
    "academic", "appliance", "client-access", "concurrent-user", "core-points", "custom-metric",
    "device", "evaluation", "named-user", "node-locked", "oem", "perpetual", "processor-points",
    "subscription", "user",
}  # fmt: skip
"""License types that CycloneDX and our records have in common; every other is `other`."""

_RECORD_PROPERTIES = (
    ("clause", "clause"), ("notice-date", "noticeDate"), ("metric", "metric"),
    ("quantity", "quantity"),
)  # fmt: skip
_SCHEDULE_PROPERTIES = (
    "document",
    "page",
    "quote",
    "start_on",
    "auto_renewal",
    "cost",
    "currency",
    "transfer_fee",
    "lead_time_days",
    "mobility_programme",
    "assessed_by",
    "assessed_on",
    "legal_advice",
)
"""What an agreement says that CycloneDX has no member for."""


def bom(
    bundle: str, sealed_at: str, version: str, licenses: Iterable[Record],
    assets: Mapping[str, Record], schedule: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the bill of materials; `assets` gives the asset record of each license by id.

    `schedule` gives the schedule's own fields of each agreement by the id of its asset.

    Same bundle, same bytes: the serial number is derived from the bundle's id.
    """
    fields = schedule or {}
    components = [
        _component(row, assets.get(str(row["asset"]), {}), fields.get(str(row["asset"]), {}))
        for row in licenses
    ]
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, bundle)}",
        "version": 1,
        "metadata": {
            "timestamp": sealed_at,
            "tools": {
                "components": [{"type": "application", "name": "exitkit", "version": version}]
            },
            "properties": [{"name": "exitkit:bundle", "value": bundle}],
        },
        "components": components,
    }


def _component(row: Record, asset: Record, schedule: Mapping[str, str]) -> dict[str, Any]:
    identifiers = {str(one["scheme"]): str(one["value"]) for one in asset.get("identifiers", ())}
    purl = identifiers.get("purl", "")
    component: dict[str, Any] = {
        "type": "library" if purl else "application",
        "bom-ref": str(row["@id"]),
        "name": str(row["product"]),
    }
    if row.get("publisher"):
        component["publisher"] = str(row["publisher"])
    if purl:
        component["purl"] = purl
        version = purl.rpartition("@")[2].partition("?")[0]
        if version:
            component["version"] = version
    expression = row.get("spdxExpression")
    component["licenses"] = (
        [{"expression": expression}] if expression else [_license(row, schedule)]
    )
    component["properties"] = [
        {"name": "exitkit:transferable", "value": str(row["transferable"])},
        *(
            {"name": f"exitkit:{name}", "value": str(row[member])}
            for name, member in _RECORD_PROPERTIES
            if row.get(member)
        ),
        *(
            {"name": f"exitkit:{name.replace('_', '-')}", "value": str(schedule[name])}
            for name in _SCHEDULE_PROPERTIES
            if schedule.get(name)
        ),
        *(
            {"name": "exitkit:restriction", "value": str(one)}
            for one in row.get("restrictions", ())
        ),
    ]
    return component


def _license(row: Record, schedule: Mapping[str, str]) -> dict[str, Any]:
    kind = str(row.get("licenseType", "other"))
    licensing: dict[str, Any] = {"licenseTypes": [kind if kind in _TYPES else "other"]}
    licensor = schedule.get("licensor") or str(row.get("publisher", ""))
    parties = {**{name: schedule.get(name, "") for name in ("licensee", "purchaser")},
               "licensor": licensor}  # fmt: skip
    for name, party in parties.items():
        if party:
            licensing[name] = {"organization": {"name": party}}
    if schedule.get("purchase_order"):
        licensing["purchaseOrder"] = schedule["purchase_order"]
    if row.get("expirationDate"):
        licensing["expiration"] = f"{row['expirationDate']}T00:00:00Z"
    return {"license": {"name": str(row["product"]), "licensing": licensing}}
