"""Make the catalog row of each type out of the call chosen for it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tools.build_aws_catalog import members
from tools.build_aws_catalog.lists import Choice, choose
from tools.build_aws_catalog.nouns import operation_noun, plain, type_noun
from tools.build_aws_catalog.services import Services
from tools.build_aws_catalog.sources import (
    Model,
    Operation,
    Sources,
    handler_permissions,
    identifier_leaves,
)

RANK = {"high": 2, "medium": 1, "low": 0}
SECRET_MEMBER = re.compile(
    r"secret(?!arn|id|name)|password|privatekey|credential|apikey|token$", re.IGNORECASE
)


def make_rows(sources: Sources, services: Services) -> dict[str, dict[str, Any]]:
    """Return the row of every type; one that cannot be listed has only its identifier."""
    rows = {}
    choices = {}
    for native_type in sources.schemas:
        choice = choose(native_type, sources, services)
        rows[native_type] = _row(native_type, choice, sources, services)
        if choice:
            choices[native_type] = choice
    _give_each_answer_one_type(rows, choices)
    return rows


def _row(
    native_type: str, choice: Choice | None, sources: Sources, services: Services
) -> dict[str, Any]:
    schema = sources.schemas[native_type]
    row: dict[str, Any] = {"id": dict.fromkeys(identifier_leaves(schema))}
    if schema.get("writeOnlyProperties"):
        row["write_only"] = [
            path.replace("/properties/", "", 1) for path in schema["writeOnlyProperties"]
        ]
    if choice is None:
        return row
    model = sources.models[choice.service]
    row |= {
        "service": choice.service,
        "op": choice.operation.name,
        "items": choice.items.path,
        "id": choice.items.ids,
        "confidence": choice.confidence,
    }
    if choice.bind is None:
        row["parent"] = {
            name: _parent(native_type, name, sources) for name in choice.operation.required
        }
    elif choice.bind:
        row["bind"] = choice.bind
    if choice.items.kind == "structure":
        held = model.shapes[choice.items.shape].get("members", {})
        found = {
            "arn": members.arn(native_type, choice.items.shape, held),
            "tags": members.tags(held),
            "where": _not_gone(members.ended(native_type, held, model.shapes)),
        }
        row |= {key: value for key, value in found.items() if value}
    if "arn" not in row and (template := _arn_template(native_type, choice, sources, services)):
        row["arn_template"] = template
    if detail := _detail(native_type, choice, model):
        row["detail"] = detail
    return row


def _not_gone(ended: Mapping[str, list[str]]) -> str:
    """Return the condition that leaves out what is gone."""
    return " && ".join(f"{name} != '{word}'" for name, words in ended.items() for word in words)


def _parent(native_type: str, wanted: str, sources: Sources) -> str | None:
    """Return the type whose items fill a required input: `clusterName` is an EKS::Cluster's."""
    name = plain(wanted)
    base = re.sub(r"(identifier|id|arns?|name)$", "", name)
    if not base:
        # A bare `arn` does not say whose; the type is named by hand.
        return None
    best: tuple[float, str | None] = (0, None)
    family = native_type.split("::")[1]
    for other, schema in sources.schemas.items():
        leaves = identifier_leaves(schema)
        if other == native_type or other.split("::")[1] != family or not leaves:
            continue
        score = _parent_score(plain(type_noun(other)), plain(leaves[-1].split("/")[-1]), name, base)
        if score and len(leaves) > 1:
            score -= 25
        elif score and plain(leaves[-1]) == name:
            score += 15
        if score >= 45 and score > best[0]:
            best = (score, other)
    return best[1]


def _parent_score(noun: str, leaf: str, name: str, base: str) -> float:
    if noun in (base, name):
        return 100
    if len(base) > 2 and (noun.endswith(base) or base.endswith(noun)):
        return 70 - abs(len(noun) - len(base))
    return 60 if leaf == name else 0


def _arn_template(
    native_type: str, choice: Choice, sources: Sources, services: Services
) -> str | None:
    """Return the IAM format of the type's ARN, by its noun or by what its calls act on."""
    policy = sources.policies.get(services.iam_prefix(choice.service), {})
    resources = policy.get("Resources", {})
    noun = plain(type_noun(native_type))
    for name, resource in resources.items():
        if plain(name) == noun:
            return str(resource["ARNFormats"][0])
    reads = handler_permissions(sources.schemas[native_type], "read")
    for action in [choice.operation.name, *(permission.split(":", 1)[1] for permission in reads)]:
        acted_on = policy.get("Actions", {}).get(action.lower(), {}).get("Resources") or []
        if len(acted_on) == 1 and acted_on[0] in resources:
            return str(resources[acted_on[0]]["ARNFormats"][0])
    return None


def _detail(native_type: str, choice: Choice, model: Model) -> dict[str, Any] | None:
    """Return the call that describes one item: only one about the very type, free of secrets."""
    nouns = {
        plain(type_noun(native_type)),
        plain(native_type.split("::")[1]) + plain(type_noun(native_type)),
    }
    allowed = max(1, len(choice.items.ids))
    for name, operation in model.operations.items():
        if (
            name.startswith(("Describe", "Get"))
            and name != choice.operation.name
            and operation_noun(name) in nouns
            and 1 <= len(operation.required) <= allowed
            and not _hands_out_secrets(model, operation)
            and _fillable(model, operation)
        ):
            return {"op": name, "keys": list(operation.required)}
    return None


def _fillable(model: Model, operation: Operation) -> bool:
    """Tell whether one item's own names can fill the inputs: no lists, no structures."""
    kinds = {model.shapes[operation.input_members[name]]["type"] for name in operation.required}
    return kinds <= {"string"}


def _hands_out_secrets(model: Model, operation: Operation) -> bool:
    """Tell whether the answer has a member that is named like a secret and marked sensitive."""
    seen: set[str] = set()
    waiting = [operation.output]
    while waiting:
        shape = model.shapes[waiting.pop()]
        references = dict(shape.get("members", {}))
        references |= {key: shape[key] for key in ("member", "value") if key in shape}
        for name, reference in references.items():
            target = reference["shape"]
            if SECRET_MEMBER.search(name) and model.shapes[target].get("sensitive"):
                return True
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return False


def _give_each_answer_one_type(
    rows: Mapping[str, dict[str, Any]], choices: Mapping[str, Choice]
) -> None:
    """Keep the list call of the type that an answer is about; the others live within it.

    Without this every instance would also be reported as each type that merely sits on it.
    """
    sharing: dict[str, list[str]] = defaultdict(list)
    for native_type in choices:
        row = rows[native_type]
        key = [row[name] for name in ("service", "op", "items")] + [row.get("bind")]
        sharing[json.dumps(key, sort_keys=True)].append(native_type)
    for names in sharing.values():
        ranked = sorted(
            names,
            key=lambda name: (-RANK[choices[name].confidence], -choices[name].score, name),
        )
        for loser in ranked[1:]:
            kept = {key: rows[loser][key] for key in ("id", "write_only") if key in rows[loser]}
            rows[loser].clear()
            rows[loser].update(kept, within=ranked[0])
