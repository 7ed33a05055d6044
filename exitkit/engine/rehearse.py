"""Refuse what a rehearsal must not do before it starts, and show that it left no trace."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.engine.coordinator import Coordinator, Surroundings
from exitkit.engine.state import RunState
from exitkit.errors import CannotRun, ExitkitError, InputError
from exitkit.model.plan import Effect, Mode, Plan, Step
from exitkit.ports import Collector, Context, Restorer, StepKind, Target
from exitkit.workspace.schema_faults import suggest

DIFFERENCES_SHOWN = 200


def rehearsed_steps(plan: Plan) -> tuple[Step, ...]:
    """Return the steps of the milestones that a rehearsal covers, in plan order."""
    return tuple(step for m in plan.milestones if m.in_rehearsal for step in m.steps)


def steps_of(plan: Plan, mode: Mode) -> tuple[Step, ...]:
    """Return the steps a run of that mode goes through: an exit leaves none out."""
    return plan.steps() if mode is Mode.EXIT else rehearsed_steps(plan)


def used_targets(plan: Plan, mode: Mode = Mode.REHEARSAL) -> tuple[str, ...]:
    """Return the ids of the targets that the steps of such a run write to, in plan order."""
    named = [step.params.get("target", "") for step in steps_of(plan, mode)]
    return tuple(dict.fromkeys(name for name in named if name))


def refusals_of(plan: Plan, state: RunState) -> Mapping[str, str]:
    """Return the steps a rehearsal shows and refuses, with the reason: what cannot be undone."""
    if state.mode is Mode.EXIT:
        return {}
    kinds = {plugin.kind: plugin for plugin in plugins.load_all("steps")}
    refused: dict[str, str] = {}
    steps = rehearsed_steps(plan)
    covered = {step.id for step in steps}
    for step in _in_order(steps):
        kind = kinds.get(step.kind)
        lost = [name for name in step.needs if name in refused or name not in covered]
        if kind is not None and not kind.reversible:
            refused[step.id] = f"{step.kind} cannot be undone: shown, not run"
        elif step.effect is Effect.DESTRUCTIVE:
            refused[step.id] = "its effect is destructive: shown, not run"
        elif lost:
            refused[step.id] = f"needs {', '.join(lost)}, which a rehearsal does not run"
    return refused


def check(plan: Plan, surroundings: Surroundings, mode: Mode = Mode.REHEARSAL) -> None:
    """Raise InputError or CannotRun with the first thing that keeps the run from starting."""
    for problem in _problems(steps_of(plan, mode), surroundings):
        raise InputError(problem)
    targets = [surroundings.targets[name] for name in used_targets(plan, mode)]
    ours = {target.id: _target_identities(target, surroundings.environ) for target in targets}
    for source, theirs in _source_identities(surroundings):
        for target, identities in ours.items():
            shared = sorted(identities & theirs)
            if shared:
                raise InputError(
                    f"target {target}: is source {source} ({shared[0]}); a run never "
                    "writes to a source, name another target in exitkit.yaml"
                )


def take_inventories(run: Coordinator, when: str) -> None:
    """Record what is on each target, `before` the first step and `after` everything is undone."""
    for name in run.state.targets:
        if (name, when) in run.state.inventories:
            continue
        lines = inventory(run.surroundings.targets[name], run.surroundings.environ)
        text = "".join(f"{line}\n" for line in lines)
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        run.record(
            "sandbox.inventoried",
            {
                "target": name, "when": when, "count": len(lines), "sha256": digest,
                "lines": list(lines),
            },
        )  # fmt: skip


def compare_inventories(run: Coordinator) -> None:
    """Record, for each target, whether it is as it was; what cannot be read is not equal."""
    for name in run.state.targets:
        before = run.state.inventories.get((name, "before"))
        if name in run.state.compared or before is None:
            continue
        try:
            _inventory_after(run, name)
            differences = _differences(before, run.state.inventories[name, "after"])
        except ExitkitError as error:
            differences = [f"could not be read again: {run.scrub(str(error))}"]
        shown = differences[:DIFFERENCES_SHOWN]
        equal = not differences
        run.record("sandbox.compared", {"target": name, "equal": equal, "differences": shown})


def inventory(target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
    """List what is on a target now, through every restorer that can write to it."""

    def lines() -> Iterator[str]:
        for restorer in _restorers(target):
            yield from restorer.inventory(target, environ)

    return tuple(sorted(_asked(f"target {target.id}", lambda: list(lines()))))


def _inventory_after(run: Coordinator, name: str) -> None:
    if (name, "after") not in run.state.inventories:
        take_inventories(run, "after")


def _differences(before: Sequence[str], after: Sequence[str]) -> list[str]:
    # Counted, not as sets: a line that is there twice afterwards is a difference.
    gone = Counter(before) - Counter(after)
    new = Counter(after) - Counter(before)
    return [f"- {one}" for one in sorted(gone.elements())] + [
        f"+ {one}" for one in sorted(new.elements())
    ]


def _problems(steps: Sequence[Step], surroundings: Surroundings) -> Iterator[str]:
    kinds: dict[str, StepKind] = {plugin.kind: plugin for plugin in plugins.load_all("steps")}
    for step in steps:
        kind = kinds.get(step.kind)
        if kind is None:
            yield f'step {step.id}: no kind "{step.kind}"; {suggest(step.kind, sorted(kinds))}'
            continue
        plugins.require(kind.needs, f"step {step.id}")
        yield from (f"step {step.id}: {problem}" for problem in kind.problems(step))
        target = step.params.get("target", "")
        if target and target not in surroundings.targets:
            known = sorted(surroundings.targets)
            yield f'step {step.id}: no target "{target}"; {suggest(target, known)}'


def _target_identities(target: Target, environ: Mapping[str, str]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for restorer in _restorers(target):
        who = f"target {target.id}"
        found |= _asked(who, lambda one=restorer: one.identities(target, environ))  # type: ignore[misc]
    return found


def _source_identities(surroundings: Surroundings) -> Iterator[tuple[str, frozenset[str]]]:
    with tempfile.TemporaryDirectory(prefix="exitkit-rehearse-") as spool:
        context = Context(
            now=surroundings.clock(), spool=Path(spool), mask_key=surroundings.mask_key,
            environ=surroundings.environ, limits=surroundings.limits,
        )  # fmt: skip
        for source in surroundings.sources:
            collector: Collector = plugins.load_by_name("collectors", source.type)
            who = f"source {source.id}"
            yield source.id, _asked(who, lambda: collector.identities(source, context))  # noqa: B023


def _restorers(target: Target) -> list[Restorer]:
    known: list[Restorer] = list(plugins.load_all("restorers"))
    fitting = [one for one in known if target.type in one.target_types]
    if not fitting:
        types = sorted({name for one in known for name in one.target_types})
        raise InputError(f'target {target.id}: no type "{target.type}"; one of {", ".join(types)}')
    for restorer in fitting:
        plugins.require(restorer.needs, f"target {target.id}")
    return fitting


def _asked(who: str, question: Callable[[], Any]) -> Any:
    """Ask a plugin what it finds; what it cannot say in words of ours stops a rehearsal."""
    try:
        return question()
    except ExitkitError:
        raise
    except Exception as fault:  # a plugin is foreign code, and not knowing is no permission
        raise CannotRun(
            f"{who}: cannot tell what it is ({type(fault).__name__}); see `exitkit doctor`"
        ) from fault


def _in_order(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield steps after the ones they need, so that one pass finds all that follows."""
    waiting, seen = list(steps), set[str]()
    ids = {step.id for step in steps}
    while waiting:
        ready = [step for step in waiting if not (set(step.needs) & ids) - seen]
        yield from ready
        seen |= {step.id for step in ready}
        waiting = [step for step in waiting if step.id not in seen] if ready else []
