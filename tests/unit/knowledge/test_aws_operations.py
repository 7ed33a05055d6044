"""Account for every list operation that AWS has: in the catalog, in discovery, or left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_operations import load_discovery, load_uncalled
from exitkit.knowledge.aws_policy import actions_for
from tools.build_aws_catalog.roots import root_list_operations

CATALOG = load_catalog()
UNCALLED = load_uncalled()
DISCOVERY = {one.called for one in load_discovery()}
DETAILS = {f"{row.service}:{one.operation}" for row in CATALOG.rows() for one in row.details}
LISTED = {f"{row.service}:{row.operation}" for row in CATALOG.rows()}
CALLED = {f"{service}:{operation}" for service, operation in CATALOG.read_set()} - DISCOVERY
CALLED -= DETAILS - LISTED  # asked about one thing: that lists nothing
PLACES = Counter(
    [*CALLED, *DISCOVERY, *(name for name, _ in UNCALLED.ignored), *dict(UNCALLED.seen)]
)


def described(**operations: dict[str, Any]) -> dict[str, Any]:
    """A model with the operations named, each with a list in its answer."""
    shapes: dict[str, Any] = {
        "Answer": {"type": "structure", "members": {"Items": {"shape": "Items"}}},
        "Items": {"type": "list", "member": {"shape": "Text"}},
        "Text": {"type": "string"},
        "Scope": {"type": "string", "enum": ["ALL"]},
    }
    rows = {}
    for name, inputs in operations.items():
        shapes[f"{name}Input"] = {
            "type": "structure",
            "members": {key: {"shape": shape} for key, shape in inputs.items()},
            "required": list(inputs),
        }
        rows[name] = {"input": {"shape": f"{name}Input"}, "output": {"shape": "Answer"}}
    return {"operations": rows, "shapes": shapes}


def test_nothing_is_in_two_places() -> None:
    assert [name for name, count in PLACES.items() if count > 1] == []


def test_an_upgrade_that_brings_an_operation_is_noticed() -> None:
    newer = described(ListBrandNewThings={}, ListThingsOfScope={"Scope": "Scope"})
    found = {f"ec2:{name}" for name in root_list_operations(newer)}
    assert found - PLACES.keys() == {"ec2:ListBrandNewThings", "ec2:ListThingsOfScope"}


def test_an_operation_that_wants_a_thing_is_no_root() -> None:
    model = described(ListPartsOfThing={"ThingId": "Text"}, CreateThings={})
    assert list(root_list_operations(model)) == []


def test_every_reason_is_one_of_the_closed_list() -> None:
    given = {reason for _, reason in UNCALLED.ignored}
    assert given == set(UNCALLED.reasons)
    assert all(UNCALLED.reasons.values())


def test_what_is_seen_elsewhere_is_seen_by_a_type_of_the_catalog() -> None:
    assert {name: kind for name, kind in UNCALLED.seen if kind not in CATALOG.types} == {}


def test_discovery_asks_for_no_permission_unless_it_is_wanted() -> None:
    usual, thorough = actions_for(CATALOG), actions_for(CATALOG, thorough=True)
    assert set(usual) < set(thorough)
    assert "kinesis:ListQueues" not in usual
    assert "support:DescribeCases" in set(thorough) - set(usual)
