"""Fill the ARM double with one small subscription, and say what a snapshot must find in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-111122223333"
ROOT = f"/subscriptions/{SUBSCRIPTION}"
CORE, APPS = f"{ROOT}/resourceGroups/rg-core", f"{ROOT}/resourceGroups/rg-apps"
AZURE_SECRETS = (
    "pl4nted-arm-app-secret-2Vq7", "pl4nted-arm-setting-9Lx4", "cGw0bnRlZC1hcm0tY2xvdWQtaW5pdA==",
    "pl4nted-arm-shared-key-6Ty1",
)  # fmt: skip
"""Values that must appear in no byte of any output."""

Expected = tuple[str, str, str, str, str]
"""provider, scope, region, native type, native id of one asset a snapshot must find."""

PROVIDER_SUBSCRIPTION = "5e110000-0000-4000-8000-0000000000ff"
PROVIDER_HUB = (
    f"/subscriptions/{PROVIDER_SUBSCRIPTION}/resourceGroups/rg-hub/providers/Microsoft.Network/"
    "virtualNetworks/vnet-hub"
)
VNET = f"{CORE}/providers/Microsoft.Network/virtualNetworks/vnet-core"
NIC = f"{CORE}/providers/Microsoft.Network/networkInterfaces/nic-web"
PLAN = f"{APPS}/providers/Microsoft.Web/serverfarms/plan-shop"
CUSTOM_ROLE = "5d1c0b2e-77aa-4f6e-9a51-aaaabbbbcccc"
READER_ROLE = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

RESOURCES: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    (CORE, "Microsoft.Network/virtualNetworks", "vnet-core", {
        "addressSpace": {"addressPrefixes": ["10.40.0.0/16"]},
        "subnets": [{"name": "web", "properties": {"addressPrefix": "10.40.1.0/24"}}],
        "virtualNetworkPeerings": [{"name": "to-provider", "properties": {
            "remoteVirtualNetwork": {"id": PROVIDER_HUB}}}]}),
    (CORE, "Microsoft.Network/networkSecurityGroups", "nsg-web", {
        "securityRules": [{"name": "https", "properties": {
            "protocol": "Tcp", "destinationPortRange": "443", "access": "Allow",
            "direction": "Inbound", "priority": 100, "description": "CANARY-EXITKIT-NSG"}}]}),
    (CORE, "Microsoft.Network/publicIPAddresses", "pip-web", {
        "ipAddress": "203.0.113.40", "publicIPAllocationMethod": "Static"}),
    (CORE, "Microsoft.Network/networkInterfaces", "nic-web", {
        "ipConfigurations": [{"name": "one", "properties": {"privateIPAddress": "10.40.1.4"}}]}),
    (CORE, "Microsoft.Compute/disks", "disk-web-os", {"diskSizeGB": 64, "osType": "Linux"}),
    (CORE, "Microsoft.Compute/virtualMachines", "vm-web", {
        "hardwareProfile": {"vmSize": "Standard_B2s"},
        "osProfile": {"computerName": "web", "customData": AZURE_SECRETS[2]},
        "networkProfile": {"networkInterfaces": [{"id": NIC}]}}),
    (CORE, "Microsoft.KeyVault/vaults", "kv-core", {
        "vaultUri": "https://kv-core.vault.azure.net/", "enableRbacAuthorization": True}),
    (CORE, "Microsoft.Storage/storageAccounts", "stcoredata", {
        "primaryEndpoints": {"blob": "https://stcoredata.blob.core.windows.net/"},
        "minimumTlsVersion": "TLS1_2"}),
    (CORE, "Microsoft.OperationalInsights/workspaces", "log-core", {"retentionInDays": 90}),
    (CORE, "Microsoft.Network/dnsZones", "demo.example.org", {"numberOfRecordSets": 4}),
    (CORE, "Microsoft.ManagedIdentity/userAssignedIdentities", "id-deploy", {
        "principalId": "7d1f0000-0000-4000-8000-000000000001"}),
    (CORE, "Microsoft.Network/connections", "vpn-office", {
        "connectionType": "IPsec", "sharedKey": AZURE_SECRETS[3]}),
    (APPS, "Microsoft.Web/serverfarms", "plan-shop", {"reserved": True}),
    (APPS, "Microsoft.Web/sites", "shop", {
        "serverFarmId": PLAN, "siteConfig": {"appSettings": [
            {"name": "PAYMENT_API_KEY", "value": AZURE_SECRETS[1]},
            {"name": "COLOR", "value": "green"}]}}),
    (APPS, "Microsoft.Sql/servers", "sql-shop", {"version": "12.0", "state": "Ready"}),
    (APPS, "Microsoft.Sql/servers/databases", "sql-shop/orders", {
        "collation": "SQL_Latin1_General_CP1_CI_AS", "maxSizeBytes": 2147483648}),
    (APPS, "Microsoft.ContainerRegistry/registries", "crshop", {"adminUserEnabled": False}),
    (APPS, "Microsoft.App/containerApps", "basket", {"configuration": {"secrets": [
        {"name": "db", "value": AZURE_SECRETS[0]}]}}),
    (CORE, "Microsoft.Automation/automationAccounts", "aa-core", {"state": "Ok"}),
    (CORE, "Microsoft.Automation/automationAccounts/runbooks", "aa-core/restart-web", {
        "runbookType": "PowerShell", "state": "Published"}),
    # Some providers answer in lower case, and some ids change case between list and read.
    (APPS, "microsoft.insights/components", "shop-insights", {"Application_Type": "web"}),
)  # fmt: skip
RUNBOOK_SECRET = "pl4nted-runbook-Rk47wB"  # noqa: S105 - a credential in clear, planted
RUNBOOK = f"""Connect-AzAccount -Identity
$token = "{RUNBOOK_SECRET}"
$password = "{RUNBOOK_SECRET}"
Restart-AzVM -ResourceGroupName rg-core -Name vm-web
"""
GLOBAL = ("Microsoft.Network/dnsZones",)


class Double(Protocol):
    """What is filled: a thing that keeps bodies by id, and API versions by type."""

    api_versions: dict[str, tuple[str, ...]]

    def put_text(self, place: str, text: str) -> None:
        """Keep a text under its place."""
        ...

    def put(self, body: Mapping[str, Any]) -> None:
        """Keep one thing under its id."""
        ...


def seed(double: Double) -> tuple[Expected, ...]:
    """Fill the double with 21 resources, two groups, one subscription and one role of our own."""
    expected = [_put_place(double, ROOT, "Microsoft.Resources/subscriptions", "")]
    for group, region in ((CORE, "westeurope"), (APPS, "northeurope")):
        expected.append(_put_place(double, group, "Microsoft.Resources/resourceGroups", region))
    for group, native_type, name, properties in RESOURCES:
        expected.append(_put_resource(double, group, native_type, name, properties))
    runbook = (
        f"{CORE}/providers/Microsoft.Automation/automationAccounts/aa-core/runbooks/restart-web"
    )
    double.put_text(f"{runbook}/content", RUNBOOK)
    _put_sizes(double)
    _put_access(double)
    custom = _role_id(CUSTOM_ROLE).lower()
    return (*expected, _expect("", "Microsoft.Authorization/roleDefinitions", custom))


def _put_place(double: Double, place: str, native_type: str, region: str) -> Expected:
    name = place.rpartition("/")[2]
    body: dict[str, Any] = {"id": place, "name": name, "type": native_type}
    if region:
        body |= {"location": region, "tags": {"owner": "operations"}}
        body["properties"] = {"provisioningState": "Succeeded"}
    else:
        body = {
            "id": place, "subscriptionId": name, "displayName": "Demo", "state": "Enabled",
            "tenantId": "72f988bf-0000-4000-8000-000000000002",
        }  # fmt: skip
    double.put(body)
    return _expect(region, native_type, place)


def _put_resource(
    double: Double, group: str, native_type: str, name: str, properties: Mapping[str, Any]
) -> Expected:
    namespace, *kinds = native_type.split("/")
    names = name.split("/")
    path = "/".join(part for pair in zip(kinds, names, strict=True) for part in pair)
    place = f"{group}/providers/{namespace}/{path}"
    is_global = native_type in GLOBAL
    region = "" if is_global else "westeurope" if group == CORE else "northeurope"
    double.put(
        {
            "id": place, "name": name, "type": native_type,
            "location": "global" if is_global else "West Europe" if group == CORE else region,
            "tags": {"environment": "demo", "application": names[0]},
            "etag": f'W/"{len(place)}"',
            "properties": {**properties, "provisioningState": "Succeeded"},
        }
    )  # fmt: skip
    double.api_versions[native_type.lower()] = ("2019-06-01", "2024-03-01", "2025-01-01-preview")
    spelled = native_type.replace("microsoft.insights", "Microsoft.Insights")
    return _expect(region, spelled, place)


def _put_sizes(double: Double) -> None:
    cores = {
        "Standard_B2s": {"vCPUs": "2"},
        "Standard_M8-2ms": {"vCPUs": "8", "vCPUsAvailable": "2"},
    }
    for name, has in cores.items():
        double.put(
            {
                "id": f"{ROOT}/providers/Microsoft.Compute/skus/{name}", "name": name,
                "resourceType": "virtualMachines", "locations": ["westeurope"],
                "capabilities": [{"name": key, "value": value} for key, value in has.items()],
            }
        )  # fmt: skip


def _put_access(double: Double) -> None:
    roles = ((READER_ROLE, "Reader", "BuiltInRole"), (CUSTOM_ROLE, "Restarter", "CustomRole"))
    for role, name, kind in roles:
        double.put(
            {
                "id": _role_id(role), "name": role,
                "type": "Microsoft.Authorization/roleDefinitions",
                "properties": {"roleName": name, "type": kind, "permissions": [
                    {"actions": ["*/read"], "notActions": []}]},
            }
        )  # fmt: skip
    assignments = (
        ("a1", "User", READER_ROLE, ROOT), ("a2", "Group", CUSTOM_ROLE, CORE),
        ("a3", "ServicePrincipal", READER_ROLE, APPS),
    )  # fmt: skip
    for number, principal_type, role, scope in assignments:
        double.put(
            {
                "id": f"{ROOT}/providers/Microsoft.Authorization/roleAssignments/{number}",
                "name": number, "type": "Microsoft.Authorization/roleAssignments",
                "properties": {
                    "principalId": f"9e5a0000-0000-4000-8000-0000000000{number}",
                    "principalType": principal_type, "roleDefinitionId": _role_id(role),
                    "scope": scope,
                },
            }
        )  # fmt: skip


def _role_id(role: str) -> str:
    return f"{ROOT}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def _expect(region: str, native_type: str, place: str) -> Expected:
    return ("azure", SUBSCRIPTION, region, native_type, place.lower())
