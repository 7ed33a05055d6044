"""Say who gets into a host, by which key, and what they may do there as whom."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exitkit.drivers.host_logins import COMMANDS, last_login_days, last_login_of
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access
from exitkit.model.verdict import Aspect, Draft, Gap, Level, Responsible
from exitkit.ports import Finding

if TYPE_CHECKING:
    from exitkit.drivers.host_findings import HostAnswers

LAST_LOGIN = frozenset(("last_login_on", "last_login_from"))
"""Members of a user that change with each login, and make no difference between snapshots."""
USER, GROUP, KEY = "Host/User", "Host/Group", "Host/Key"
_KEY_ENDS = re.compile(r'expiry-time="?([0-9]{8})')
ROOT_GROUPS = frozenset(("docker", "lxd", "libvirt", "disk"))
"""Groups whose members are as good as root without any sudo rule."""


def rights(host: HostAnswers) -> Iterator[Finding]:
    """Yield users, groups that grant something, keys, and one access record per way in."""
    yield from _users(host)
    for found in (*_groups(host), *_sudo(host), *_keys(host)):
        yield _with_end(found, host) if isinstance(found, Access) else found
    yield from _machine_access(host)


def _with_end(right: Access, host: HostAnswers) -> Access:
    """Return the right with its last day: that of the account, or of the key, if it is earlier."""
    user = right.principal.native_id.rpartition("/")[2]
    if right.principal_type == "ssh-key":
        user = right.permission.removeprefix("log in as ")
    told = [row["expires_on"] for row in host.rows("account-expiry") if row["name"] == user]
    told += _KEY_ENDS.findall(right.conditions)
    days = [day for day in map(_day, told) if day]
    last = last_login_days(row for command in COMMANDS for row in host.rows(command)).get(user)
    return replace(
        right,
        expires_on=min(days) if days else right.expires_on,
        last_used_on=right.last_used_on or last,
    )


def _day(told: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(told)
    except ValueError:
        return None


def _users(host: HostAnswers) -> Iterator[Finding]:
    status = {row["name"]: row["status"] for row in host.rows("account-status")}
    expiry = {row["name"]: row["expires_on"] for row in host.rows("account-expiry")}
    logins = last_login_of(row for command in COMMANDS for row in host.rows(command))
    for row in host.rows("users"):
        config: dict[str, Any] = {member: value for member, value in row.items() if value != ""}
        if row["name"] in status:
            config["password"] = status[row["name"]]
        if row["name"] in expiry:
            config["expires_on"] = expiry[row["name"]]
        config["groups"] = sorted(_groups_of(host, row))
        config.update({n: v for n, v in logins.get(row["name"], {}).items() if n in LAST_LOGIN})
        asset = replace(host.asset(USER, row["name"], config), volatile=LAST_LOGIN)
        yield asset
        yield Relation(asset.ref, "memberOf", host.machine)


def _groups_of(host: HostAnswers, user: dict[str, Any]) -> set[str]:
    return {
        group["name"]
        for group in host.rows("groups")
        if user["name"] in group["members"] or group["gid"] == user["gid"]
    }


def _members(host: HostAnswers, group_name: str) -> list[str]:
    group = next((one for one in host.rows("groups") if one["name"] == group_name), None)
    if group is None:
        return []
    primary = {row["name"] for row in host.rows("users") if row["gid"] == group["gid"]}
    return sorted({*group["members"], *primary})


def _groups(host: HostAnswers) -> Iterator[Finding]:
    named = {row["principal"] for row in host.rows("sudo-rules") if row["is_group"]}
    for row in host.rows("groups"):
        if row["name"] not in named | ROOT_GROUPS:
            continue
        asset = host.asset(GROUP, row["name"], dict(row))
        yield asset
        for member in _members(host, row["name"]):
            yield Relation(host.ref(USER, member), "memberOf", asset.ref)
            if row["name"] in ROOT_GROUPS:
                yield Access(
                    host.ref(USER, member), "user", f"group {row['name']}", host.name,
                    via=(f"group {row['name']}",),
                )  # fmt: skip


def _sudo(host: HostAnswers) -> Iterator[Access]:
    for row in host.rows("sudo-rules"):
        permission = f"sudo ({row['run_as']}) {row['tags']} {row['command']}".replace("  ", " ")
        effect = "deny" if row["is_denied"] else "allow"
        hosts = ", ".join(row["hosts"])
        conditions = "" if hosts in ("", "ALL") else f"on hosts {hosts}"
        kind = GROUP if row["is_group"] else USER
        yield Access(
            host.ref(kind, row["principal"]), "group" if row["is_group"] else "user", permission,
            host.name, effect, ("/etc/sudoers",), conditions,
        )  # fmt: skip
        if row["is_group"]:
            for member in _members(host, row["principal"]):
                yield Access(
                    host.ref(USER, member), "user", permission, host.name, effect,
                    (f"group {row['principal']}", "/etc/sudoers"), conditions,
                )  # fmt: skip


def _keys(host: HostAnswers) -> Iterator[Finding]:
    homes = {row["home"]: row["name"] for row in host.rows("users")}
    for row in host.rows("authorized-keys"):
        # The same key on many hosts is one key, and one thing to revoke.
        ref = Ref(host.machine.provider, host.site, "", KEY, row["fingerprint"])
        config = {"type": row["type"], "fingerprint": row["fingerprint"]}
        yield Asset(
            ref, kind_of(KEY), row["comment"] or row["fingerprint"], config, host.now,
            identifiers=(("ssh-key", row["fingerprint"]),),
        )  # fmt: skip
        folder, _, file_name = row["path"].rpartition("/")
        user = homes.get(folder.removesuffix("/.ssh"), "") or file_name
        told = [f"comment {row['comment']}"] if row["comment"] else []
        conditions = "; ".join([*told, *([row["options"]] if row["options"] else [])])
        yield Access(
            ref, "ssh-key", f"log in as {user}", host.name, via=(row["path"],),
            conditions=conditions,
        )  # fmt: skip


def _machine_access(host: HostAnswers) -> Iterator[Draft | Gap]:
    settings = host.one("ssh-server")
    elsewhere = [
        name for name in ("authorizedkeyscommand", "trustedusercakeys") if settings.get(name)
    ]
    if elsewhere:
        yield Gap(
            host.machine, Aspect.ACCESS, Level.DESCRIBED, "semantic-loss",
            f"The SSH server also lets in by {' and '.join(elsewhere)}, which no file here lists.",
            Responsible.CUSTOMER, "Ask whoever runs that directory or authority who it lets in.",
            method="ssh", confidence="high",
        )  # fmt: skip
        return
    unread = [
        name for name in ("users", "sudo-rules", "authorized-keys") if name not in host.answers
    ]
    if unread:
        yield Gap(
            host.machine, Aspect.ACCESS, Level.DESCRIBED, "permission-denied",
            f"Not everything was told: {', '.join(unread)}; the ledger says why.",
            Responsible.CUSTOMER, "Install the fragment of 'exitkit policy hosts' and repeat.",
            method="ssh", confidence="high",
        )  # fmt: skip
        return
    yield Draft(host.machine, Aspect.ACCESS, Level.OPEN, method="ssh", format="access.jsonl")
