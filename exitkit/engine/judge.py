"""Say from the journal alone which milestones were proved, missed, or never put to the test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from exitkit.assess.dates import due_on, parse_period
from exitkit.model.plan import Criterion, Milestone, Mode, Plan
from exitkit.model.run import CriterionVerdict, Event, MilestoneVerdict, Verdict

PROVED, MISSED, NOT_TESTED = (
    MilestoneVerdict.PROVED,
    MilestoneVerdict.MISSED,
    MilestoneVerdict.NOT_TESTED,
)


@dataclass(slots=True)
class StepStory:
    """What the journal says of one step; 0 where it has no such line."""

    started: int = 0
    started_at: dt.datetime | None = None
    succeeded: int = 0
    succeeded_at: dt.datetime | None = None
    failed: int = 0
    refused: int = 0
    message: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Take in one more line; a later end replaces an earlier one."""
        match event.type:
            case "step.started":
                self.started = self.started or event.sequence
                self.started_at = self.started_at or event.at
            case "step.succeeded":
                self.succeeded, self.succeeded_at = event.sequence, event.at
                self.failed = self.refused = 0
                self.metrics = event.data.get("outcome", {}).get("metrics", {})
            case "step.failed" if event.data.get("final", True):
                self.failed, self.succeeded = event.sequence, 0
                self.message = str(event.data.get("message", ""))
                self.metrics = {}
            case "step.refused":
                self.refused = event.sequence
                self.message = str(event.data.get("message", ""))


@dataclass(frozen=True, slots=True)
class Story:
    """What the journal of one run says, by step and by milestone."""

    mode: Mode
    steps: Mapping[str, StepStory]
    reached: Mapping[str, tuple[int, dt.datetime]]


def judge(
    plan: Plan, events: Iterable[Event], anchors: Mapping[str, dt.date], now: dt.datetime
) -> tuple[Verdict, ...]:
    """Return one verdict per milestone, in plan order.

    `anchors` are the dates of the exit; in a rehearsal no date is due, and a deadline becomes the
    longest the milestone's steps may have taken.
    """
    story = _told(events)
    return tuple(_milestone(milestone, story, anchors, now) for milestone in plan.milestones)


def _told(events: Iterable[Event]) -> Story:
    mode = Mode.REHEARSAL
    steps: dict[str, StepStory] = {}
    reached: dict[str, tuple[int, dt.datetime]] = {}
    for event in events:
        if event.type == "run.started":
            mode = Mode(event.data.get("mode", mode))
        elif event.type == "milestone.reached":
            reached.setdefault(event.milestone, (event.sequence, event.at))
        elif event.step:
            steps.setdefault(event.step, StepStory()).hear(event)
    return Story(mode, steps, reached)


def _milestone(
    milestone: Milestone, story: Story, anchors: Mapping[str, dt.date], now: dt.datetime
) -> Verdict:
    if story.mode is Mode.REHEARSAL and not milestone.in_rehearsal:
        return Verdict(milestone.id, NOT_TESTED, (), (), "left out of the rehearsal by the plan")
    stories = {step.id: story.steps.get(step.id, StepStory()) for step in milestone.steps}
    criteria = [_criterion(one, stories) for one in milestone.criteria]
    deadline = _deadline(milestone, stories, story, anchors, now)
    if deadline is not None:
        criteria.append(deadline)
    verdict, because = _conclude(stories, criteria, has_promise=bool(milestone.criteria))
    lines = {one.event for one in criteria}
    lines |= {line for s in stories.values() for line in (s.succeeded, s.failed, s.refused)}
    return Verdict(milestone.id, verdict, tuple(criteria), tuple(sorted(lines - {0})), because)


def _conclude(
    stories: Mapping[str, StepStory], criteria: Sequence[CriterionVerdict], *, has_promise: bool
) -> tuple[MilestoneVerdict, str]:
    for name, story in stories.items():
        if story.failed:
            return MISSED, f"step {name} failed: {story.message or 'no message'}"
    for one in criteria:
        if one.verdict is MISSED:
            return MISSED, f"{one.criterion}: {one.because}"
    for name, story in stories.items():
        if story.refused:
            return NOT_TESTED, f"step {name} was refused: {story.message or 'no message'}"
        if not story.succeeded:
            return NOT_TESTED, f"step {name} did not end"
    if not has_promise:
        return NOT_TESTED, "the milestone has no criterion"
    for one in criteria:
        if one.verdict is NOT_TESTED:
            return NOT_TESTED, f"{one.criterion}: {one.because}"
    return PROVED, f"all {len(criteria)} criteria hold"


