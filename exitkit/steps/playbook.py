"""Run a playbook of the workspace on a host of the sandbox, and its undo playbook afterwards.

Params: `playbook: playbooks/configure_app.yml` (beside it `configure_app.undo.yml`, or `undo:`),
`target` (a target of type `host`), optional `variables: {...}` and `twice: true`, which runs it
again, measures `second_run_changed` and fails where it is not 0. `check: true` is a dry run:
Ansible says what it would change and writes nothing. `sample: {hosts: 3, seed: "2026"}` runs it on
so many hosts of the target's group, drawn by lot. Metrics: `tasks_ok`, `tasks_changed`, `hosts`.
Its `directory`, where the target has one, is passed on as the variable `directory`; its `worker`
runs the playbook inside its own network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.sampling import drawn
from exitkit.drivers.ansible import (
    PlaybookFailed,
    PlaybookOptions,
    PlaybookRun,
    end_leftovers,
    run_playbook,
)
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import Measurement, Outcome, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.quota import EXCEEDED, QuotaExceeded, within_quota
from exitkit.store.touched import note_touched, noted_touched
from exitkit.workspace.inventory_groups import read_groups


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
        if not isinstance(step.params.get("variables") or {}, dict):
            yield "`variables` is a mapping of names to values"
        if Path(str(step.params.get("playbook", ""))).is_absolute():
            yield "`playbook` is a path below the workspace"
        if step.params.get("check") and step.params.get("twice"):
            yield "`check` writes nothing, so there is nothing to do `twice`"
        drawing = step.params.get("sample")
        if drawing is not None and not _is_drawing(drawing):
            yield "`sample` needs `hosts`, a number, and the `seed` its lot is drawn with"

    def has_dry_run(self, step: Step) -> bool:
        """Ansible can tell what any playbook would change."""
        return True

    def dry_run(self, step: Step, context: StepContext) -> Outcome:
        """Run it as with `check: true`; the way back has to be there already."""
        if not step.params.get("check"):
            _require_undo(step, context)
        return self.run(
            replace(step, params={**step.params, "check": True, "twice": False}), context
        )

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Run it, and again where the step says `twice`."""
        is_dry = bool(step.params.get("check"))
        if not is_dry:
            _require_undo(step, context)
        # A dry run touches nothing, so there is nothing to take back.
        touched = {} if is_dry else {"playbook": step.params["playbook"]}
        if touched:
            note_touched(context, touched)
        path = context.workspace / str(step.params["playbook"])
        started = time.monotonic()
        hosts = _hosts(step, _target(step, context))
        try:
            with within_quota(_target(step, context), context, 0):
                first = _play(path, step, context, "ansible-1")
                took_ms = int((time.monotonic() - started) * 1000)
                metrics = {
                    "tasks_ok": first.ok, "tasks_changed": first.changed, "hosts": len(hosts),
                }  # fmt: skip
                if step.params.get("twice"):
                    metrics["second_run_changed"] = _play(path, step, context, "ansible-2").changed
        except PlaybookFailed as fault:
            return Outcome(StepStatus.FAILED, str(fault), touched=touched)
        except QuotaExceeded as fault:
            return Outcome(StepStatus.FAILED, str(fault), {EXCEEDED: True}, touched=touched)
        word = "would change" if is_dry else "changed"
        again = metrics.get("second_run_changed", 0)
        return Outcome(
            StepStatus.FAILED if again else StepStatus.SUCCEEDED,
            f"{path.name} on {', '.join(hosts)[:200]}: {first.ok} tasks, {first.changed} {word}"
            f" something{f', {again} changed it again' if again else ''}",
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


def _is_drawing(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    hosts = value.get("hosts")
    return isinstance(hosts, int) and hosts > 0 and bool(str(value.get("seed", "")))


def _require_undo(step: Step, context: StepContext) -> None:
    if not _undo_path(step, context).is_file():
        raise InputError(
            f"step {step.id}: no {_undo_path(step, context).name} beside the playbook;"
            " write the playbook that takes it back"
        )


def _undo_path(step: Step, context: StepContext) -> Path:
    playbook = context.workspace / str(step.params["playbook"])
    own = playbook.with_name(f"{playbook.stem}.undo{playbook.suffix}")
    return context.workspace / str(step.params["undo"]) if step.params.get("undo") else own


def _target(step: Step, context: StepContext) -> Target:
    target = context.targets[str(step.params["target"])]
    if target.type != "host":
        raise InputError(
            f"step {step.id}: target {target.id} is of type {target.type}; name one of type host"
        )
    return target


def _hosts(step: Step, target: Target) -> tuple[str, ...]:
    """Return the hosts of the target's host or group, or those that the lot falls on."""
    pattern = str(target.settings.get("host", "all"))
    groups = read_groups(_inventory(target), "")
    among = [
        name
        for name in groups.hosts
        if pattern in ("all", name) or pattern in groups.groups_of(name)
    ]  # fmt: skip
    drawing = step.params.get("sample")
    if not drawing:
        return tuple(sorted(among)) or (pattern,)
    return drawn(among, str(drawing["seed"]), int(drawing["hosts"]))


def _inventory(target: Target) -> Path:
    return target.base / str(target.settings["inventory"])


def _play(path: Path, step: Step, context: StepContext, name: str) -> PlaybookRun:
    target = _target(step, context)
    taken = len(list(context.attempt_dir.glob(f"{name}*")))
    folder = context.attempt_dir / (f"{name}-{taken + 1}" if taken else name)
    variables = dict(step.params.get("variables") or {})
    if target.settings.get("directory"):
        variables = {"directory": target.settings["directory"], **variables}
    hosts = str(target.settings.get("host", "all"))
    return run_playbook(
        path,
        _inventory(target),
        folder,
        owner=context.idempotency_key,
        hosts=",".join(_hosts(step, target)) if step.params.get("sample") else hosts,
        variables=variables,
        options=PlaybookOptions(
            check=bool(step.params.get("check")),
            worker=tuple(target.settings.get("worker") or ()),
            progress=context.progress,
        ),
    )
