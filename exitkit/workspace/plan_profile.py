"""Write the exit plan of a usual exit, with every milestone of it to edit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from exitkit.knowledge.milestones import MilestoneTemplate, load_templates
from exitkit.model.plan import Deadline

PHASES = (
    ("P1", "Standing preparation", "Préparation permanente", ("M0",)),
    ("P2", "Trigger and mobilization", "Déclenchement et cadrage", ("M1", "M2", "M3")),
    ("P3", "Preparation of the target", "Préparation de la cible", ("M4", "M5", "M6")),
    ("P4", "Extraction and acceptance", "Extraction et recette", ("M7", "M8", "M9")),
    ("P5", "Cut-over", "Bascule", ("M10", "M11")),
    ("P6", "Retrieval, deletion, closure", "Récupération, destruction, clôture",
     ("M12", "M13", "M14", "M15")),
)  # fmt: skip
LENGTH = MappingProxyType({"complex": "P6M", "short": "P90D", "switch": "P4M"})
_PLANNED = MappingProxyType({"complex": "planned_end", "short": "planned_end",
                             "switch": "data_act_switch"})  # fmt: skip
_DEPENDS = MappingProxyType(
    {
        "M1": (), "M2": ("M1",), "M3": ("M2",), "M4": ("M2",), "M5": ("M2",), "M6": ("M3",),
        "M7": ("M5", "M6"), "M8": ("M7",), "M9": ("M8",), "M10": ("M4", "M9"), "M11": ("M10",),
        "M12": ("M11",), "M13": ("M8",), "M14": ("M12", "M13"), "M15": ("M14",),
    }
)  # fmt: skip
_WORK = MappingProxyType(
    {
        "complex": {"M2": "P14D", "M3": "P28D", "M4": "P60D", "M5": "P60D", "M6": "P10D",
                    "M7": "P28D", "M8": "P18D", "M9": "P14D", "M10": "P3D", "M11": "P2D"},
        "short": {"M2": "P6D", "M3": "P7D", "M4": "P20D", "M5": "P30D", "M6": "P5D",
                  "M7": "P14D", "M8": "P14D", "M9": "P4D", "M10": "P3D", "M11": "P2D"},
        "switch": {"M2": "P7D", "M3": "P14D", "M4": "P30D", "M5": "P30D", "M6": "P7D",
                   "M7": "P9D", "M8": "P9D", "M9": "P4D", "M10": "P3D", "M11": "P2D"},
    }
)  # fmt: skip
_BOTH_SIGN = ("M3", "M8", "M10")
_PROVIDER_DOES = ("M4", "M7", "M12", "M14")

_HEAD = """\
# The exit plan by the profile `{profile}`: every date, duration and step is yours to edit.
# `exitkit plan check` reads it, `exitkit plan timeline` lays it on a calendar.
schema: exitkit/plan/1
id: leave-{series}
version: "0.1"
contract_ref: CTR-1
status: draft

# Whose holidays are no working days; ECB is the TARGET calendar of the euro.
calendar: {{market: ECB}}
# anchors: {{T0: 2027-01-04}}

# Ways the exit can come about: with notice, by a switch, and without the provider's help.
scenarios:
  - id: planned
    kind: {kind}
    stressed: false
    notice_given: true
    provider_cooperates: true
    duration_max: {length}
  - id: switch
    kind: data_act_switch
    stressed: false
    notice_given: true
    provider_cooperates: true
    duration_max: P4M
  - id: stressed
    kind: provider_failure
    stressed: true
    notice_given: false
    provider_cooperates: false
    duration_max: P90D

sampling: {{per_category: 1, at_random: 3}}

phases:
"""


def plan_text(profile: str, series: str) -> str:
    """Return exit-plan.yaml with the milestones M0 to M15 as `profile` dates them."""
    templates = [one for one in load_templates() if profile in one.deadlines]
    present = {one.id for one in templates}
    lines = _HEAD.format(
        profile=profile, series=series, kind=_PLANNED[profile], length=LENGTH[profile]
    ).splitlines()
    deadlines = {one.id: one.deadlines[profile] for one in templates}
    lines += list(_phases(deadlines))
    lines += ["", "milestones:"]
    for template in templates:
        lines += _milestone(template, profile, present)
    return "\n".join(lines) + "\n"


def _phases(deadlines: Mapping[str, Deadline]) -> Iterator[str]:
    start = "{anchor: TINV}"
    for name, english, french, milestones in PHASES:
        known = [one for one in milestones if one in deadlines]
        end = _deadline(deadlines[known[-1]])
        spoken = f"{{en: {_quoted(english)}, fr: {_quoted(french)}}}"
        yield f"  - {{id: {name}, name: {spoken}, start: {start}, end: {end}}}"
        start = end if name != "P1" else "{anchor: T0}"


def _milestone(template: MilestoneTemplate, profile: str, present: set[str]) -> Iterator[str]:
    name = template.id
    phase = next(one[0] for one in PHASES if name in one[3])
    yield f"  - id: {name}"
    yield f"    phase: {phase}"
    yield f"    title: {{en: {_quoted(template.title['en'])}, fr: {_quoted(template.title['fr'])}}}"
    yield f"    objective: {_quoted(template.objective)}"
    yield f"    deadline: {_deadline(template.deadlines[profile])}"
    work = _WORK[profile].get(name)
    if work:
        yield f"    duration: {work}"
    if name == "M7" and profile == "switch":
        yield "    not_before: TS"
    if name == "M12":
        yield "    not_before: TX"
    before = [one for one in _DEPENDS.get(name, ()) if one in present]
    if before:
        yield f"    depends_on: [{', '.join(before)}]"
    yield f"    deliverables: [{', '.join(template.deliverables)}]"
    does = "provider" if name in _PROVIDER_DOES else "exit-lead"
    yield f"    raci: {{R: [{does}], A: exit-lead, C: [business, security], I: [legal]}}"
    yield "    criteria:"
    for criterion in template.criteria:
        value: Any = json.dumps(criterion.value)
        unit = f"unit: {_quoted(criterion.unit)}, " if criterion.unit else ""
        yield (
            f"      - {{id: {criterion.id}, kind: {criterion.kind}, metric: {criterion.metric}, "
            f'op: "{criterion.op}", value: {value}, {unit}evidence: {criterion.evidence}}}'
        )
    if any(one.metric == "approved" for one in template.criteria):
        parties = ", parties: 2" if name in _BOTH_SIGN else ""
        statement = _quoted(f"{template.objective}.")
        yield "    steps:"
        yield (
            f"      - {{id: {name.lower()}-signed, kind: wait-for-approval, "
            f"statement: {statement}{parties}}}"
        )


def _deadline(deadline: Deadline) -> str:
    offset = f", offset: {deadline.offset}" if deadline.offset != "P0D" else ""
    return f"{{anchor: {deadline.anchor}{offset}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