def _criterion(criterion: Criterion, stories: Mapping[str, StepStory]) -> CriterionVerdict:
    expected = f"{criterion.op} {_spoken(criterion.value)} {criterion.unit}".strip()
    measured = [
        (story.metrics[criterion.metric], story.succeeded)
        for name, story in stories.items()
        if story.succeeded and criterion.metric in story.metrics
        and (not criterion.step or criterion.step == name)
    ]  # fmt: skip
    if not measured:
        return CriterionVerdict(
            criterion.id, criterion.metric, expected, "", NOT_TESTED, 0,
            f"no step measured {criterion.metric}",
        )  # fmt: skip
    # Where several steps measured the same, the worst of them speaks.
    verdicts = [(_compare(value, criterion), value, line) for value, line in measured]
    verdict, value, line = min(verdicts, key=lambda row: (_WORST_FIRST[row[0]], row[2]))
    return CriterionVerdict(
        criterion.id, criterion.metric, expected, _spoken(value), verdict, line,
        f"{criterion.metric} is {_spoken(value)}, the plan asks {expected}",
    )  # fmt: skip


_WORST_FIRST = {MISSED: 0, NOT_TESTED: 1, PROVED: 2}


def _compare(measured: object, criterion: Criterion) -> MilestoneVerdict:
    wanted: object = criterion.value
    left, right = _number(measured), _number(wanted)
    if left is None or right is None:
        # A yes is not the number one, and words have no order.
        if criterion.op not in ("==", "!=") or _sort(measured) != _sort(wanted):
            return NOT_TESTED
        return PROVED if (measured == wanted) is (criterion.op == "==") else MISSED
    holds = {
        "==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right,
        ">": left > right, "<": left < right,
    }  # fmt: skip
    return PROVED if holds[criterion.op] else MISSED


def _sort(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int) else "text"


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _deadline(
    milestone: Milestone,
    stories: Mapping[str, StepStory],
    story: Story,
    anchors: Mapping[str, dt.date],
    now: dt.datetime,
) -> CriterionVerdict | None:
    if story.mode is Mode.REHEARSAL:
        return _duration(milestone, stories)
    name = f"{milestone.id}.deadline"
    due = due_on(milestone.deadline, anchors)
    if due is None:
        return CriterionVerdict(
            name, "reached_on", "by its deadline", "", NOT_TESTED, 0,
            f"anchor {milestone.deadline.anchor} has no date yet",
        )  # fmt: skip
    line, at = story.reached.get(milestone.id, (0, None))
    expected = f"<= {due.isoformat()}"
    if at is not None:
        on = at.date()
        verdict = PROVED if on <= due else MISSED
        because = f"reached on {on.isoformat()}, due on {due.isoformat()}"
        return CriterionVerdict(
            name, "reached_on", expected, on.isoformat(), verdict, line, because
        )
    verdict = MISSED if now.date() > due else NOT_TESTED
    return CriterionVerdict(
        name, "reached_on", expected, "", verdict, 0, f"not reached; due on {due.isoformat()}"
    )


def _duration(milestone: Milestone, stories: Mapping[str, StepStory]) -> CriterionVerdict | None:
    """In a rehearsal: the steps may take as long as the plan gives after the anchor."""
    period = parse_period(milestone.deadline.offset)
    allowed_s, _ = period.bounds_s()
    begins = [one.started_at for one in stories.values() if one.started_at]
    ends = [(one.succeeded_at, one.succeeded) for one in stories.values() if one.succeeded_at]
    if allowed_s <= 0 or not begins or len(ends) < len(stories):
        return None
    end, line = max(ends)
    taken_s = int((end - min(begins)).total_seconds())
    return CriterionVerdict(
        f"{milestone.id}.deadline",
        "elapsed_s",
        f"<= {allowed_s} s",
        f"{taken_s} s",
        PROVED if taken_s <= allowed_s else MISSED,
        line,
        f"the steps took {taken_s} s of {milestone.deadline.offset}",
    )


def _spoken(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
