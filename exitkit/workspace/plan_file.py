"""Turn exit-plan.yaml into the plan people agreed, or say on which line it contradicts itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from exitkit.model.plan import (
    Criterion,
    Deadline,
    Effect,
    Milestone,
    OnInterrupt,
    Phase,
    Plan,
    Step,
)  # fmt: skip
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.workspace.schema_faults import check_against, suggest
from exitkit.workspace.yaml_lines import Document, Where, read_yaml

STEP_FIELDS = {
    "id", "kind", "effect", "needs", "timeout", "retries", "on_interrupt", "backoff", "pool",
}  # fmt: skip
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def load_plan(path: Path) -> Plan:
    """Read and check an exit plan; the kinds of its steps are checked by whoever runs them."""
    document = read_yaml(path)
    check_against("plan", document)
    for where, message in contradictions(document.value):
        raise document.fault(where, message)
    return plan_from_document(document.value)


def checked_plan_from_document(document: Mapping[str, Any]) -> Plan:
    """Check and build a plan that came from elsewhere than a file, such as a message."""
    amended = Document(Path("the new plan"), document, {})
    check_against("plan", amended)
    for where, message in contradictions(document):
        raise amended.fault(where, message)
    return plan_from_document(document)


def plan_from_document(document: Mapping[str, Any]) -> Plan:
    """Build the plan from a document that was checked before, from the file or from a journal."""
    defaults = document.get("defaults", {})
    return Plan(
        id=document["id"],
        version=str(document["version"]),
        contract=document["contract_ref"],
        digest=hashlib.sha256(canonical_bytes(storable(document))).hexdigest(),
        phases=tuple(_phase(entry) for entry in document.get("phases", ())),
        milestones=tuple(_milestone(entry, defaults) for entry in document["milestones"]),
        document=document,
    )


def contradictions(document: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Yield each place where the plan names something that is not there, or waits for itself."""
    milestones = document["milestones"]
    phases = [phase["id"] for phase in document.get("phases", ())]
    ids = [milestone["id"] for milestone in milestones]
    yield from _twice(phases, lambda i: ("phases", i, "id"), "phase")
    yield from _twice(ids, lambda i: ("milestones", i, "id"), "milestone")
    yield from _milestone_names(milestones, phases, ids)
    yield from _step_names(milestones)
    for ring in _ring({m["id"]: m.get("depends_on", ()) for m in milestones}):
        yield ("milestones", ids.index(ring[0]), "depends_on"), _ring_message("milestones", ring)
    steps = {step["id"]: step.get("needs", ()) for step in _steps(milestones)}
    for ring in _ring(steps):
        yield _place_of_step(milestones, ring[0]), _ring_message("steps", ring)


def _milestone_names(
    milestones: Sequence[Mapping[str, Any]], phases: Sequence[str], ids: Sequence[str]
) -> Iterator[tuple[Where, str]]:
    for index, milestone in enumerate(milestones):
        here: Where = ("milestones", index)
        phase = milestone.get("phase", "")
        if phase and phase not in phases:
            yield (*here, "phase"), f'no phase "{phase}"; {suggest(phase, phases)}'
        for position, name in enumerate(milestone.get("depends_on", ())):
            if name not in ids:
                yield (
                    (*here, "depends_on", position),
                    f'no milestone "{name}"; {suggest(name, ids)}',
                )
        own = [step["id"] for step in milestone.get("steps", ())]
        criteria = milestone["criteria"]
        yield from _twice(
            [c["id"] for c in criteria], lambda i, h=here: (*h, "criteria", i, "id"), "criterion"
        )
        for position, criterion in enumerate(criteria):
            name = criterion.get("step", "")
            if name and name not in own:
                message = f'no step "{name}" in this milestone; {suggest(name, own)}'
                yield (*here, "criteria", position, "step"), message


def _step_names(milestones: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Where, str]]:
    ids = {step["id"]: None for step in _steps(milestones)}
    seen: set[str] = set()
    for index, milestone in enumerate(milestones):
        for position, step in enumerate(milestone.get("steps", ())):
            here: Where = ("milestones", index, "steps", position)
            if step["id"] in seen:
                yield (*here, "id"), f'step "{step["id"]}" is there already; give it another id'
            seen.add(step["id"])
            for at, name in enumerate(step.get("needs", ())):
                if name not in ids:
                    yield (*here, "needs", at), f'no step "{name}"; {suggest(name, list(ids))}'


