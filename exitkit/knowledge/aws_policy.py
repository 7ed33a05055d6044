"""Derive from the catalog the least IAM policy that lets exitkit take stock, and nothing more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from exitkit.knowledge.aws_catalog import Catalog

LONGEST_POLICY = 6144
"""Characters IAM allows in a managed policy, white space not counted."""

DATA_READS = frozenset({"s3:GetObject", "s3:ListObjectsV2", "dynamodb:Scan", "lambda:GetFunction"})


def actions_for(
    catalog: Catalog, services: Iterable[str] = ("*",), *, data: bool = True
) -> list[str]:
    """Return the actions needed for what `services:` selects, with or without reading data."""
    patterns = tuple(services)
    actions = set()
    for service, operation in catalog.read_set():
        name = f"{service}:{operation}"
        always = name in catalog.extra_operations and name not in DATA_READS
        wanted = any(fnmatchcase(text, pattern) for text in (service, name) for pattern in patterns)
        if name in DATA_READS:
            # Data belongs to what was found: where the service is looked at at all.
            wanted = data and any(fnmatchcase(service, p.partition(":")[0]) for p in patterns)
        if always or wanted:
            actions.add(catalog.permission(service, operation))
    for row in catalog.rows():
        names = row.service, f"{row.service}:{row.operation}"
        if row.needs and any(fnmatchcase(text, pattern) for text in names for pattern in patterns):
            actions.update(row.needs)
    return sorted(actions)


def policy_documents(actions: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield policies that together allow `actions`, each within the length IAM accepts.

    A service is never split over two statements of one policy, and over two policies only where
    it does not fit one.
    """
    by_service: dict[str, list[str]] = defaultdict(list)
    for action in sorted(set(actions)):
        by_service[action.partition(":")[0]].append(action)
    statements: list[dict[str, Any]] = []
    for service, allowed in sorted(by_service.items()):
        for statement in _statements(service, allowed):
            if statements and not _fits([*statements, statement]):
                yield _document(statements)
                statements = []
            statements.append(statement)
    if statements:
        yield _document(statements)


def _statements(service: str, actions: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the statements of a service: one, unless it alone is longer than a policy."""
    part: list[str] = []
    for action in actions:
        if part and not _fits([_statement(service, [*part, action])]):
            yield _statement(service, part)
            part = []
        part.append(action)
    yield _statement(service, part)


def _statement(service: str, actions: list[str]) -> dict[str, Any]:
    sid = "Read" + "".join(word.capitalize() for word in service.split("-"))
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _fits(statements: list[dict[str, Any]]) -> bool:
    return len(json.dumps(_document(statements), separators=(",", ":"))) <= LONGEST_POLICY
