"""Find the ways into a network that end in somebody else's account or behind somebody's gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Access

Config = Mapping[str, Any]

PEERED, VPN = "peered-with:", "vpn-with:"
"""How the permission of such a right begins; who is at the other end follows."""
NETWORK_PATH = "network-path"
CUSTOMER_GATEWAY = "aws::ec2::customergateway"
LOCAL_GATEWAY = "microsoft.network/localnetworkgateways"


@dataclass(frozen=True, slots=True)
class _Estate:
    """What is needed of the other assets: whose accounts are ours, and where gateways are."""

    own: frozenset[str]
    gateways: Mapping[str, str]

    def is_foreign(self, owner: str) -> bool:
        return bool(owner) and owner.lower() not in self.own


Teller = Callable[[Asset, _Estate], Iterator[Access]]


def network_access(assets: Iterable[Asset]) -> Iterator[Access]:
    """Yield a right for every peering with an account that is not ours, and for every VPN."""
    own: set[str] = set()
    gateways: dict[str, str] = {}
    ways: list[tuple[Teller, Asset]] = []
    for asset in assets:
        if asset.ref.provider in ("aws", "azure"):
            own.add(asset.ref.scope.lower())
            gateways.update(_gateway(asset))
            if tell := _TELLERS.get(asset.ref.native_type.lower()):
                ways.append((tell, asset))
    estate = _Estate(frozenset(own), gateways)
    for tell, asset in ways:
        yield from tell(asset, estate)


def _gateway(asset: Asset) -> dict[str, str]:
    """Return where a gateway is by its id; nothing for all else."""
    kind, name = asset.ref.native_type.lower(), asset.ref.native_id.lower()
    if kind == CUSTOMER_GATEWAY:
        return {name: str(asset.config.get("IpAddress") or "")}
    if kind == LOCAL_GATEWAY:
        properties = _members(asset.config, "properties")
        return {name: str(properties.get("gatewayIpAddress") or properties.get("fqdn") or "")}
    return {}


def _right(
    principal: Ref, permission: str, resource: str, way: str = "", conditions: str = ""
) -> Access:
    via = (way,) if way else ()
    return Access(
        principal, NETWORK_PATH, permission, resource or "*", via=via, conditions=conditions
    )


def _aws_sides(requester: str, accepter: str, network: str) -> Callable[..., Iterator[Access]]:
    """Return what tells of a peering whose sides stand in two members of its configuration."""

    def tell(asset: Asset, estate: _Estate) -> Iterator[Access]:
        sides = [_members(asset.config, requester), _members(asset.config, accepter)]
        for far, near in (sides, sides[::-1]):
            owner = str(far.get("OwnerId") or "")
            if estate.is_foreign(owner):
                told = [str(far[name]) for name in (network, "CidrBlock", "Region")
                        if far.get(name)]  # fmt: skip
                yield _right(
                    asset.ref, f"{PEERED}{owner}", str(near.get(network) or ""),
                    asset.ref.native_id, " ".join(told),
                )  # fmt: skip

    return tell


def _attachment(asset: Asset, estate: _Estate) -> Iterator[Access]:
    config = asset.config
    for member in ("ResourceOwnerId", "TransitGatewayOwnerId"):
        owner = str(config.get(member) or "")
        if estate.is_foreign(owner):
            yield _right(
                asset.ref, f"{PEERED}{owner}", str(config.get("TransitGatewayId") or ""),
                asset.ref.native_id, str(config.get("ResourceId") or ""),
            )  # fmt: skip


def _aws_vpn(asset: Asset, estate: _Estate) -> Iterator[Access]:
    gateway = str(asset.config.get("CustomerGatewayId") or "")
    far = estate.gateways.get(gateway.lower()) or gateway or "unknown"
    near = asset.config.get("VpnGatewayId") or asset.config.get("TransitGatewayId") or ""
    yield _right(asset.ref, f"{VPN}{far}", str(near), asset.ref.native_id)


def _aws_client_vpn(asset: Asset, estate: _Estate) -> Iterator[Access]:
    networks = str(asset.config.get("VpcId") or "")
    cidr = str(asset.config.get("ClientCidrBlock") or "")
    yield _right(asset.ref, f"{VPN}clients", networks, asset.ref.native_id, cidr)


def _vnet(asset: Asset, estate: _Estate) -> Iterator[Access]:
    listed = _members(asset.config, "properties").get("virtualNetworkPeerings")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            yield from _vnet_peering(asset.ref, str(one.get("name") or ""), one, estate)


def _own_vnet_peering(asset: Asset, estate: _Estate) -> Iterator[Access]:
    native_id, _, name = asset.ref.native_id.rpartition("/virtualnetworkpeerings/")
    ref = asset.ref
    vnet = Ref(ref.provider, ref.scope, ref.region, "Microsoft.Network/virtualNetworks", native_id)
    yield from _vnet_peering(vnet if native_id else ref, name, asset.config, estate)


def _vnet_peering(vnet: Ref, name: str, peering: Config, estate: _Estate) -> Iterator[Access]:
    remote = str(
        _members(_members(peering, "properties"), "remoteVirtualNetwork").get("id") or ""
    ).lower()
    subscription = _subscription(remote)
    if estate.is_foreign(subscription):
        yield _right(vnet, f"{PEERED}{subscription}", vnet.native_id, name.lower(), remote)


def _azure_connection(asset: Asset, estate: _Estate) -> Iterator[Access]:
    properties = _members(asset.config, "properties")
    near = str(_members(properties, "virtualNetworkGateway1").get("id") or "").lower()
    kind = str(properties.get("connectionType") or "connection")
    local = str(_members(properties, "localNetworkGateway2").get("id") or "").lower()
    other = str(_members(properties, "virtualNetworkGateway2").get("id") or "").lower()
    circuit = str(_members(properties, "peer").get("id") or "").lower()
    if other or circuit:
        subscription = _subscription(other or circuit)
        if not estate.is_foreign(subscription):
            return
        yield _right(asset.ref, f"{PEERED}{subscription}", near, kind, other or circuit)
    else:
        far = estate.gateways.get(local) or local or "unknown"
        yield _right(asset.ref, f"{VPN}{far}", near, kind)


def _subscription(resource_id: str) -> str:
    parts = resource_id.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""


def _members(config: Config, name: str) -> Config:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


_TELLERS: Mapping[str, Teller] = {
    "aws::ec2::vpcpeeringconnection": _aws_sides("RequesterVpcInfo", "AccepterVpcInfo", "VpcId"),
    "aws::ec2::transitgatewaypeeringattachment": _aws_sides(
        "RequesterTgwInfo", "AccepterTgwInfo", "TransitGatewayId"
    ),
    "aws::ec2::transitgatewayattachment": _attachment,
    "aws::ec2::vpnconnection": _aws_vpn,
    "aws::ec2::clientvpnendpoint": _aws_client_vpn,
    "microsoft.network/virtualnetworks": _vnet,
    "microsoft.network/virtualnetworks/virtualnetworkpeerings": _own_vnet_peering,
    "microsoft.network/connections": _azure_connection,
}
