"""Try every door the provider had, and count as closed only one that says no while others answer.

Params: `doors`, a list of `{name, try: [program, ...], refusal: regular expression, control:
[program, ...]}`. `try` logs in as the provider did; `refusal` is what the door answers when it
turns somebody away (`Permission denied`); `control` reaches the same door in a way that must still
work, so that a dead network is not taken for a locked door. Optional `env`, names of variables.
Metrics: `doors_closed`, `doors_open`, `doors_unclear`, `access_revoked` (all of them closed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.drivers.programs import Answer, ask_program, is_argv
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, StepStatus
from exitkit.ports import StepContext


class AccessRevokedStep:
    """Prove that the provider cannot come in any more."""

    kind: ClassVar[str] = "access-revoked"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing; a plan without a door would always find all of them closed."""
        doors = step.params.get("doors")
        if not isinstance(doors, list) or not doors:
            yield "doors: missing; list every access the provider has"
            return
        for number, door in enumerate(doors, start=1):
            if not isinstance(door, dict) or not door.get("name"):
                yield f"doors: number {number} has no name"
                continue
            for part in ("try", "control"):
                if not is_argv(door.get(part)):
                    yield f"doors: {door['name']}: {part}: not a list; write [program, argument]"
            if not _is_pattern(door.get("refusal")):
                yield f"doors: {door['name']}: refusal: not a regular expression"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Try each door and its control; the step succeeds when all were tried."""
        env = step.params.get("env", ())
        items = []
        for door in step.params["doors"]:
            control = ask_program(door["control"], context, env)
            tried = ask_program(door["try"], context, env)
            items.append(_judged(door, tried, control))
        count = {word: sum(item.result == word for item in items) for word in _RESULTS}
        closed, open_, unclear = (count[word] for word in _RESULTS)
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{closed} doors closed, {open_} open, {unclear} unclear",
            {
                "doors_closed": closed, "doors_open": open_, "doors_unclear": unclear,
                "access_revoked": closed == len(items),
            },
            items=tuple(items),
        )  # fmt: skip

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """A try that was refused left nothing."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Try again: knocking twice does no harm."""
        return False


_RESULTS = ("equal", "different", "missing")
"""What a door is in the words of a comparison: closed as planned, open, not to be told."""


def _judged(door: Mapping[str, Any], tried: Answer, control: Answer) -> ItemResult:
    name = f"door {door['name']}"
    if tried.code == 0:
        return ItemResult(name, "different", "the provider still gets in")
    if control.code != 0:
        return ItemResult(name, "missing", f"its control ended with {control.code}: not reachable")
    said = (tried.output + b"\n" + tried.errors).decode("utf-8", "replace")
    if re.search(str(door["refusal"]), said) is None:
        return ItemResult(name, "missing", f"ended with {tried.code} without the refusal")
    return ItemResult(name, "equal", "refused")


def _is_pattern(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        re.compile(value)
    except re.error:
        return False
    return True
