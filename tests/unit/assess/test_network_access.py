"""Hold that a way in from somebody else's account or gateway is a right; one of ours is none."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from exitkit.assess.access_holders import attributed, holders_of
from exitkit.assess.network_access import network_access
from exitkit.assess.revocation import revocation_plan
from exitkit.model.asset import Asset, Ref
from exitkit.store.records import access_record

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
OWN, FOREIGN = "123456789012", "999999999999"
SUB, OTHER = "0b1f6471-1bf0-4dda-aec3-111122223333", "9e5a0000-0000-4000-8000-000000000001"
NETS = "resourcegroups/rg/providers/microsoft.network"


def aws(native_type: str, native_id: str, **config: Any) -> Asset:
    ref = Ref("aws", OWN, "eu-west-1", f"AWS::EC2::{native_type}", native_id)
    return Asset(ref, "network.gateway", native_id, config, NOW)


def azure(native_type: str, native_id: str, **properties: Any) -> Asset:
    ref = Ref("azure", SUB, "westeurope", f"Microsoft.Network/{native_type}", native_id)
    return Asset(ref, "network.gateway", native_id, {"properties": properties}, NOW)


def peering(owner: str) -> Asset:
    return aws(
        "VPCPeeringConnection", "pcx-1",
        RequesterVpcInfo={"OwnerId": owner, "VpcId": "vpc-far", "CidrBlock": "10.9.0.0/16"},
        AccepterVpcInfo={"OwnerId": OWN, "VpcId": "vpc-near"},
    )  # fmt: skip


def test_a_peering_with_a_foreign_account_is_a_right_on_the_near_network() -> None:
    (right,) = network_access([peering(FOREIGN)])
    assert right.permission == f"peered-with:{FOREIGN}"
    assert (right.resource, right.via, right.conditions) == (
        "vpc-near", ("pcx-1",), "vpc-far 10.9.0.0/16",
    )  # fmt: skip


def test_a_peering_between_accounts_that_are_both_ours_is_none() -> None:
    second = Asset(Ref("aws", FOREIGN, "", "AWS::EC2::VPC", "vpc-far"), "x", "x", {}, NOW)
    assert list(network_access([peering(FOREIGN), second])) == []
    assert list(network_access([peering(OWN)])) == []


@pytest.mark.parametrize(
    ("asset", "permission"),
    [
        (aws("VPNConnection", "vpn-1", CustomerGatewayId="cgw-1", VpnGatewayId="vgw-1"),
         "vpn-with:203.0.113.7"),
        (aws("ClientVpnEndpoint", "cvpn-1", VpcId="vpc-1", ClientCidrBlock="10.8.0.0/22"),
         "vpn-with:clients"),
        (aws("TransitGatewayAttachment", "tgw-attach-1", ResourceOwnerId=FOREIGN,
             TransitGatewayOwnerId=OWN, TransitGatewayId="tgw-1"), f"peered-with:{FOREIGN}"),
        (azure("virtualNetworks", f"/subscriptions/{SUB}/{NETS}/virtualnetworks/core",
               virtualNetworkPeerings=[{"name": "to-msp", "properties": {"remoteVirtualNetwork": {
                   "id": f"/subscriptions/{OTHER}/{NETS}/virtualNetworks/hub"}}}]),
         f"peered-with:{OTHER}"),
        (azure("connections", f"/subscriptions/{SUB}/{NETS}/connections/vpn",
               connectionType="IPsec", localNetworkGateway2={"id": "/LGW"}),
         "vpn-with:198.51.100.9"),
        (azure("connections", f"/subscriptions/{SUB}/{NETS}/connections/er",
               connectionType="ExpressRoute",
               peer={"id": f"/subscriptions/{OTHER}/{NETS}/expressRouteCircuits/c"}),
         f"peered-with:{OTHER}"),
    ],
)  # fmt: skip
def test_each_kind_of_way_in_names_who_is_at_the_other_end(asset: Asset, permission: str) -> None:
    gateways = [
        aws("CustomerGateway", "cgw-1", IpAddress="203.0.113.7"),
        azure("localNetworkGateways", "/lgw", gatewayIpAddress="198.51.100.9"),
    ]
    assert [one.permission for one in network_access([*gateways, asset])] == [permission]


def test_a_vnet_and_its_peering_tell_of_one_right() -> None:
    vnet = f"/subscriptions/{SUB}/{NETS}/virtualnetworks/core"
    remote = {"id": f"/subscriptions/{OTHER}/{NETS}/virtualNetworks/hub"}
    listed = [{"name": "to-msp", "properties": {"remoteVirtualNetwork": remote}}]
    both = [
        azure("virtualNetworks", vnet, virtualNetworkPeerings=listed),
        azure("virtualNetworks/virtualNetworkPeerings", f"{vnet}/virtualnetworkpeerings/to-msp",
              remoteVirtualNetwork=remote),
    ]  # fmt: skip
    assert len({one.urn for one in network_access(both)}) == 1


def test_the_providers_end_is_marked_and_is_the_first_thing_to_take_away() -> None:
    holders = holders_of({"access": {"holders": [{"holder": "provider", "accounts": [FOREIGN]}]}})
    (right,) = network_access([peering(FOREIGN)])
    found = attributed(access_record(right), holders)
    assert (found.holder, found.because) == ("provider", f"account {FOREIGN}")
    (step,) = revocation_plan([found], {OWN: "prod"})
    assert step.kind == "path"
    assert step.action.endswith("--vpc-peering-connection-id pcx-1")
    assert "prod" in step.probe
