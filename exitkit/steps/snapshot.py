"""Take stock again in the middle of a run, and measure what changed since the bundle before.

Params: optional `sources`, a list of source ids or patterns. A freeze is proved by a criterion
`changes == 0`, a delta before the cut-over by `snapshot_complete == true`. Metrics:
`snapshot_complete` (every call was answered), `assets_added`, `assets_removed`, `assets_changed`,
`changes` (of assets, data, access, licenses and automation), `bundle`, `compared_with`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.plan import Effect, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically
from exitkit.workspace.files import latest_bundle, load_workspace

CHANGES = {
    "assets_added": "asset-added",
    "assets_removed": "asset-removed",
    "assets_changed": "asset-changed",
}
ESTATE = ("asset", "dataset", "access", "license", "automation")
"""Changes of the estate itself; a call refused or a verdict told otherwise is none."""


class SnapshotStep:
    """Collect every source into the next sealed bundle, and compare it with the one before."""

    kind: ClassVar[str] = "snapshot"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Yield what is of the wrong shape."""
        sources = step.params.get("sources", [])
        if not isinstance(sources, list) or not all(isinstance(one, str) for one in sources):
            yield "sources: not a list of source ids; write sources: [aws-main]"
        if step.effect not in (Effect.NONE, Effect.EXTERNAL_READ):
            yield f"effect: {step.effect.value}; a snapshot only reads, write external-read"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Take the snapshot by the command itself, so that it is exactly the one people take."""
        workspace = load_workspace(context.workspace)
        before = latest_bundle(workspace)
        chosen = [word for name in step.params.get("sources", ()) for word in ("--source", name)]
        lines, code = _exitkit(context, "snapshot", "--json", *chosen)
        after = latest_bundle(workspace)
        if code not in (0, 1) or after is None or after == before:
            return Outcome(StepStatus.FAILED, f"`exitkit snapshot` ended with {code}; see its log")
        metrics: dict[str, int | bool | str] = {
            "snapshot_complete": code == 0,
            "bundle": after.name,
        }
        if before is None:
            return Outcome(StepStatus.SUCCEEDED, f"{after.name}: the first bundle", metrics)
        lines, code = _exitkit(context, "diff", before.name, after.name, "--json")
        summary = next((line for line in lines if line.get("event") == "summary"), None)
        if summary is None:
            return Outcome(StepStatus.FAILED, f"`exitkit diff` ended with {code}; see its log")
        counts = {name: int(summary["counts"][kind]) for name, kind in CHANGES.items()}
        changes = sum(
            number for kind, number in summary["counts"].items() if kind.partition("-")[0] in ESTATE
        )
        write_atomically(context.attempt_dir / "delta.json", canonical_bytes(summary))
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{after.name}: {changes} changes since {before.name}",
            metrics | counts | {"changes": changes, "compared_with": before.name},
        )

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Keep the bundle: a series has no gaps, and what was seen was seen."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Take it again: a second look does no harm."""
        return False


def _exitkit(context: StepContext, *arguments: str) -> tuple[list[dict[str, Any]], int]:
    done = subprocess.run(
        [sys.executable, "-m", "exitkit", *arguments],
        cwd=context.workspace,
        env=dict(context.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    return lines, done.returncode
