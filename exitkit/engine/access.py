"""Read the rights of a bundle with their holders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitkit.assess.access_holders import Right, holders_of, rights
from exitkit.assess.revocation import Revocation, revocation_plan
from exitkit.store.reader import Bundle


def rights_of(bundle: Bundle, contract: Mapping[str, Any]) -> list[Right]:
    """Return every right of the bundle, in its order, with its holder by the contract's marks."""
    return list(rights(bundle.records("access"), holders_of(contract)))


def plan_for(bundle: Bundle, held: list[Right], holder: str) -> list[Revocation]:
    """Return how the rights of one holder are taken back."""
    sources = {str(row["scope"]): str(row["source"]) for row in bundle.records("scopes")}
    return revocation_plan([right for right in held if right.holder == holder], sources)
