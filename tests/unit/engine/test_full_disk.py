"""A disk that is full costs words of a step, and neither its result nor a second run of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine.run import Interrupts, drive
from exitkit.model.plan import Mode

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["no-such-program"], "ended with 127"), (["echo", "a\0b"], "embedded null byte")],
    ids=["says-something", "crashes"],
)
def test_a_step_whose_log_has_no_room_fails_for_its_own_reason(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make,
    argv: list[str], message: str,
) -> None:  # fmt: skip
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a", argv=argv)])), Mode.EXIT)
    folder = run.journal.folder / "artifacts" / "a" / "1"
    folder.mkdir(parents=True)
    for name in ("run.log", "run.progress"):
        (folder / name).symlink_to(Path("/dev/full"))
    state = drive(run, Interrupts(), lambda state: False)
    assert message in state.step("a").message
    assert [event.attempt for event in workshop.of_type("step.started")] == [1]
