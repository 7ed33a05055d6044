"""Tell what a run of the plan would do, step by step in its order, without doing any of it."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.engine import supervise
from exitkit.engine.coordinator import ENGINE_KINDS, Surroundings
from exitkit.engine.outcomes import outcome_from_document, step_document
from exitkit.engine.rehearse import refusals_of, steps_of
from exitkit.engine.state import RunState
from exitkit.engine.step_state import Job
from exitkit.errors import ExitkitError
from exitkit.model.plan import Effect, Mode, Plan, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import DryRuns, StepKind
from exitkit.store.holdings import chosen
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

RUN = "dry-run"
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a run would do with one step; `word` is `runs`, `waits`, `refused` or `fails`.

    `is_dry_run` tells that the step's own dry run said so, not its words in the plan.
    """

    milestone: str
    step: Step
    word: str
    message: str
    is_dry_run: bool = False


def foretell(
    plan: Plan, mode: Mode, surroundings: Surroundings, bundle_path: Path
) -> Iterator[Foretold]:
    """Yield every step of such a run in the order in which it would begin.

    Nothing is written outside a temporary folder, and only a step's own dry run connects anywhere.
    """
    kinds: dict[str, StepKind] = {plugin.kind: plugin for plugin in plugins.load_all("steps")}
    refused = refusals_of(plan, RunState(mode=mode))
    milestones = {step.id: one.id for one in plan.milestones for step in one.steps}
    bundle = open_bundle(bundle_path)
    redactor = Redactor(CREDENTIAL_PATTERNS, surroundings.mask_key)
    with tempfile.TemporaryDirectory(prefix="exitkit-dry-run-") as folder:
        for step in in_order(plan, mode):
            kind, is_dry_run = kinds[step.kind], False
            if step.id in refused:
                word, message = "refused", refused[step.id]
            elif isinstance(kind, DryRuns) and kind.has_dry_run(step):
                outcome = _dry_run(step, mode, surroundings, bundle_path, Path(folder))
                is_dry_run = True
                word = "runs" if outcome.status is StepStatus.SUCCEEDED else "fails"
                message = outcome.message
            else:
                word, message = _words(step, kind, surroundings, bundle)
            said = redactor.apply(message)
            yield Foretold(milestones[step.id], step, word, said, is_dry_run)


def in_order(plan: Plan, mode: Mode) -> Iterator[Step]:
    """Yield the steps of such a run, each after those that it and its milestone wait for."""
    covered = {step.id for step in steps_of(plan, mode)}
    of_milestone = {one.id: {step.id for step in one.steps} & covered for one in plan.milestones}
    waits_for = {
        step.id: (set(step.needs) & covered).union(*(of_milestone[m] for m in one.depends_on))
        for one in plan.milestones
        for step in one.steps
    }
    steps = steps_of(plan, mode)
    ready = [index for index, step in enumerate(steps) if not waits_for[step.id]]
    followers: defaultdict[str, list[int]] = defaultdict(list)
    for index, step in enumerate(steps):
        for name in waits_for[step.id]:
            followers[name].append(index)
    while ready:
        step = steps[heappop(ready)]
        yield step
        for index in followers[step.id]:
            waits_for[steps[index].id].discard(step.id)
            if not waits_for[steps[index].id]:
                heappush(ready, index)


def undone_after(foretold: list[Foretold]) -> list[str]:
    """Return the steps that a rehearsal would take back, the newest first."""
    writes = (one.step for one in foretold if one.word == "runs")
    return [step.id for step in writes if step.effect is Effect.EXTERNAL_WRITE][::-1]


def _words(
    step: Step, kind: StepKind, surroundings: Surroundings, bundle: Bundle
) -> tuple[str, str]:
    """Return what the plan says of a step that has no dry run."""
    params = step.params
    if step.kind in ENGINE_KINDS and "check" not in params:
        return "waits", _awaited(params)
    if step.kind == "command":
        return "runs", shlex.join(params["argv"])
    if step.kind in ("restore", "compare", "canary"):
        try:
            found = chosen(bundle, step)
        except ExitkitError as fault:
            return "fails", str(fault)
        names = ", ".join(one.name for one in found[:MOST_NAMES])
        more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
        return "runs", f"{params['what']}, {_target(step, surroundings)}: {names}{more}"
    own = (type(kind).__doc__ or step.kind).splitlines()[0]
    named = (str(params[name]) for name in ("document", "fact", "target") if params.get(name))
    return "runs", ": ".join([own, *named])


def _awaited(params: Mapping[str, Any]) -> str:
    if params.get("statement"):
        roles = ", ".join(params.get("roles", ()))
        return f"for a signature{f' by {roles}' if roles else ''}: {params['statement']}"
    if params.get("fact"):
        return f"for a person to attest: {params['fact']}"
    named = [f"{name} {params[name]}" for name in ("at", "after", "anchor", "offset")
             if name in params]  # fmt: skip
    return f"until {' '.join(named)}"


def _target(step: Step, surroundings: Surroundings) -> str:
    target = surroundings.targets[str(step.params["target"])]
    return f"target {target.id} ({target.type})"


def _dry_run(
    step: Step, mode: Mode, surroundings: Surroundings, bundle: Path, folder: Path
) -> Outcome:
    """Let the step's own dry run speak, in a process that ends in time and with us."""
    attempt_dir = folder / "steps" / step.id / "1"
    spec = {
        "action": "dry-run", "step": step_document(step), "run": RUN, "mode": mode.value,
        "workspace": str(surroundings.workspace.absolute()), "attempt_dir": str(attempt_dir),
        "bundle": str(bundle.absolute()), "earlier": {}, "touched": {},
        "idempotency_key": f"{RUN}/{step.id}",
        "result": str(supervise.result_file(attempt_dir, "run")),
    }  # fmt: skip
    child = supervise.spawn(attempt_dir, "run", spec, surroundings.workspace)
    job = Job(
        "dry-run", "run", child.pid, supervise.process_started(child.pid), supervise.boot_id(),
        surroundings.clock(),
    )  # fmt: skip
    try:
        supervise.release(child)
        child.wait(timeout=step.timeout_s)
        result = supervise.read_result(attempt_dir, "run")
    except subprocess.TimeoutExpired:
        return Outcome(StepStatus.FAILED, f"its dry run was not done after {step.timeout_s} s")
    finally:
        supervise.end_group(job)
        child.wait()
    if result is None:
        return Outcome(StepStatus.FAILED, "its dry run ended without a word")
    return outcome_from_document(result["outcome"])
