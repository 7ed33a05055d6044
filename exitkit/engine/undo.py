"""Take back what a rehearsal did, newest first, and own up to what could not be taken back."""

from __future__ import annotations

from exitkit.engine.attempts import launch, stop_job
from exitkit.engine.coordinator import ENGINE_KINDS, Coordinator
from exitkit.engine.step_state import StepProgress, StepState
from exitkit.engine.supervise import is_elsewhere
from exitkit.model.plan import Effect, Step

HARMLESS = (Effect.NONE, Effect.EXTERNAL_READ)


def stop_forward_work(run: Coordinator) -> None:
    """End every job that still moves the run forward; its step will be undone.

    One on another host is out of our reach: it is waited for, as nothing may be undone beside it.
    """
    for step in run.jobs():
        job = run.of(step).job
        if job is not None and job.action != "undo" and not is_elsewhere(job):
            stop_job(run, step, job)
            run.record_step("interrupted", step, {"policy": "undo"})


def undo_next(run: Coordinator) -> bool:
    """Start undoing the newest step that is not undone; False when nothing is left to undo."""
    if run.jobs():
        return True
    if run.to_undo is None:
        run.to_undo = _to_undo(run)
    while run.to_undo and not _is_to_undo(run, run.to_undo[-1]):
        run.to_undo.pop()
    if not run.to_undo:
        return False
    step = run.to_undo[-1]
    state = run.of(step)
    touched = dict(state.outcome.get("touched", {}))
    launch(run, step, "undo", f"undo-{state.undo_attempts + 1}", touched)
    return True


def _to_undo(run: Coordinator) -> list[Step]:
    """Return every step that was begun, the newest last; nothing begins any more."""
    started = [step for step in run.plan.steps() if run.of(step).attempt]
    return sorted(started, key=lambda step: run.of(step).started)


def _is_to_undo(run: Coordinator, step: Step) -> bool:
    state = run.of(step)
    return not state.undone and not state.incident and not _left_nothing(step, state)


def _left_nothing(step: Step, state: StepState) -> bool:
    """Tell whether there is nothing to take back, by kind or by its own recorded word."""
    if step.kind in ENGINE_KINDS:
        return True
    done = state.progress is StepProgress.DONE and not state.outcome.get("touched")
    return step.effect in HARMLESS and done
