"""Run a program of the operator's own as a step, with a way back and a way to ask if it ran."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.drivers.programs import is_argv, run_program
from exitkit.model.plan import Effect, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext


class Command:
    """`argv` is a list and never goes through a shell; `undo` and `probe` are further such lists.

    The program finds EXITKIT_RUN, EXITKIT_STEP, EXITKIT_IDEMPOTENCY_KEY, EXITKIT_ATTEMPT_DIR,
    EXITKIT_BUNDLE and EXITKIT_WORKSPACE in its environment and starts in the workspace. With
    `check: true` it is held back: the step says what it would run, or runs `check_argv`, the dry
    form that the program has of its own; nothing is touched then, and nothing undone.
    """

    kind: ClassVar[str] = "command"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing or of the wrong shape."""
        if not is_argv(step.params.get("argv")):
            yield 'argv: not a list of strings; write argv: ["program", "argument"]'
        for name in ("undo", "probe", "check_argv"):
            if name in step.params and not is_argv(step.params[name]):
                yield f"{name}: not a list of strings; write {name}: [program, argument]"
        if "env" in step.params and not is_argv(step.params["env"]):
            yield "env: not a list of variable names; values stay in the environment"
        if step.effect is Effect.EXTERNAL_WRITE and not (
            "undo" in step.params or step.params.get("check")
        ):
            yield "writes and has no undo; add undo: or declare effect: destructive"
        if step.on_interrupt.value == "probe" and "probe" not in step.params:
            yield "on_interrupt: probe, and no probe; add probe: [program, argument]"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Run `argv`; its exit code decides."""
        if step.params.get("check"):
            return _checked(step, context)
        code = run_program(step.params["argv"], step, context)
        status = StepStatus.FAILED if code else StepStatus.SUCCEEDED
        # Something to undo is something touched, whatever the program did.
        touched = {"undo": list(step.params["undo"])} if "undo" in step.params else {}
        message = f"{step.params['argv'][0]} ended with {code}"
        return Outcome(status, message, {"exit_code": code}, touched=touched)

    def has_dry_run(self, step: Step) -> bool:
        """Only the operator knows whether a program has a dry form."""
        return "check_argv" in step.params

    def dry_run(self, step: Step, context: StepContext) -> Outcome:
        """Run `check_argv`; its exit code says whether `argv` would do."""
        return _checked(step, context)

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Run `undo`, where there is one."""
        if "undo" not in step.params or step.params.get("check"):
            return Outcome(StepStatus.SUCCEEDED, "nothing to undo")
        code = run_program(step.params["undo"], step, context)
        status = StepStatus.FAILED if code else StepStatus.SUCCEEDED
        return Outcome(status, f"{step.params['undo'][0]} ended with {code}")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Ask `probe`: exit code 0 says that the work was done."""
        return run_program(step.params["probe"], step, context) == 0


def _checked(step: Step, context: StepContext) -> Outcome:
    """Tell what would be run, after the program's own dry form where the plan names one."""
    told = f"would run: {shlex.join(step.params['argv'])}"
    if "check_argv" not in step.params:
        return Outcome(StepStatus.SUCCEEDED, told)
    code = run_program(step.params["check_argv"], step, context)
    status = StepStatus.FAILED if code else StepStatus.SUCCEEDED
    dry = f"{shlex.join(step.params['check_argv'])} ended with {code}"
    return Outcome(status, f"{told}; {dry}", {"exit_code": code})
