"""Wait for a fact of the outside world: a person attests it, or a program looks for it.

Params: `fact` (the sentence), and either nothing more, so that `exitkit approve` signs the fact,
or `check` (a program and its arguments; exit code 0 says that the fact holds), `every` (how often
it looks, `1h`), `at_most` (a period after which the step fails) and `env` (variables it may see).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.dates import parse_period
from exitkit.drivers.programs import is_argv, run_program
from exitkit.errors import InputError
from exitkit.model.plan import Effect, Mode, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext


class WaitFor:
    """A rehearsal looks once and goes on, whatever it sees; metric `holds` says what it saw."""

    kind: ClassVar[str] = "wait-for"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing or of the wrong shape."""
        fact = step.params.get("fact")
        if not isinstance(fact, str) or not fact.strip():
            yield "fact: missing; write the sentence that has to become true"
        for name in ("check", "env"):
            if name in step.params and not is_argv(step.params[name]):
                yield f"{name}: not a list of strings; write {name}: [one, two]"
        if not re.fullmatch(r"[1-9][0-9]*[smhd]", str(step.params.get("every", "1h"))):
            yield f"every: {step.params['every']!r}; write for example 15m or 1h"
        if "at_most" in step.params:
            try:
                parse_period(str(step.params["at_most"]))
            except InputError as error:
                yield f"at_most: {error}"
        if step.effect not in (Effect.NONE, Effect.EXTERNAL_READ):
            yield f"effect: {step.effect.value}; looking for a fact changes nothing"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Look once."""
        code = run_program(step.params["check"], step, context)
        holds = code == 0
        goes_on = holds or context.mode is Mode.REHEARSAL
        status = StepStatus.SUCCEEDED if goes_on else StepStatus.FAILED
        word = "holds" if holds else "does not hold yet"
        message = f"{step.params['fact']}: {word} ({step.params['check'][0]} ended with {code})"
        return Outcome(status, message, {"holds": holds})

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Nothing was done."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Say no: looking again does no harm."""
        return False
