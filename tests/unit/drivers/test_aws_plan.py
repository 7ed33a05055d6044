"""What only a parent makes possible hangs below the last of its parents to be known."""

from __future__ import annotations

import botocore.session

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_plan import Selection, plan_for
from exitkit.knowledge.aws_catalog import load_catalog

CATALOG = load_catalog()


def above(name: str) -> set[str]:
    """Walk up from a type, by every parent of every type on the way."""
    row = CATALOG.types.get(name)
    parents = set(row.parent.values()) - {name} if row else set()
    return parents.union(*(above(parent) for parent in parents))


def test_no_child_hangs_above_another_of_its_parents() -> None:
    # Only the last parent knows the names of all before it: above it, the child is never asked.
    session = botocore.session.Session()
    account = Account("123456789012", "aws", "us-east-1", None, session)
    plan = plan_for(account, CATALOG, Selection("all", ("*",), ("us-east-1",)))
    too_high = [
        (row.native_type, parent)
        for parent, rows in plan.children.items()
        for row in rows
        for other in row.parent.values()
        if parent in above(other) and other in CATALOG.types
    ]
    assert too_high == []
