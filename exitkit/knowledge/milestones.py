"""Offer the milestones of a usual exit, for whoever writes a plan."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.model.plan import Criterion, Deadline

PROFILES = ("complex", "short", "switch")


@dataclass(frozen=True, slots=True)
class MilestoneTemplate:
    """A milestone to copy; `deadlines` has one entry per profile that knows it."""

    id: str
    title: dict[str, str]
    objective: str
    deadlines: dict[str, Deadline]
    criteria: tuple[Criterion, ...]
    deliverables: tuple[str, ...]


def load_templates() -> tuple[MilestoneTemplate, ...]:
    """Return the templates that ship with exitkit, in the order of an exit."""
    text = (files("exitkit.knowledge") / "milestones.yaml").read_text(encoding="utf-8")
    return tuple(
        MilestoneTemplate(
            id=row["id"],
            title=row["title"],
            objective=row["objective"],
            deadlines={name: Deadline(**value) for name, value in row["deadline"].items()},
            criteria=tuple(Criterion(**criterion) for criterion in row["criteria"]),
            deliverables=tuple(row["deliverables"]),
        )
        for row in read_own_yaml(text)["milestones"]
    )
