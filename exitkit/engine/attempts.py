"""Start attempts at steps and take in how they ended, however they ended."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Mapping
from typing import Any

from exitkit.engine import supervise, waits
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.hear import hear, hear_out
from exitkit.engine.outcomes import (
    ENDS_ITSELF_S,
    artifacts_of,
    journal_outcome,
    outcome_from_document,
    step_document,
)
from exitkit.engine.step_state import Job, StepProgress, StepState
from exitkit.model.plan import OnInterrupt, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.store.canonical import timestamp

LONGEST_PAUSE_S = 3600
CLOCKS_APART_S = 60
"""How far the clocks of two machines may be apart."""
MOST_LOST = 5
"""Attempts that may end unseen before the step counts as failed: it may be what kills them."""


def start_attempt(run: Coordinator, step: Step) -> None:
    """Record the intent, then start the step's child process and let it go."""
    milestone = run.milestone_of(step).id
    run.record(
        "step.started",
        {"kind": step.kind, "idempotency_key": idempotency_key(run, step)},
        milestone=milestone, step=step.id, attempt=run.of(step).attempt + 1,
    )  # fmt: skip
    launch(run, step, "run", "run", {})


def start_probe(run: Coordinator, step: Step) -> None:
    """Ask the step kind whether the attempt that ended unseen had done its work."""
    launch(run, step, "probe", f"probe-{run.of(step).probes + 1}", {})


def launch(
    run: Coordinator, step: Step, action: str, label: str, touched: Mapping[str, Any]
) -> None:
    """Start a gated child, make its identity durable, and only then release it."""
    folder = run.attempt_dir(step)
    spec = _spec(run, step, action, label, touched)
    child = supervise.spawn(folder, label, spec, run.surroundings.workspace)
    try:
        run.record_step(
            "spawned", step,
            {
                "action": action, "label": label, "pid": child.pid,
                "process_started": supervise.process_started(child.pid),
                "boot_id": supervise.boot_id(), "host": supervise.host(),
            },
        )  # fmt: skip
    except BaseException:
        supervise.withhold(child)
        raise
    run.children[step.id] = child
    supervise.release(child)


def gather(run: Coordinator) -> None:
    """Take in every result that is there, and find out what became of every silent child."""
    for step in run.active_steps():
        state = run.of(step)
        if state.job is not None:
            hear(run, step, state.job)
            _gather_job(run, step, state, state.job)
        elif state.progress is StepProgress.RUNNING:
            # The coordinator died between the intent and the child: nothing was released.
            run.record_step("interrupted", step, {"policy": "rerun", "released": False})


def stop_job(run: Coordinator, step: Step, job: Job) -> None:
    """End a job's processes and forget its child."""
    supervise.end_group(job)
    child = run.children.pop(step.id, None)
    if child is not None:
        child.wait()


def _reap(run: Coordinator, step: Step, job: Job) -> None:
    """Let a child that has left its result end by itself, for a moment."""
    child = run.children.pop(step.id, None)
    if child is None:
        return
    try:
        child.wait(timeout=supervise.GRACE_S)
    except subprocess.TimeoutExpired:
        supervise.end_group(job)
        child.wait()


def idempotency_key(run: Coordinator, step: Step) -> str:
    """Name the step's effect, equal for every attempt at it."""
    return f"{run.state.run}/{step.id}"


def _gather_job(run: Coordinator, step: Step, state: StepState, job: Job) -> None:
    folder = run.attempt_dir(step)
    result = supervise.read_result(folder, job.label)
    if result is None and supervise.is_elsewhere(job) and not _must_be_over(run, step, job):
        return
    if result is None and _is_at_work(run, step, job):
        if _has_run_s(run, job) > step.timeout_s:
            stop_job(run, step, job)
            hear_out(run, step, job)
            _timed_out(run, step, state, job)
        return
    # It may have finished between the two looks.
    result = result or supervise.read_result(folder, job.label)
    how = "own" if step.id in run.children else "adopted"
    if result is None:
        # What the dead child had started must not go on beside the next attempt.
        stop_job(run, step, job)
        hear_out(run, step, job)
        _lost(run, step, state, job)
        return
    _reap(run, step, job)
    # Only now: what it said last came after any earlier look.
    hear_out(run, step, job)
    if job.action == "probe":
        _probed(run, step, result)
    elif job.action == "undo":
        undo_ended(run, step, outcome_from_document(result["outcome"]))
    else:
        _ended(run, step, outcome_from_document(result["outcome"]), how)


def _has_run_s(run: Coordinator, job: Job) -> float:
    """A clock that is set meanwhile neither ends a step nor lets it run for ever."""
    steady = supervise.running_s(job)
    if steady is not None:
        return steady
    return (run.surroundings.clock() - job.since).total_seconds()


def _must_be_over(run: Coordinator, step: Step, job: Job) -> bool:
    """Whether a job on another machine has had the time after which it ends itself."""
    has_run = run.surroundings.clock() - job.since
    return has_run > dt.timedelta(seconds=step.timeout_s + ENDS_ITSELF_S + CLOCKS_APART_S)


