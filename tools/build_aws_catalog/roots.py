"""Find the list operations of a model that need no knowledge of what an account holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.build_aws_catalog.nouns import plain

READS = re.compile(
    r"^(List|Describe|Get|Search|Batch(Get|Describe)|Query|Select|Scan|Lookup|View)(?=[A-Z])"
)
ACCOUNT_INPUTS = {"accountid", "awsaccountid", "catalogid"}
PAGE_INPUTS = {"maxresults", "maxitems", "limit", "pagesize", "maxrecords", "maxpagesize"}


def root_list_operations(model: Mapping[str, Any]) -> Iterator[str]:
    """Yield each read operation that answers with a list and can be asked from nothing."""
    shapes = model["shapes"]
    for name, row in model["operations"].items():
        if READS.match(name) and "output" in row and _holds_a_list(shapes, row["output"]["shape"]):
            taken = shapes[row["input"]["shape"]] if "input" in row else {}
            members = taken.get("members", {})
            if all(
                _known_beforehand(wanted, shapes[members[wanted]["shape"]])
                for wanted in taken.get("required", ())
            ):
                yield name


def _known_beforehand(name: str, shape: Mapping[str, Any]) -> bool:
    """Tell whether an argument is the account, a page size, or one of a few fixed values."""
    if plain(name) in ACCOUNT_INPUTS or "enum" in shape or shape["type"] == "boolean":
        return True
    return plain(name) in PAGE_INPUTS and shape["type"] == "integer"


def _holds_a_list(shapes: Mapping[str, Any], shape: str, depth: int = 0) -> bool:
    """Tell whether an answer has a list or a map, at its top or one structure below."""
    for reference in shapes[shape].get("members", {}).values():
        kind = shapes[reference["shape"]]["type"]
        if kind in ("list", "map"):
            return True
        if kind == "structure" and depth < 1 and _holds_a_list(shapes, reference["shape"], 1):
            return True
    return False
