"""Ask the old and the new system the same questions and compare their answers, byte by byte.

Params: `questions`, a list of `{name, old: [program, ...], new: [program, ...]}`, and optional
`ignore`, regular expressions whose matches may differ (times, host names), and `env`, names of
variables. Metrics: `questions_compared`, `answers_different`, `answers_missing`, `agreement_pct`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from exitkit.drivers.programs import Answer, ask_program, is_argv
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, StepStatus
from exitkit.ports import StepContext


class ParallelRunStep:
    """Compare what two systems that run side by side say."""

    kind: ClassVar[str] = "parallel-run"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is missing or of the wrong shape."""
        questions = step.params.get("questions")
        if not isinstance(questions, list) or not questions:
            yield "questions: missing; list what both systems are asked"
            return
        for number, one in enumerate(questions, start=1):
            for part in ("old", "new"):
                if not isinstance(one, dict) or not is_argv(one.get(part)):
                    yield f"questions: number {number}: {part}: write [program, argument]"
        ignore = step.params.get("ignore", [])
        if not isinstance(ignore, list):
            yield "ignore: not a list of regular expressions"
            return
        for pattern in ignore:
            try:
                re.compile(str(pattern))
            except re.error:
                yield f"ignore: {pattern}: not a regular expression"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Ask both; the step succeeds when every question was asked."""
        env, ignore = step.params.get("env", ()), step.params.get("ignore", ())
        items = [
            _compared(
                str(one.get("name") or " ".join(one["old"])),
                ask_program(one["old"], context, env),
                ask_program(one["new"], context, env),
                ignore,
            )
            for one in step.params["questions"]
        ]
        different = sum(item.result == "different" for item in items)
        missing = sum(item.result == "missing" for item in items)
        equal = len(items) - different - missing
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{len(items)} questions: {different} answers different, {missing} missing",
            {
                "questions_compared": len(items), "answers_different": different,
                "answers_missing": missing, "agreement_pct": equal * 100 // len(items),
            },
            items=tuple(items),
        )  # fmt: skip

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """A question leaves nothing."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Ask again."""
        return False


def _compared(name: str, old: Answer, new: Answer, ignore: Sequence[str]) -> ItemResult:
    item = f"question {name}"
    for side, answer in (("old", old), ("new", new)):
        if answer.code != 0:
            return ItemResult(item, "missing", f"the {side} system's program ended {answer.code}")
    if _bare(old.output, ignore) == _bare(new.output, ignore):
        return ItemResult(item, "equal")
    return ItemResult(item, "different", f"{len(old.output)} and {len(new.output)} bytes")


def _bare(answer: bytes, ignore: Sequence[str]) -> bytes:
    for pattern in ignore:
        answer = re.sub(str(pattern).encode(), b"", answer)
    return answer