def _steps(milestones: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for milestone in milestones:
        yield from milestone.get("steps", ())


def _place_of_step(milestones: Sequence[Mapping[str, Any]], name: str) -> Where:
    for index, milestone in enumerate(milestones):
        for position, step in enumerate(milestone.get("steps", ())):
            if step["id"] == name:
                return ("milestones", index, "steps", position, "needs")
    return ("milestones",)


def _twice(names: Sequence[str], place: Any, what: str) -> Iterator[tuple[Where, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield place(index), f'{what} "{name}" is there already; give it another id'
        seen.add(name)


def _ring(edges: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield one ring of names that wait for each other, if there is any."""
    settled: set[str] = set()
    for start in edges:
        trail: list[Iterator[str]] = [iter(edges[start])]
        names = {start: None}
        while trail and start not in settled:
            following = next(trail[-1], None)
            if following is None:
                settled.add(names.popitem()[0])
                trail.pop()
            elif following in names:
                on_trail = list(names)
                yield [*on_trail[on_trail.index(following) :], following]
                return
            elif following in edges and following not in settled:
                names[following] = None
                trail.append(iter(edges[following]))


def _ring_message(what: str, ring: Sequence[str]) -> str:
    return f"{what} wait for each other: {' -> '.join(ring)}; take one of them out"


def _phase(entry: Mapping[str, Any]) -> Phase:
    spoken = {lang: entry[f"name_{lang}"] for lang in ("en", "fr") if f"name_{lang}" in entry}
    return Phase(
        id=entry["id"],
        name=spoken or _spoken(entry.get("name", entry["id"])),
        start=_deadline(entry["start"]),
        end=_deadline(entry["end"]),
    )


def _spoken(title: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"en": title} if isinstance(title, str) else title


def _deadline(entry: Mapping[str, str]) -> Deadline:
    return Deadline(entry["anchor"], entry.get("offset", "P0D"), entry.get("calendar", "calendar"))


def _milestone(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Milestone:
    return Milestone(
        id=entry["id"],
        phase=entry.get("phase", ""),
        title=_spoken(entry["title"]),
        deadline=_deadline(entry["deadline"]),
        criteria=tuple(_criterion(criterion) for criterion in entry["criteria"]),
        steps=tuple(_step(step, defaults) for step in entry.get("steps", ())),
        depends_on=tuple(entry.get("depends_on", ())),
        contract_clause=entry.get("contract_clause", ""),
        raci=entry.get("raci", {}),
        in_rehearsal=entry.get("rehearsal", {}).get("included", True),
        duration=entry.get("duration", ""),
        not_before=entry.get("not_before", ""),
    )


def _criterion(entry: Mapping[str, Any]) -> Criterion:
    return Criterion(
        id=entry["id"],
        kind=entry.get("kind", "manual_review"),
        metric=entry["metric"],
        op=entry["op"],
        value=entry["value"],
        unit=entry.get("unit", ""),
        evidence=entry.get("evidence", ""),
        step=entry.get("step", ""),
        auto=entry.get("auto", True),
    )


def _step(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Step:
    effect = Effect(entry.get("effect", "none"))
    # A destructive step whose end is unknown is never simply run again.
    cautious = "ask" if effect is Effect.DESTRUCTIVE else defaults.get("on_interrupt", "rerun")
    timeout = entry.get("timeout", defaults.get("timeout", "1h"))
    return Step(
        id=entry["id"],
        kind=entry["kind"],
        params=storable({key: value for key, value in entry.items() if key not in STEP_FIELDS}),
        effect=effect,
        needs=tuple(entry.get("needs", ())),
        timeout_s=seconds(timeout),
        retries=entry.get("retries", defaults.get("retries", 0)),
        on_interrupt=OnInterrupt(entry.get("on_interrupt", cautious)),
        backoff_s=seconds(entry.get("backoff", defaults.get("backoff", "0s"))),
        pool=entry.get("pool", ""),
    )


def seconds(text: str) -> int:
    """Return the seconds of `90s`, `30m`, `1h`, `2d`."""
    return int(text[:-1]) * SECONDS[text[-1]]
