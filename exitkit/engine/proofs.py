"""Bring what earlier rehearsals proved, with its evidence, into the next snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.verdict import Exportability, Level
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import Workspace, latest_bundle

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proofs:
    """The verdicts at `rehearsed` of the newest bundle, by id, and the bundle behind them."""

    bundle: Bundle | None
    records: Mapping[str, Record]

    def evidence(self, runs: Collection[str]) -> dict[str, Iterator[Record]]:
        """Return the lines of `runs`, `events` and `measurements` that these runs left."""
        subjects = {f"urn:exitkit:run:{run}" for run in runs}
        return {
            "runs": self._lines("runs", "run", runs),
            "events": self._lines("events", "run", runs),
            # Only the measurements of a run have a run as their subject.
            "measurements": self._lines("measurements", "subject", subjects),
        }

    def _lines(self, table: str, member: str, wanted: Collection[str]) -> Iterator[Record]:
        if self.bundle and wanted:
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


def runs_behind(verdicts: Collection[Exportability]) -> set[str]:
    """Return the runs that the verdicts at `rehearsed` name."""
    return {verdict.rehearsed_in for verdict in verdicts if verdict.rehearsed_in}
