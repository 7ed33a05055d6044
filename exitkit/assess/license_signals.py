"""Read in the configurations of cloud assets what nobody has to write down of their licenses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """What the configuration of a cloud asset says of a license that nobody has to write down.

    `code` is `included` (the provider's license, which ends with the asset), `own` (brought along)
    or `marketplace` (bought through the provider).
    """

    code: str
    product: str
    native_type: str
    native_id: str
    scope: str
    because: str


MEANING = {
    "included": "the license ends with the asset: buy one for the target",
    "own": "brought along: check that its terms allow the target",
    "marketplace": "bought through the provider: it ends with the account; ask the vendor",
}


_USAGE_OPERATIONS = {
    "RunInstances:0010": "Red Hat Enterprise Linux",
    "RunInstances:1010": "Red Hat Enterprise Linux with HA",
    "RunInstances:0014": "Red Hat Enterprise Linux with SQL Server Standard",
    "RunInstances:0110": "Red Hat Enterprise Linux with SQL Server Enterprise",
    "RunInstances:0210": "Red Hat Enterprise Linux with SQL Server Web",
    "RunInstances:1014": "Red Hat Enterprise Linux with HA and SQL Server Standard",
    "RunInstances:1110": "Red Hat Enterprise Linux with HA and SQL Server Enterprise",
    "RunInstances:000g": "SUSE Linux Enterprise Server",
    "RunInstances:0g00": "Ubuntu Pro",
    "RunInstances:0002": "Windows",
    "RunInstances:0006": "Windows with SQL Server Standard",
    "RunInstances:0102": "Windows with SQL Server Enterprise",
    "RunInstances:0202": "Windows with SQL Server Web",
    "RunInstances:0004": "SQL Server Standard",
    "RunInstances:0100": "SQL Server Enterprise",
    "RunInstances:0200": "SQL Server Web",
}
"""What the provider bills with the machine, by its code of the usage (AMI billing information)."""
_OWN_OPERATIONS = {
    "RunInstances:0800": "Windows BYOL",
    "RunInstances:00g0": "Red Hat Enterprise Linux BYOL",
}


def signals(assets: Iterable[tuple[Record, Record]]) -> Iterator[Signal]:
    """Yield what configurations say of licenses; `assets` gives (asset record, configuration)."""
    for row, config in assets:
        for code, product, because in _signals_of(str(row["provider"]["nativeType"]), config):
            provider = row["provider"]
            yield Signal(
                code, product, str(provider["nativeType"]), str(provider["nativeId"]),
                str(provider["scope"]), because,
            )  # fmt: skip


def _signals_of(native_type: str, config: Record) -> Iterator[tuple[str, str, str]]:
    if native_type.startswith(("AWS::RDS::DBInstance", "AWS::RDS::DBCluster")):
        model = str(config.get("LicenseModel") or "")
        engine = str(config.get("Engine", "database"))
        if model in ("license-included", "bring-your-own-license"):
            code = "included" if model == "license-included" else "own"
            yield code, engine, f"LicenseModel {model}"
    elif native_type in ("AWS::EC2::Instance", "AWS::EC2::Image"):
        yield from _ec2(config)
    elif native_type == "AWS::LicenseManager::LicenseConfiguration":
        counting = str(config.get("LicenseCountingType") or "license")
        bought, used = config.get("LicenseCount"), config.get("ConsumedLicenses")
        said = f"{counting}: {used if used is not None else '?'} of {bought or 'no limit'} consumed"
        yield "own", str(config.get("Name") or "license configuration"), f"License Manager, {said}"
    elif native_type == "AWS::LicenseManager::License":
        issuer = _members(config, "Issuer").get("Name") or "unknown issuer"
        product = str(config.get("ProductName") or config.get("LicenseName") or "license")
        yield "marketplace", product, f"License Manager, granted by {issuer}"
    elif native_type.lower().startswith("microsoft."):
        yield from _azure(config)


def _ec2(config: Record) -> Iterator[tuple[str, str, str]]:
    platform = str(config.get("PlatformDetails") or "")
    operation = str(config.get("UsageOperation") or "")
    because = f"PlatformDetails {platform}" if platform else f"UsageOperation {operation}"
    if platform and operation:
        because += f", UsageOperation {operation}"
    if operation in _OWN_OPERATIONS or "BYOL" in platform:
        yield "own", platform or _OWN_OPERATIONS[operation], because
    elif operation in _USAGE_OPERATIONS or (platform and platform != "Linux/UNIX"):
        yield "included", platform or _USAGE_OPERATIONS[operation], because
    for one in _listed(config, "Licenses"):
        if arn := str(one.get("LicenseConfigurationArn") or ""):
            name = arn.rpartition(":")[2]
            yield "own", f"license configuration {name}", f"License Manager {arn}"
    for one in _listed(config, "ProductCodes"):
        if one.get("ProductCodeId"):
            code = str(one["ProductCodeId"])
            yield "marketplace", f"product code {code}", f"ProductCodes {code}"


def _listed(config: Record, name: str) -> list[Record]:
    found = config.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _members(config: Record, name: str) -> Record:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


def _azure(config: Record) -> Iterator[tuple[str, str, str]]:
    properties = config.get("properties")
    found = properties if isinstance(properties, Mapping) else {}
    kind = str(found.get("licenseType") or "")
    if kind in ("Windows_Server", "Windows_Client", "RHEL_BYOS", "SLES_BYOS", "BasePrice", "AHUB"):
        yield "own", "Azure Hybrid Benefit", f"licenseType {kind}"
    elif kind in ("LicenseIncluded", "PAYG"):
        yield "included", str(found.get("sqlServerLicenseType") or kind), f"licenseType {kind}"
    plan = config.get("plan")
    if isinstance(plan, Mapping) and plan.get("publisher"):
        product = f"{plan['publisher']}/{plan.get('product', '?')}"
        yield "marketplace", product, f"plan {plan.get('name', '?')}"