def _is_at_work(run: Coordinator, step: Step, job: Job) -> bool:
    child = run.children.get(step.id)
    if child is not None:
        return child.poll() is None
    return supervise.is_alive(job)


def _ended(run: Coordinator, step: Step, outcome: Outcome, how: str) -> None:
    artifacts = artifacts_of(run.attempt_dir(step), supervise.is_engine_file)
    document = journal_outcome(outcome, artifacts, run.scrub)
    message = document["message"]
    if outcome.status is StepStatus.SUCCEEDED:
        run.record_step("succeeded", step, {"how": how, "outcome": document})
    elif outcome.status is StepStatus.REFUSED:
        run.record_step("refused", step, {"message": message, "outcome": document})
    elif waits.goes_on_waiting(run, step, outcome):
        waits.wait_on(run, step, message)
    else:
        failed(run, step, how, message, outcome=document)


def failed(run: Coordinator, step: Step, how: str, message: str, **more: Any) -> None:
    """Record that an attempt failed, and whether there is another one."""
    final = run.of(step).failures >= step.retries
    data = {"how": how, "rc": 1, "final": final, "message": message}
    if not final and step.backoff_s:
        pause_s = min(
            step.backoff_s * 2 ** run.of(step).failures, max(LONGEST_PAUSE_S, step.backoff_s)
        )
        retry_at = run.surroundings.clock() + dt.timedelta(seconds=pause_s)
        data["retry_at"] = timestamp(retry_at)
    run.record_step("failed", step, data | more)


def undo_ended(run: Coordinator, step: Step, outcome: Outcome) -> None:
    """Record that a step was taken back, or that it could not be: an incident."""
    message = run.scrub(outcome.message)
    if outcome.status is StepStatus.SUCCEEDED:
        run.record_step("compensated", step, {"outcome": journal_outcome(outcome, {}, run.scrub)})
    else:
        _undo_failed(run, step, message)


def _undo_failed(run: Coordinator, step: Step, message: str) -> None:
    final = run.of(step).undo_attempts > step.retries
    run.record_step("compensation_failed", step, {"message": message, "final": final})


def _timed_out(run: Coordinator, step: Step, state: StepState, job: Job) -> None:
    message = f"not done after {step.timeout_s} s; raise its timeout or find what hangs"
    if job.action == "undo":
        _undo_failed(run, step, message)
    elif job.action == "probe":
        run.record_step("interrupted", step, {"policy": "ask", "probe": "timeout"})
    else:
        failed(run, step, "timeout", message)


def _lost(run: Coordinator, step: Step, state: StepState, job: Job) -> None:
    """Decide about a job whose process is gone without a result."""
    if job.action == "undo":
        if state.undo_attempts > MOST_LOST:
            message = "its process ended unseen again and again; take it back by hand"
            run.record_step("compensation_failed", step, {"message": message, "final": True})
        else:
            message = "its process ended unseen; trying again"
            run.record_step("compensation_failed", step, {"message": message, "final": False})
    elif job.action == "probe":
        policy = "probe" if state.probes < MOST_LOST else "ask"
        run.record_step("interrupted", step, {"policy": policy, "probe": "lost"})
    elif run.state.stopping:
        run.record_step("interrupted", step, {"policy": "undo"})
    elif state.lost >= MOST_LOST:
        message = f"its process ended unseen {state.lost + 1} times; see its log"
        run.record_step(
            "failed", step, {"how": "lost", "rc": -1, "final": True, "message": message}
        )
    else:
        run.record_step("interrupted", step, {"policy": step.on_interrupt.value})


def _probed(run: Coordinator, step: Step, result: Mapping[str, Any]) -> None:
    if "probe" not in result:
        message = run.scrub(result["outcome"]["message"])
        run.record_step("interrupted", step, {"policy": "ask", "probe": message})
    elif result["probe"]:
        # The step's own words are lost with its result; what it left behind is not.
        outcome = Outcome(StepStatus.SUCCEEDED, "found done after an interruption")
        artifacts = artifacts_of(run.attempt_dir(step), supervise.is_engine_file)
        document = journal_outcome(outcome, artifacts, run.scrub)
        run.record_step("succeeded", step, {"how": "probe", "outcome": document})
    else:
        run.record_step(
            "interrupted", step, {"policy": OnInterrupt.RERUN.value, "probe": "not done"}
        )


def _spec(
    run: Coordinator, step: Step, action: str, label: str, touched: Mapping[str, Any]
) -> dict[str, Any]:
    folder = run.attempt_dir(step)
    earlier = {
        name: dict(other.outcome)
        for name, other in run.state.steps.items()
        if other.progress is StepProgress.DONE and name != step.id
    }
    return {
        "action": action,
        "step": step_document(step),
        "run": run.state.run,
        "mode": run.state.mode.value,
        "workspace": str(run.surroundings.workspace.absolute()),
        "attempt_dir": str(folder),
        "bundle": str(run.bundle.absolute()),
        "earlier": earlier,
        "idempotency_key": idempotency_key(run, step),
        "touched": dict(touched),
        "result": str(supervise.result_file(folder, label)),
        "progress": str(supervise.progress_file(folder, label)),
    }
