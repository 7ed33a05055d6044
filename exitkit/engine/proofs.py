"""Bring what earlier rehearsals proved, with its evidence, into the next snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.verdict import Level
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import Workspace, latest_bundle

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proofs:
    """The verdicts at `rehearsed` of the newest bundle, by id, and the bundle behind them."""

    bundle: Bundle | None
    records: Mapping[str, Record]

    def evidence(self, table: str, runs: Collection[str]) -> Iterator[Record]:
        """Yield the lines of `runs`, `events` or `measurements` that these runs left.

        Nothing is read before the first line is asked for: `runs` may grow until then.
        """
        if not self.bundle or not runs:
            return
        # Only the measurements of a run have a run as their subject.
        is_measured = table == "measurements"
        member = "subject" if is_measured else "run"
        wanted = {f"urn:exitkit:run:{run}" if is_measured else run for run in runs}
        yield from (row for row in self.bundle.records(table) if row[member] in wanted)


def last_proofs(workspace: Workspace) -> Proofs:
    """Read what the newest bundle holds as rehearsed; nothing before the first one."""
    path = latest_bundle(workspace)
    if path is None:
        return Proofs(None, {})
    bundle = open_bundle(path)
    held = {
        str(row["@id"]): row
        for row in bundle.records("exportability")
        if row["level"] == Level.REHEARSED.value
    }
    return Proofs(bundle, held)
