"""Load what a reference between two AWS things means."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from exitkit.assess.references import Meanings
from exitkit.knowledge.own_yaml import read_own_yaml


@lru_cache(maxsize=1)
def load_meanings() -> Meanings:
    """Return the table of knowledge/aws/relations.yaml."""
    file = files("exitkit.knowledge") / "aws" / "relations.yaml"
    document = read_own_yaml(file.read_text(encoding="utf-8"))
    return Meanings(
        default=document["default"],
        members=document["members"],
        objects=document["objects"],
        turned=document["turned"],
        named={member: tuple(types) for member, types in document["named"].items()},
    )
