"""Choose for each type the call whose answer lists its items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.build_aws_catalog import members
from tools.build_aws_catalog.nouns import leaf_name, operation_noun, plain, type_noun
from tools.build_aws_catalog.roots import ACCOUNT_INPUTS, PAGE_INPUTS
from tools.build_aws_catalog.services import Services
from tools.build_aws_catalog.sources import (
    Model,
    Operation,
    Sources,
    handler_permissions,
    identifier_leaves,
)


@dataclass(frozen=True, slots=True)
class Items:
    """A list inside an answer, and how well it fits the type."""

    path: str
    kind: str
    shape: str
    ids: dict[str, str | None]
    score: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The list call chosen for a type; `bind` is None where only a parent can fill the inputs."""

    service: str
    operation: Operation
    named_by_handler: bool
    noun_score: float
    items: Items
    bind: dict[str, Any] | None
    score: float

    @property
    def confidence(self) -> str:
        """How sure the choice is; anything but `high` deserves a look."""
        if not any(self.items.ids.values()):
            return "low"
        if self.named_by_handler and self.noun_score >= 100 and self.items.score >= 30:
            return "high"
        if self.noun_score >= 80 or (self.named_by_handler and self.noun_score >= 50):
            return "medium"
        return "low"


def choose(native_type: str, sources: Sources, services: Services) -> Choice | None:
    """Return the best list call of a type, or None where nothing fits."""
    best: Choice | None = None
    for service, name, by_handler in _candidates(native_type, sources, services):
        model = sources.models[service]
        operation = model.operations[name]
        noun_score = _noun_score(native_type, operation, by_handler)
        if noun_score < 40 and not by_handler:
            continue
        items = _best_items(native_type, model, operation, sources)
        if items is None:
            continue
        bind = _bound(model, operation)
        score = noun_score + items.score + (10 if bind is not None else 0)
        if best is None or score > best.score:
            best = Choice(service, operation, by_handler, noun_score, items, bind, score)
    return best


def _candidates(
    native_type: str, sources: Sources, services: Services
) -> Iterator[tuple[str, str, bool]]:
    """Yield (service, operation, named by the list handler), those of the handler first."""
    own = services.behind_type(native_type)
    seen = set()
    for permission in handler_permissions(sources.schemas[native_type], "list"):
        prefix, action = permission.split(":", 1)
        for service in services.behind_prefix(prefix):
            foreign = own and service not in own
            if foreign and any(action in sources.models[name].operations for name in own):
                continue
            for name in sources.models[service].operations:
                if name.lower() == action.lower() and (service, name) not in seen:
                    seen.add((service, name))
                    yield service, name, True
    for service in own:
        for name in sources.models[service].operations if service in sources.models else ():
            if (service, name) not in seen:
                yield service, name, False


def _noun_score(native_type: str, operation: Operation, by_handler: bool) -> float:
    """Score how well the operation's noun names the type."""
    noun = plain(type_noun(native_type))
    full = plain(native_type.split("::")[1]) + noun
    about = operation_noun(operation.name)
    score = 0.0
    if about == noun:
        score = 100
    elif about == full:
        score = 95
    elif about.startswith(noun) or about.endswith(noun):
        score = 60 - abs(len(about) - len(noun))
    elif noun.endswith(about) and len(about) > 3:
        score = 55 - abs(len(about) - len(noun)) * 0.5
    elif noun.startswith(about) and len(about) > 3:
        score = 30 - abs(len(about) - len(noun)) * 0.5
    score += 25 if by_handler else 0
    score += 5 if operation.name.startswith(("List", "Describe")) else 0
    score -= 40 if operation.deprecated else 0
    # A paginated call lists all; one with optional ids may answer for a default only.
    score += 6 if operation.paginated else 0
    return score


def _best_items(
    native_type: str, model: Model, operation: Operation, sources: Sources
) -> Items | None:
    leaves = identifier_leaves(sources.schemas[native_type])
    best: Items | None = None
    for path, kind, shape in model.lists(operation):
        if kind == "structure":
            held = members.ids(
                native_type, leaves, model.shapes[shape].get("members", {}), operation.required
            )
            score = 30 * sum(value is not None for value in held.values()) / max(1, len(held))
        elif kind == "string":
            held, score = _named_by_text(leaves, operation), 12.0
        else:
            continue
        noun, leaf = plain(type_noun(native_type)), leaf_name(path)
        score += 15 if leaf and noun.endswith(leaf) else 0
        score += 10 if any(key and path.startswith(key) for key in operation.result_keys) else 0
        score -= 8 if path.count("[]") > 1 else 0
        if best is None or score > best.score:
            best = Items(path, kind, shape, held, score)
    return best


def _named_by_text(leaves: list[str], operation: Operation) -> dict[str, str | None]:
    """Map a list of plain texts: to the last part that the arguments do not tell already."""
    told = {plain(name) for name in operation.required}
    own = [leaf for leaf in leaves if plain(leaf) not in told] or leaves
    return {leaf: "@" if own and leaf == own[-1] else None for leaf in leaves}


def _bound(model: Model, operation: Operation) -> dict[str, Any] | None:
    """Return the required inputs that need no knowledge: account, page size, enum, boolean."""
    bound: dict[str, Any] = {}
    for name in operation.required:
        shape = model.shapes[operation.input_members[name]]
        if plain(name) in ACCOUNT_INPUTS:
            bound[name] = "$account"
        elif plain(name) in PAGE_INPUTS and shape["type"] == "integer":
            bound[name] = min(shape.get("max", 50), 50)
        elif "enum" in shape:
            bound[name] = {"each": shape["enum"]}
        elif shape["type"] == "boolean":
            bound[name] = True
        else:
            return None
    return bound
