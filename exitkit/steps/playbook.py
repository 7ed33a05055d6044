"""Run a playbook of the workspace on a host of the sandbox, and its undo playbook afterwards.

Params: `playbook: playbooks/configure_app.yml` (beside it `configure_app.undo.yml`, or `undo:`),
`target` (a target of type `host`), optional `variables: {...}` and `twice: true`, which runs it
again and measures `second_run_changed`. Metrics: `tasks_ok`, `tasks_changed`. Its `directory`,
where the target has one, is passed on as the variable `directory`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from exitkit.drivers.ansible import (
    PlaybookFailed,
    PlaybookRun,
    end_leftovers,
    run_playbook,
)
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import Measurement, Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.store.touched import note_touched, noted_touched


class PlaybookStep:
    """Run one playbook; a rehearsal needs another one that takes it back."""

    kind: ClassVar[str] = "playbook"
    needs: ClassVar[tuple[str, ...]] = ("ansible_runner:rehearsal", "ansible:rehearsal")
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there."""
        for name in ("playbook", "target"):
            if not step.params.get(name):
                yield f"`{name}` is missing"
        if Path(str(step.params.get("playbook", ""))).is_absolute():
            yield "`playbook` is a path below the workspace"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Run it, and again where the step says `twice`."""
        if not _undo_path(step, context).is_file():
            raise InputError(
                f"step {step.id}: no {_undo_path(step, context).name} beside the playbook;"
                " write the playbook that takes it back"
            )
        touched = {"playbook": step.params["playbook"]}
        note_touched(context, touched)
        path = context.workspace / str(step.params["playbook"])
        started = time.monotonic()
        try:
            first = _play(path, step, context, "ansible-1")
            took_ms = int((time.monotonic() - started) * 1000)
            metrics = {"tasks_ok": first.ok, "tasks_changed": first.changed}
            if step.params.get("twice"):
                metrics["second_run_changed"] = _play(path, step, context, "ansible-2").changed
        except PlaybookFailed as fault:
            return Outcome(StepStatus.FAILED, str(fault), touched=touched)
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{path.name}: {first.ok} tasks, {first.changed} changed something",
            metrics,
            measurements=(Measurement("playbook", first.ok, 0, took_ms),),
            touched=touched,
        )

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Run the playbook that takes it back, where an attempt had begun."""
        end_leftovers(context.idempotency_key)
        if not touched and not noted_touched(context):
            return Outcome(StepStatus.SUCCEEDED, "nothing was run")
        undone = _play(_undo_path(step, context), step, context, "undo")
        return Outcome(StepStatus.SUCCEEDED, f"taken back by {undone.ok} tasks")

    def probe(self, step: Step, context: StepContext) -> bool:
        """A playbook may be run again, so there is no need to know."""
        return False


def _undo_path(step: Step, context: StepContext) -> Path:
    playbook = context.workspace / str(step.params["playbook"])
    own = playbook.with_name(f"{playbook.stem}.undo{playbook.suffix}")
    return context.workspace / str(step.params["undo"]) if step.params.get("undo") else own


def _play(path: Path, step: Step, context: StepContext, name: str) -> PlaybookRun:
    target = context.targets[str(step.params["target"])]
    if target.type != "host":
        raise InputError(
            f"step {step.id}: target {target.id} is of type {target.type}; name one of type host"
        )
    taken = len(list(context.attempt_dir.glob(f"{name}*")))
    folder = context.attempt_dir / (f"{name}-{taken + 1}" if taken else name)
    variables = dict(step.params.get("variables") or {})
    if target.settings.get("directory"):
        variables = {"directory": target.settings["directory"], **variables}
    return run_playbook(
        path,
        target.base / str(target.settings["inventory"]),
        folder,
        owner=context.idempotency_key,
        hosts=str(target.settings.get("host", "all")),
        variables=variables,
    )
