"""Take back what a rehearsal did, newest first, and own up to what could not be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from exitkit.engine.approvals import APPROVAL_KIND
from exitkit.engine.attempts import launch, stop_job
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.state import StepProgress, StepState
from exitkit.model.plan import Effect, Step

HARMLESS = (Effect.NONE, Effect.EXTERNAL_READ)


def stop_forward_work(run: Coordinator) -> None:
    """End every job that still moves the run forward; its step will be undone."""
    for step in run.plan.steps():
        job = run.of(step).job
        if job is not None and job.action != "undo":
            stop_job(run, step, job)
            run.record_step("interrupted", step, {"policy": "undo"})


def undo_next(run: Coordinator) -> bool:
    """Start undoing the newest step that is not undone; False when nothing is left to undo."""
    if any(state.job for state in run.state.steps.values()):
        return True
    step = next(_to_undo(run), None)
    if step is None:
        return False
    state = run.of(step)
    touched = dict(state.outcome.get("touched", {}))
    launch(run, step, "undo", f"undo-{state.undo_attempts + 1}", touched)
    return True


def _to_undo(run: Coordinator) -> Iterator[Step]:
    started = [step for step in run.plan.steps() if run.of(step).attempt]
    for step in sorted(started, key=lambda step: run.of(step).started, reverse=True):
        state = run.of(step)
        if not state.undone and not state.incident and not _left_nothing(step, state):
            yield step


def _left_nothing(step: Step, state: StepState) -> bool:
    """Tell whether there is nothing to take back, by kind or by its own recorded word."""
    if step.kind == APPROVAL_KIND:
        return True
    done = state.progress is StepProgress.DONE and not state.outcome.get("touched")
    return step.effect in HARMLESS and done
