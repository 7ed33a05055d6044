"""Read the rules of law and practice, each with its source and how well that was read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import jsonschema_rs

from exitkit.errors import InputError
from exitkit.knowledge.own_yaml import read_own_yaml

MARKS = {
    "V": "read in the source itself",
    "S": "read in a reliable secondary source",
    "K": "known, not read again",
    "k": "remembered, to be read again",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One named rule; `applies_when` and `check` are predicates of assess/predicates.py."""

    id: str
    regime: str
    source: str
    mark: str
    severity: str
    message: str
    check: Mapping[str, Any]
    applies_when: Mapping[str, Any] = field(default_factory=dict)
    since: dt.date | None = None
    until: dt.date | None = None


def load_rules() -> tuple[Rule, ...]:
    """Return the rules that ship with exitkit, by id."""
    folder = files("exitkit.knowledge") / "rules"
    rules: dict[str, Rule] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".yaml"):
            continue
        for rule in rules_from(entry.name, read_own_yaml(entry.read_text(encoding="utf-8"))):
            if rule.id in rules:
                raise InputError(f"rules/{entry.name}: {rule.id} is there twice")
            rules[rule.id] = rule
    return tuple(rules[name] for name in sorted(rules))


def rules_from(name: str, document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Build the rules of one file, refusing what its schema does not know."""
    schema = (files("exitkit.schemas") / "rules.schema.json").read_text(encoding="utf-8")
    plain = json.loads(json.dumps(document, default=str))
    error = next(jsonschema_rs.validator_for(json.loads(schema)).iter_errors(plain), None)
    if error is not None:
        where = "/".join(str(part) for part in error.instance_path)
        raise InputError(f"rules/{name}: {where}: {error.message}")
    common = document.get("applies_when")
    return tuple(_rule(row, common) for row in document["rules"])


def _rule(row: Mapping[str, Any], common: Mapping[str, Any] | None) -> Rule:
    """Join what a whole file asks (`regimes.dora.applies`) with what the rule asks."""
    conditions = [one for one in (common, row.get("applies_when")) if one]
    fields = {key: value for key, value in row.items() if key != "applies_when"}
    return Rule(**fields, applies_when={"all": conditions} if conditions else {})
