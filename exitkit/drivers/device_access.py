"""Say who gets into a network device, by its own users, servers that decide it, and tunnels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.network_access import WayIn, ways_in
from exitkit.knowledge.network_platforms import Platform
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access
from exitkit.ports import Finding

USERS = {"device-user": "Device/User", "vpn-user": "Device/VpnUser"}
ELSEWHERE = {
    "authentication-server": "Device/AuthenticationServer",
    "vpn-peer": "Device/VpnPeer",
}
"""Principals that live outside of the device, and are no assets of it."""
OTHERWISE = {
    "device-user": "log in",
    "vpn-user": "log in to the VPN",
    "authentication-server": "decide who logs in",
    "vpn-peer": "open a tunnel",
}


def device_access(
    device: Ref, platform: Platform, configuration: str, now: dt.datetime
) -> Iterator[Finding]:
    """Yield the users of a configuration without secrets, and a record for each right."""
    for way in ways_in(platform, configuration):
        if way.type in USERS:
            yield from _user(device, way, now)
        else:
            principal = Ref(device.provider, device.scope, "", ELSEWHERE[way.type], way.name)
            yield from _rights(principal, device, way)


def _user(device: Ref, way: WayIn, now: dt.datetime) -> Iterator[Finding]:
    native_type = USERS[way.type]
    ref = Ref(device.provider, device.scope, "", native_type, f"{device.native_id}/{way.name}")
    yield Asset(
        ref, kind_of(native_type), way.name,
        {"device": device.native_id, "permissions": list(_permissions(way))}, now,
    )  # fmt: skip
    yield Relation(ref, "memberOf", device)
    yield from _rights(ref, device, way)


def _rights(principal: Ref, device: Ref, way: WayIn) -> Iterator[Access]:
    for permission in _permissions(way):
        yield Access(principal, way.type, permission, device.native_id, via=(way.via,))


def _permissions(way: WayIn) -> tuple[str, ...]:
    return tuple(permission or OTHERWISE[way.type] for permission in way.permissions)
