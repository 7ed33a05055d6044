"""Answer whether we can leave, and name everything that stands between us and a plain yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exitkit.errors import EXIT_DECLARED_HOLES, EXIT_FOUND, EXIT_UNTRUSTED
from exitkit.model.run import MilestoneVerdict
from exitkit.report.estate import Estate
from exitkit.report.parts import Answer, Count, Duration, Obstacle
from exitkit.report.run_parts import RunPart

ENDED = ("completed", "failed", "aborted")
BESIDE_A_YES = {"stays-behind", "untrusted"}
"""What is said beside a plain yes without taking it back."""


def find_answer(
    verified: int,
    estate: Estate,
    run: RunPart | None,
    duration: Duration,
    milestones: Sequence[Count],
) -> Answer:
    """Return the answer; `verified` is the exit code of verifying the bundle."""
    obstacles = [
        *(_of_run(run, duration, milestones) if run else ()),
        *_of_estate(estate),
        *_of_seal(verified),
    ]
    codes = {obstacle.code for obstacle in obstacles}
    if verified == EXIT_FOUND:
        code = "invalid"
    elif run is None:
        code = "not-rehearsed"
    elif run.state not in ENDED:
        code = "unfinished"
    elif "missed" in codes:
        code = "no"
    elif "time-longer" in codes:
        code = "too-long"
    else:
        code = "partly" if codes - BESIDE_A_YES else "yes"
    return Answer(code, tuple(obstacles))


def _of_run(run: RunPart, duration: Duration, milestones: Sequence[Count]) -> Iterator[Obstacle]:
    for count in milestones:
        if count.code != MilestoneVerdict.PROVED and count.figure.value:
            yield Obstacle(count.code, count.figure)
    if not run.milestones:
        yield Obstacle("no-milestones")
    if run.state in ("failed", "aborted"):
        yield Obstacle(f"run-{run.state}")
    if run.incidents or not all(sandbox.equal for sandbox in run.sandboxes):
        yield Obstacle("sandbox-changed")
    if duration.code != "within":
        yield Obstacle(f"time-{duration.code}")


def _of_estate(estate: Estate) -> Iterator[Obstacle]:
    if estate.coverage.open_total.value:
        yield Obstacle("open-calls", estate.coverage.open_total)
    for count in estate.levels:
        if count.code == "none":
            yield Obstacle("stays-behind", count.figure)
        if count.code in ("unknown", "not-attempted"):
            yield Obstacle(count.code, count.figure)


def _of_seal(verified: int) -> Iterator[Obstacle]:
    if verified == EXIT_UNTRUSTED:
        yield Obstacle("untrusted")
    if verified == EXIT_DECLARED_HOLES:
        yield Obstacle("holes")
