"""Wait for dates and for facts of the outside world, with no process living in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from exitkit.assess.dates import due_on, parse_period, shift
from exitkit.engine.approvals import request_approval
from exitkit.engine.coordinator import Coordinator
from exitkit.engine.outcomes import journal_outcome
from exitkit.engine.step_state import NEVER, StepProgress
from exitkit.model.plan import Deadline, Mode, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.store.canonical import instant, timestamp
from exitkit.workspace.plan_file import seconds

UNTIL_KIND = "wait-until"
FACT_KIND = "wait-for"
EVERY = "1h"


def begin_wait(run: Coordinator, step: Step) -> None:
    """Begin to wait; a rehearsal says what it would wait for and goes on."""
    if run.state.mode is Mode.REHEARSAL:
        _start(run, step)
        message = f"a rehearsal does not wait: {spoken(step)}"
        _end(run, step, Outcome(StepStatus.SUCCEEDED, message, {"waited": False}), "rehearsal")
    elif step.kind == FACT_KIND:
        request_approval(run, step, str(step.params["fact"]))
    else:
        _start(run, step)
        look_at_clock(run, step)


def look_at_clock(run: Coordinator, step: Step) -> None:
    """End a wait whose date has come, or note until when it lasts, once."""
    state = run.of(step)
    now = run.surroundings.clock()
    begun = now if state.first_waited == NEVER else state.first_waited
    # What the plan states now goes before what was known when the exit began.
    anchors = {**run.state.anchors, **run.surroundings.anchors}
    until = ends_at(step.params, begun, anchors)
    if until is not None and now >= until:
        message = f"waited until {timestamp(until)}"
        _end(run, step, Outcome(StepStatus.SUCCEEDED, message, {"waited": True}), "clock")
        return
    wanted = NEVER if until is None else until
    if state.progress is StepProgress.WAITING and state.wakes_at == wanted:
        return
    data = {"message": spoken(step)}
    if until is None:
        data["message"] += f": {step.params.get('anchor')} has no date; see `anchors:` of the plan"
    else:
        data["until"] = timestamp(until)
    run.record_step("waiting", step, data)


def ends_at(
    params: Mapping[str, Any], begun: dt.datetime, anchors: Mapping[str, dt.date]
) -> dt.datetime | None:
    """Return when a wait is over; None where it hangs on an anchor without a date."""
    if "at" in params:
        moment = instant(str(params["at"]))
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if "after" in params:
        period = parse_period(str(params["after"]))
        day = shift(begun.date(), period)
        return dt.datetime.combine(day, begun.timetz()) + dt.timedelta(seconds=period.seconds)
    deadline = Deadline(
        str(params["anchor"]), str(params.get("offset", "P0D")),
        str(params.get("calendar", "calendar")),
    )  # fmt: skip
    day_due = due_on(deadline, anchors)
    return None if day_due is None else dt.datetime.combine(day_due, dt.time(), dt.UTC)


def goes_on_waiting(run: Coordinator, step: Step, outcome: Outcome) -> bool:
    """Tell whether a fact that does not hold yet is to be looked for again."""
    if step.kind != FACT_KIND or run.state.mode is Mode.REHEARSAL:
        return False
    if outcome.status is not StepStatus.FAILED or "holds" not in outcome.metrics:
        return False
    first = run.of(step).first_waited
    limit = step.params.get("at_most")
    if limit is None or first == NEVER:
        return True
    return run.surroundings.clock() < first + _length(str(limit), first)


def wait_on(run: Coordinator, step: Step, message: str) -> None:
    """Leave a fact alone until it is looked for again."""
    pause = dt.timedelta(seconds=seconds(str(step.params.get("every", EVERY))))
    until = run.surroundings.clock() + pause
    run.record_step("waiting", step, {"message": message, "until": timestamp(until)})


def asks_people(step: Step) -> bool:
    """Whether a fact is one that a person attests, not one that a program can see."""
    return step.kind == FACT_KIND and not step.params.get("check")


def spoken(step: Step) -> str:
    """Say what a step waits for."""
    params = step.params
    if step.kind == FACT_KIND:
        return str(params.get("fact", "a fact"))
    if "at" in params:
        return f"until {params['at']}"
    if "after" in params:
        return f"for {params['after']}"
    return f"until {params.get('anchor')} {params.get('offset', '')}".rstrip()


def _length(period: str, start: dt.datetime) -> dt.timedelta:
    parsed = parse_period(period)
    days = shift(start.date(), parsed) - start.date()
    return days + dt.timedelta(seconds=parsed.seconds)


def _start(run: Coordinator, step: Step) -> None:
    run.record(
        "step.started", {"kind": step.kind, "idempotency_key": f"{run.state.run}/{step.id}"},
        milestone=run.milestone_of(step).id, step=step.id, attempt=run.of(step).attempt + 1,
    )  # fmt: skip


def _end(run: Coordinator, step: Step, outcome: Outcome, how: str) -> None:
    document = journal_outcome(outcome, {}, run.scrub)
    run.record_step("succeeded", step, {"how": how, "outcome": document})
