"""Read out of IAM's own answers who may do what to what, and through which policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

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


def access_of(assets: Iterable[Asset]) -> Iterator[Access | Relation]:
    """Yield every grant of every user, group and role, and how groups and policies hang on them."""
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
