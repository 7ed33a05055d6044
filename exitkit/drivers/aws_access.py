"""Read out of IAM's own answers who may do what to what, and through which policy."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from exitkit.drivers.aws_answers import Item
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access

USER, GROUP, ROLE = "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Role"
MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
INLINE = {USER: "UserPolicyList", GROUP: "GroupPolicyList", ROLE: "RolePolicyList"}


@dataclass(frozen=True, slots=True)
class _Iam:
    """The IAM assets of one account by the names they refer to each other with."""

    groups: Mapping[str, Asset]
    policies: Mapping[str, Asset]
    principals: tuple[Asset, ...] = field(default=())


ACCESS_KEY = "AWS::IAM::AccessKey"


def access_of(
    assets: Iterable[Asset], last_used: Mapping[Ref, dt.date] | None = None
) -> Iterator[Access | Relation]:
    """Yield every grant of every user, group and role, and how groups and policies hang on them.

    `last_used` is what `last_used_on` told of users and roles.
    """
    days = last_used or {}
    for found in _access_of(assets):
        if isinstance(found, Access) and found.principal in days:
            yield replace(found, last_used_on=days[found.principal])
        else:
            yield found


def last_used_on(items: Iterable[Item]) -> dict[Ref, dt.date]:
    """Return when each user and role was last seen at work: by password, by key, by being taken.

    The days change by themselves, so they are read here, before assets are made without them.
    """
    found: dict[Ref, dt.date] = {}
    for item in items:
        if item.row.native_type not in (USER, ROLE, ACCESS_KEY):
            continue
        native_type, owner, told = item.row.native_type, item.native_id, None
        if native_type == USER:
            told = item.config.get("PasswordLastUsed")
        elif native_type == ROLE:
            told = (item.config.get("RoleLastUsed") or {}).get("LastUsedDate")
        elif native_type == ACCESS_KEY:
            told = (item.config.get("AccessKeyLastUsed") or {}).get("LastUsedDate")
            native_type, owner = USER, str(item.parts.get("UserName", ""))
        if day := _day(told):
            ref = Ref("aws", item.scope, item.region, native_type, owner)
            found[ref] = max(day, found.get(ref, day))
    return found


def _day(told: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(told)[:10]) if told else None
    except ValueError:
        return None


def _access_of(assets: Iterable[Asset]) -> Iterator[Access | Relation]:
    found = [asset for asset in assets if asset.ref.native_type.startswith("AWS::IAM::")]
    iam = _Iam(
        groups={a.ref.native_id: a for a in found if a.ref.native_type == GROUP},
        policies={a.ref.native_id: a for a in found if a.ref.native_type == MANAGED_POLICY},
        principals=tuple(a for a in found if a.ref.native_type in INLINE),
    )
    for principal in iam.principals:
        yield from _grants_of(principal, principal.ref, (), iam)
        if principal.ref.native_type == ROLE:
            yield from _who_may_assume(principal)


def _grants_of(
    holder: Asset, principal: Ref, via: tuple[str, ...], iam: _Iam
) -> Iterator[Access | Relation]:
    for policy in holder.config.get(INLINE[holder.ref.native_type]) or ():
        path = (*via, f"inline policy {policy.get('PolicyName', '')}")
        yield from _statements(principal, policy.get("PolicyDocument"), path)
    for attached in holder.config.get("AttachedManagedPolicies") or ():
        arn = attached.get("PolicyArn", "")
        path = (*via, f"policy {arn}")
        if policy_asset := iam.policies.get(arn):
            yield Relation(policy_asset.ref, "grants", principal)
            yield from _statements(principal, _default_version(policy_asset), path)
        else:
            # The provider's own policies are not ours to list: the name says what they grant.
            yield _access(principal, f"policy:{attached.get('PolicyName', arn)}", "*", via=path)
    for name in holder.config.get("GroupList") or ():
        if group := iam.groups.get(name):
            yield Relation(holder.ref, "memberOf", group.ref)
            yield from _grants_of(group, principal, (f"group {name}",), iam)


def _who_may_assume(role: Asset) -> Iterator[Access]:
    for statement in _statement_list(role.config.get("AssumeRolePolicyDocument")):
        trusted = statement.get("Principal", {})
        named = trusted if isinstance(trusted, dict) else {"AWS": trusted}
        for family, names in sorted(named.items()):
            for name in _listed(names):
                yield _access(
                    role.ref,
                    f"assumed-by:{family}:{name}",
                    role.ref.native_id,
                    effect=str(statement.get("Effect", "Allow")).lower(),
                    via=("trust policy",),
                    conditions=_conditions(statement),
                )


def _statements(principal: Ref, document: Any, via: tuple[str, ...]) -> Iterator[Access]:
    for statement in _statement_list(document):
        for action in _granted(statement, "Action"):
            for resource in _granted(statement, "Resource"):
                yield _access(
                    principal,
                    action,
                    resource,
                    effect=str(statement.get("Effect", "Allow")).lower(),
                    via=via,
                    conditions=_conditions(statement),
                )


def _access(
    principal: Ref,
    permission: str,
    resource: str,
    *,
    effect: str = "allow",
    via: tuple[str, ...] = (),
    conditions: str = "",
) -> Access:
    kind = principal.native_type.rsplit("::", 1)[-1].lower()
    return Access(principal, kind, permission, resource, effect, via, conditions)


def _granted(statement: Mapping[str, Any], member: str) -> list[str]:
    """Return actions or resources; the negated form keeps its word, it means all but these."""
    if member in statement:
        return _listed(statement[member])
    return [f"Not{member}:{name}" for name in _listed(statement.get(f"Not{member}", "*"))]


def _conditions(statement: Mapping[str, Any]) -> str:
    held = statement.get("Condition")
    return json.dumps(held, sort_keys=True, separators=(",", ":")) if held else ""


def _default_version(policy: Asset) -> Any:
    versions = policy.config.get("PolicyVersionList") or ()
    return next((v.get("Document") for v in versions if v.get("IsDefaultVersion")), None)


def _statement_list(document: Any) -> list[Mapping[str, Any]]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    found = statements if isinstance(statements, list) else [statements]
    return [statement for statement in found if isinstance(statement, dict)]


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
