"""Derive from the catalog the least IAM policy that lets exitkit take stock, and nothing more."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from exitkit.errors import InputError
from exitkit.knowledge.aws_actions import as_patterns
from exitkit.knowledge.aws_catalog import Catalog
from exitkit.knowledge.aws_operations import load_discovery
from exitkit.knowledge.aws_witnesses import load_witnesses, witness_operations

QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
"""Where the next three are from; white space is not counted."""
LONGEST_POLICY = 6_144
"""Characters of a managed policy; cannot be raised."""
LONGEST_INLINE = 10_240
"""Characters of all inline policies of a role together; cannot be raised."""
POLICIES_OF_A_ROLE = 10
"""Managed policies attached to a role; the default, which can be raised on request."""


def actions_for(
    catalog: Catalog,
    services: Iterable[str] = ("*",),
    *,
    data: bool = True,
    witnesses: Iterable[str] = (),
    thorough: bool = False,
    depth: str = "full",
    versions: bool = False,
) -> list[str]:
    """Return the actions needed for what `services:` selects, with or without reading data.

    `versions` adds the bytes of earlier versions; `witnesses`, `thorough` and `depth` are those of
    the source: who asks less needs less.
    """
    heard = {
        f"{one.service}:{one.operation}" for one in map(load_witnesses().get, witnesses) if one
    }
    unheard = set(witness_operations()) - heard
    if not thorough:
        unheard |= {one.called for one in load_discovery()}
    patterns = tuple(services)
    actions = set()
    listed = {(row.service, name) for row in catalog.rows() for name in row.operations_at(depth)}
    deeper = {(row.service, name) for row in catalog.rows() for name in row.operations} - listed
    for service, operation in catalog.read_set():
        name = f"{service}:{operation}"
        always = name in heard or name in catalog.extra_operations
        apart = name in catalog.organization_operations or name in unheard
        if apart and not always and (service, operation) not in listed:
            continue
        wanted = any(fnmatchcase(text, pattern) for text in (service, name) for pattern in patterns)
        if not always and (service, operation) in deeper and name not in catalog.data_operations:
            continue
        if name in catalog.data_operations:
            # Data belongs to what was found: where the service is looked at at all.
            found = data and any(fnmatchcase(service, p.partition(":")[0]) for p in patterns)
            wanted = found or (wanted and (service, operation) in listed)
        if always or wanted:
            actions.add(catalog.permission(service, operation))
    if versions and catalog.permission("s3", "GetObject") in actions:
        actions.update(catalog.version_actions)
    for row in catalog.rows():
        names = row.service, f"{row.service}:{row.operation}"
        if row.needs and any(fnmatchcase(text, pattern) for text in names for pattern in patterns):
            actions.update(row.needs)
    return sorted(actions)


def policy_documents(
    actions: Iterable[str], *, compact: bool = False, longest: int = LONGEST_POLICY
) -> Iterator[dict[str, Any]]:
    """Yield policies that together allow `actions`, each within the length IAM accepts."""
    for part in _filled(as_patterns(set(actions), compact=compact), itertools.repeat(longest)):
        yield _document(part)


def role_policies(
    actions: Iterable[str], *, compact: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return what one role needs within IAM's default quotas: managed policies, and one inline.

    An InputError says what to do where the actions do not fit.
    """
    patterns = as_patterns(set(actions), compact=compact)
    sizes = [LONGEST_POLICY] * POLICIES_OF_A_ROLE + [LONGEST_INLINE]
    parts = list(_filled(patterns, iter(sizes)))
    if sum(map(len, parts)) < len(patterns):
        moves = "" if compact else "--compact, or "
        raise InputError(
            f"the policy: {len(patterns)} actions are more than one role carries within IAM's"
            f" default quotas; try {moves}fewer services with --service"
        )
    documents = [_document(part) for part in parts]
    managed, inline = documents[:POLICIES_OF_A_ROLE], documents[POLICIES_OF_A_ROLE:]
    return managed, inline[0] if inline else None


def caller_policy(catalog: Catalog, role_name: str) -> dict[str, Any]:
    """Return what the caller needs to find the accounts of an organization and to enter them."""
    listing = [catalog.permission(*name.split(":")) for name in catalog.organization_operations]
    role = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:*:iam::*:role/{role_name}",
    }
    document = _document(sorted(listing))
    return {**document, "Statement": [*document["Statement"], role]}


def _filled(patterns: Iterable[str], sizes: Iterator[int]) -> Iterator[list[str]]:
    """Yield the patterns in order, as many at a time as a policy of the next size holds."""
    part: list[str] = []
    longest = next(sizes)
    for pattern in patterns:
        if part and not _fits([*part, pattern], longest):
            yield part
            part = []
            try:
                longest = next(sizes)
            except StopIteration:
                return
        part.append(pattern)
    if part:
        yield part


def _document(actions: list[str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _fits(actions: list[str], longest: int) -> bool:
    return len(json.dumps(_document(actions), separators=(",", ":"))) <= longest
