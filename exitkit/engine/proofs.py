"""Bring what earlier rehearsals proved, with its evidence, into the next snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.reach import Place, Reach, hidden_places, is_hidden, reach_of
from exitkit.model.verdict import Level
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import Workspace, bundle_path, sequences

Record = Mapping[str, Any]

MOST_LOOKED_BACK = 12
"""So many bundles are asked for what the newest one missed."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """The verdicts at `rehearsed` that stand, by id, and the bundles behind them, newest first."""

    bundles: Sequence[Bundle]
    records: Mapping[str, Record]

    def evidence(self, table: str, runs: Collection[str]) -> Iterator[Record]:
        """Yield the lines of `runs`, `events` or `measurements` that these runs left.

        Nothing is read before the first line is asked for: `runs` may grow until then.
        """
        # Only the measurements of a run have a run as their subject.
        is_measured = table == "measurements"
        member, prefix = ("subject", "urn:exitkit:run:") if is_measured else ("run", "")
        left = set(runs)
        for bundle in self.bundles:
            here = {str(row["run"]) for row in bundle.records("runs")} & left if left else set()
            wanted = {f"{prefix}{run}" for run in here}
            if wanted:
                yield from (row for row in bundle.records(table) if row[member] in wanted)
            left -= here


def last_proofs(workspace: Workspace) -> Proofs:
    """Read what is held as rehearsed: by the newest bundle, and by earlier ones what it missed.

    A source that was down when the newest bundle was made has lost no proof.
    """
    numbers = list(reversed(sequences(workspace)))[:MOST_LOOKED_BACK]
    bundles = [open_bundle(bundle_path(workspace, number)) for number in numbers]
    reaches: list[Reach] = []
    held: dict[str, Record] = {}
    behind: list[Bundle] = []
    for index, bundle in enumerate(bundles):
        failed = frozenset[str]().union(*(later.failed for later in reaches))
        reaches.append(reach_of(bundle.records("calls"), failed))
        hidden = _hidden_since(reaches, index)
        found = _unseen_since(bundle, bundles[:index], hidden) if index else _rehearsed(bundle)
        held = {**found, **held}
        behind += [bundle] if found else []
    return Proofs(behind, held)


def _rehearsed(bundle: Bundle) -> dict[str, Record]:
    return {
        str(row["@id"]): row
        for row in bundle.records("exportability")
        if row["level"] == Level.REHEARSED.value
    }


def _hidden_since(reaches: Sequence[Reach], index: int) -> frozenset[Place]:
    """Return where bundle `index`, the newest being 0, saw what no later one could."""
    hidden = reaches[index].places
    for later in reaches[:index]:
        hidden &= hidden_places(reaches[index], later)
    return hidden


def _unseen_since(
    bundle: Bundle, later: Sequence[Bundle], hidden: frozenset[Place]
) -> dict[str, Record]:
    """Return what a bundle holds as rehearsed of assets that nobody could look at since."""
    found = _rehearsed(bundle) if hidden else {}
    wanted = {str(row["asset"]) for row in found.values()}
    unseen = {
        str(asset["@id"])
        for asset in (bundle.records("assets") if wanted else ())
        if asset["@id"] in wanted and is_hidden(asset["provider"], hidden)
    }
    for one in later if unseen else ():
        unseen.difference_update(str(asset["@id"]) for asset in one.records("assets"))
    return {name: row for name, row in found.items() if row["asset"] in unseen}
