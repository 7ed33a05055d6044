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


def bom(
    bundle: str, sealed_at: str, version: str, licenses: Iterable[Record],
    assets: Mapping[str, Record],
) -> dict[str, Any]:  # fmt: skip
    """Return the bill of materials; `assets` gives the asset record of each license by id.

    Same bundle, same bytes: the serial number is derived from the bundle's id.
    """
    components = [_component(row, assets.get(str(row["asset"]), {})) for row in licenses]
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


def _component(row: Record, asset: Record) -> dict[str, Any]:
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
    component["licenses"] = [{"expression": expression}] if expression else [_license(row)]
    component["properties"] = [
        {"name": "exitkit:transferable", "value": str(row["transferable"])},
        *(
            {"name": f"exitkit:{name}", "value": str(row[member])}
            for name, member in (("clause", "clause"), ("notice-date", "noticeDate"))
            if row.get(member)
        ),
        *(
            {"name": "exitkit:restriction", "value": str(one)}
            for one in row.get("restrictions", ())
        ),
    ]
    return component


def _license(row: Record) -> dict[str, Any]:
    kind = str(row.get("licenseType", "other"))
    licensing: dict[str, Any] = {"licenseTypes": [kind if kind in _TYPES else "other"]}
    if row.get("publisher"):
        licensing["licensor"] = {"organization": {"name": str(row["publisher"])}}
    if row.get("expirationDate"):
        licensing["expiration"] = f"{row['expirationDate']}T00:00:00Z"
    return {"license": {"name": str(row["product"]), "licensing": licensing}}
