"""Do one step's work in a process of its own, and leave a result that no crash can halve."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.engine.outcomes import (
    ENDS_ITSELF_S,
    NEVER_RELEASED,
    outcome_document,
    outcome_from_document,
    step_from_document,
)
from exitkit.errors import ExitkitError
from exitkit.model.plan import Mode, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import DryRuns, StepContext, StepKind
from exitkit.store.files import write_atomically

ROOM_POLL_S = 1.0


def main(argv: list[str]) -> int:
    """Wait to be released, work, write the result; without a release, leave without effect."""
    if sys.stdin.readline() != "go\n":
        return NEVER_RELEASED
    spec = json.loads(Path(argv[1]).read_bytes())
    _end_in_time(spec["step"]["timeout_s"] + ENDS_ITSELF_S)
    result = _guarded(spec)
    _leave(Path(spec["result"]), json.dumps(result, ensure_ascii=False).encode())
    return 0


def _leave(path: Path, result: bytes) -> None:
    """Write the result, when there is room for it: without one the work would be done again."""
    while True:
        try:
            return write_atomically(path, result)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        time.sleep(ROOM_POLL_S)


def _end_in_time(after_s: float) -> None:
    """End ourselves and all we started where nobody is left to do it: other hosts count on it."""
    timer = threading.Timer(after_s, lambda: os.killpg(0, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _guarded(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Turn whatever a plugin does wrong into a failed outcome, told in one line."""
    try:
        step = step_from_document(spec["step"])
        return perform(spec["action"], step, step_context(spec), spec["touched"])
    except ExitkitError as error:
        message = str(error)
    except Exception as error:  # a plugin is foreign code: its crash is this step's failure
        with contextlib.suppress(OSError):
            traceback.print_exc()
        message = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
    return {"outcome": outcome_document(Outcome(StepStatus.FAILED, message))}


def perform(
    action: str, step: Step, context: StepContext, touched: Mapping[str, Any]
) -> dict[str, Any]:
    """Run, undo or probe the step, or run it dry."""
    kind: StepKind = plugins.load_by_name("steps", step.kind)
    if action == "probe":
        return {"probe": bool(kind.probe(step, context))}
    if action == "undo":
        return {"outcome": outcome_document(kind.undo(step, touched, context))}
    if action == "dry-run":
        # One without must fail here, not run for real.
        dry: DryRuns = plugins.load_by_name("steps", step.kind)
        return {"outcome": outcome_document(dry.dry_run(step, context))}
    return {"outcome": outcome_document(kind.run(step, context))}


def step_context(spec: Mapping[str, Any]) -> StepContext:
    """Build what the step is lent; sources and targets come from the workspace, not the spec.

    Their settings may hold secrets, and a spec file lies among the evidence. For the same reason
    the environment is inherited and never written down.
    """
    root = Path(spec["workspace"])
    sources: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    if (root / "exitkit.yaml").exists():
        # Reading YAML against a schema costs more than most steps; not all have a workspace.
        from exitkit.workspace.files import load_workspace

        workspace = load_workspace(root)
        sources = {source.id: source for source in workspace.sources}
        targets = {target.id: target for target in workspace.targets}
    return StepContext(
        run=spec["run"],
        mode=Mode(spec["mode"]),
        workspace=root,
        attempt_dir=Path(spec["attempt_dir"]),
        bundle=Path(spec["bundle"]),
        targets=targets,
        sources=sources,
        earlier={name: outcome_from_document(one) for name, one in spec["earlier"].items()},
        idempotency_key=spec["idempotency_key"],
        environ=dict(os.environ),
        progress=_sayer(spec.get("progress", os.devnull)),
    )


def _sayer(place: str) -> Callable[[str], None]:
    """Return what tells people a line: in the log, and where the coordinator listens."""

    def say(line: str) -> None:
        # A full disk may cost words, never the work they are about.
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        with (
            contextlib.suppress(OSError),
            Path(place).open("a", encoding="utf-8", errors="backslashreplace") as heard,
        ):
            heard.write(f"{' '.join(line.split())}\n")

    return say


if __name__ == "__main__":
    sys.exit(main(sys.argv))
