"""Derive how the rights of a party are taken back, in which order, and how that is proved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.access_holders import Right
from exitkit.assess.network_access import NETWORK_PATH

Record = Mapping[str, Any]

_ORDER = ("path", "trust", "key", "sudo", "user", "assignment", "other")
"""Ways in before what they lead to: a trust that stays would bring a removed user back."""


_PATH_ACTIONS = {
    "AWS::EC2::VPCPeeringConnection":
        "aws ec2 delete-vpc-peering-connection --vpc-peering-connection-id {name}",
    "AWS::EC2::VPNConnection": "aws ec2 delete-vpn-connection --vpn-connection-id {name}",
    "AWS::EC2::ClientVpnEndpoint":
        "aws ec2 delete-client-vpn-endpoint --client-vpn-endpoint-id {name}",
    "AWS::EC2::TransitGatewayAttachment":
        "delete the attachment {name} with the command of its kind: "
        "aws ec2 delete-transit-gateway-vpc-attachment",
    "AWS::EC2::TransitGatewayPeeringAttachment":
        "aws ec2 delete-transit-gateway-peering-attachment "
        "--transit-gateway-attachment-id {name}",
    "Microsoft.Network/virtualNetworks":
        "az network vnet peering delete, on the network {name}",
    "Microsoft.Network/connections": "az network vpn-connection delete --ids {name}",
}  # fmt: skip


_SIMPLE_ACTIONS = {
    "git-author": "take {name} out of those who may push to {resource}, and its keys and tokens",
    "code-owner": "take {name} out of the code owners of {resource}",
    "device-user": "remove the local user {name} on {resource}, and check its login at AAA servers",
}


@dataclass(frozen=True, slots=True)
class Revocation:
    """One thing to take away; `rights` is how many access records end with it.

    `action` is in the provider's own words and is typed by a person: exitkit never does it.
    """

    kind: str
    subject: str
    where: str
    action: str
    rights: int
    probe: str


def revocation_plan(rights: Iterable[Right], source_of: Mapping[str, str]) -> list[Revocation]:
    """Return what to take away, ways in first; `source_of` gives the source by scope."""
    groups: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for right in rights:
        if right.is_open:
            groups[_step(right.record)] += 1
    plan = [
        Revocation(
            kind, subject, where, action, count,
            probe="`prove-revoked` step" + (f" of source {source}" if source else ""),
        )
        for (kind, subject, where, action), count in groups.items()
        for source in [source_of.get(where.partition("/")[2].partition("/")[0], "")]
    ]  # fmt: skip
    return sorted(plan, key=lambda one: (_ORDER.index(one.kind), one.where, one.subject))


def _step(record: Record) -> tuple[str, str, str, str]:
    place = record["principalPlace"]
    provider, name = str(place["name"]), str(place["nativeId"])
    where = f"{provider}/{place['scope']}"
    via = [str(one) for one in record.get("via", ())]
    permission = str(record["permission"])
    if permission.startswith("assumed-by:"):
        trusted = permission.split(":", 2)[2]
        action = f"take {trusted} out of the trust policy: aws iam update-assume-role-policy"
        return "trust", f"{name} trusts {trusted}", where, f"{action} --role-name {name}"
    principal_type = str(record["principalType"])
    if principal_type == NETWORK_PATH:
        native_type = str(place["nativeType"])
        action = _PATH_ACTIONS.get(native_type, "take down {name}").format(name=name)
        return "path", f"{permission} by {name}", where, action
    if action := _SIMPLE_ACTIONS.get(principal_type, ""):
        return "user", name, where, action.format(name=name, resource=record["resource"])
    if provider == "aws":
        kind = "user" if str(record["principalType"]) == "user" else "other"
        action = f"aws iam delete-{record['principalType']} for {name}, after its keys and policies"
        return kind, name, where, action
    if provider == "azure":
        action = f"az role assignment delete --assignee {name} --scope {record['resource']}"
        return "assignment", name, where, action
    if provider == "hosts":
        kind, subject, action = _on_host(record, name, permission, via)
        return kind, subject, where, action
    return "other", name, where, f"take {permission} on {record['resource']} from {name}"


def _on_host(record: Record, name: str, permission: str, via: list[str]) -> tuple[str, str, str]:
    user, file = name.rpartition("/")[2], via[-1] if via else ""
    if str(record["principalType"]) == "ssh-key":
        # The principal is the fingerprint itself, which may hold a slash.
        action = f"remove the key {name} from {file or 'authorized_keys'}"
        return "key", f"{record['resource']}: {name}", action
    if via and via[0].startswith("group "):
        group = via[0].removeprefix("group ")
        return "sudo", f"{name} in {group}", f"gpasswd --delete {user} {group}"
    if permission.startswith("sudo"):
        return "sudo", name, f"remove the rule of {user} from {file or '/etc/sudoers'}"
    return "other", name, f"take {permission} on {record['resource']} from {name}"
