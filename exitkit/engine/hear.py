"""Take what a step says while it works into the journal, where a terminal and an auditor see it."""

from __future__ import annotations

from pathlib import Path

from exitkit.engine import supervise
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.step_state import Job
from exitkit.model.plan import Step

MOST_BYTES = 64 * 1024
"""What one job may say in the journal; all it said is in its log."""
AN_EVENT_BYTES = 8 * 1024
PAUSE_S = 1.0
"""A step that says a line a millisecond gets an event a second."""


def hear(run: Coordinator, step: Step, job: Job) -> None:
    """Record what a job at work has said since it was last heard, one event at most."""
    last = run.spoken.get(step.id)
    if last is None or run.surroundings.steady() - last >= PAUSE_S:
        _take_in(run, step, job)


def hear_out(run: Coordinator, step: Step, job: Job) -> None:
    """Record all that a job which has ended said and nobody has heard yet."""
    while _take_in(run, step, job):
        pass


def _take_in(run: Coordinator, step: Step, job: Job) -> bool:
    """Record the next lines as one event, whole lines only; False when there are none."""
    path, heard = supervise.progress_file(run.attempt_dir(step), job.label), run.of(step).heard
    if heard >= MOST_BYTES or _size(path) <= heard:
        return False
    with path.open("rb") as stream:
        stream.seek(heard)
        read = stream.read(AN_EVENT_BYTES)
    whole = read[: read.rfind(b"\n") + 1]
    if not whole:
        return False
    said = [run.scrub(line) for line in whole.decode("utf-8", "replace").splitlines()]
    run.spoken[step.id] = run.surroundings.steady()
    run.record_step("progress", step, {"said": said, "heard": heard + len(whole)})
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
