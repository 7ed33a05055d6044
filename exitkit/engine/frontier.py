"""Know at every moment which steps may be worked on, without walking a plan of thousands."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator

from exitkit.engine.state import RunState
from exitkit.engine.step_state import StepProgress, StepState
from exitkit.model.plan import Milestone, Mode, Plan, Step


class Frontier:
    """The edge between what is settled and what is not; told of every change to a step.

    `opened` and `closed` hold the milestones that became workable, or had their last step settled,
    until somebody takes them out.
    """

    def __init__(self, plan: Plan, state: RunState, is_asked: Callable[[Step], bool]) -> None:
        self.plan = plan
        self.opened: list[Milestone] = []
        self.closed: list[Milestone] = []
        self._is_asked = is_asked
        self._steps = plan.steps()
        self._position = {step.id: index for index, step in enumerate(self._steps)}
        self._milestone = {step.id: one for one in plan.milestones for step in one.steps}
        self._ready: tuple[list[int], list[int]] = ([], [])
        self._unsettled: dict[str, int] = {}
        self._gates: dict[str, int] = {}
        self._open: set[str] = set()
        self._needs: dict[str, int] = {}
        self._after_step: dict[str, list[str]] = defaultdict(list)
        self._after_milestone: dict[str, list[Milestone]] = defaultdict(list)
        self._settled = {name for name, one in state.steps.items() if one.is_settled}
        self._state = state
        parts = [one for one in plan.milestones if one.in_rehearsal or state.mode is Mode.EXIT]
        self._count(parts)
        self._unclosed = sum(1 for left in self._unsettled.values() if left)
        for milestone in parts:
            if not self._gates[milestone.id]:
                self._open_up(milestone)
            if milestone.steps and not self._unsettled[milestone.id]:
                self.closed.append(milestone)

    @property
    def is_behind_us(self) -> bool:
        """Whether every step of every milestone is settled."""
        return not self._unclosed

    def step(self, name: str) -> Step | None:
        """The step of this name, or None where the plan has none."""
        position = self._position.get(name)
        return None if position is None else self._steps[position]

    def milestone_of(self, name: str) -> Milestone:
        """The milestone a step works for."""
        return self._milestone[name]

    def to_ask(self) -> Iterator[Step]:
        """Yield the pending steps that wait for people or dates and may begin, in plan order."""
        yield from [self._steps[position] for position in self._ready[True]]

    def to_work(self) -> Iterator[Step]:
        """Yield the pending steps that need a process and may begin, in plan order."""
        yield from [self._steps[position] for position in self._ready[False]]

    def note(self, name: str, state: StepState) -> None:
        """Take in where a step stands now."""
        if name not in self._position:
            return
        if state.is_settled and name not in self._settled:
            self._settle(name)
        may_begin = state.progress is StepProgress.PENDING and self._may_begin(name)
        self._set_ready(name, ready=may_begin)

    def _count(self, parts: list[Milestone]) -> None:
        for one in parts:
            self._unsettled[one.id] = sum(step.id not in self._settled for step in one.steps)
            for step in one.steps:
                open_needs = set(step.needs) - self._settled
                self._needs[step.id] = len(open_needs)
                for name in open_needs:
                    self._after_step[name].append(step.id)
        for one in parts:
            # What a rehearsal leaves out is closed, and so is a milestone without steps.
            before = {name for name in one.depends_on if self._unsettled.get(name)}
            self._gates[one.id] = len(before)
            for name in before:
                self._after_milestone[name].append(one)

    def _open_up(self, milestone: Milestone) -> None:
        self._open.add(milestone.id)
        if milestone.steps:
            self.opened.append(milestone)
        for step in milestone.steps:
            pending = self._state.step(step.id).progress is StepProgress.PENDING
            self._set_ready(step.id, ready=pending and self._may_begin(step.id))

    def _settle(self, name: str) -> None:
        self._settled.add(name)
        for follower in self._after_step.pop(name, ()):
            self._needs[follower] -= 1
            self._set_ready(follower, ready=self._may_begin(follower))
        milestone = self._milestone[name]
        if milestone.id not in self._unsettled:
            return
        self._unsettled[milestone.id] -= 1
        if self._unsettled[milestone.id]:
            return
        self._unclosed -= 1
        self.closed.append(milestone)
        for after in self._after_milestone.pop(milestone.id, ()):
            self._gates[after.id] -= 1
            if not self._gates[after.id]:
                self._open_up(after)

    def _may_begin(self, name: str) -> bool:
        is_open = self._milestone[name].id in self._open
        return is_open and not self._needs.get(name) and name not in self._settled

    def _set_ready(self, name: str, *, ready: bool) -> None:
        position = self._position[name]
        line = self._ready[self._is_asked(self._steps[position])]
        at = bisect_left(line, position)
        present = at < len(line) and line[at] == position
        if ready and not present:
            insort(line, position)
        elif present and not ready:
            del line[at]
