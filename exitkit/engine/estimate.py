"""Estimate the exit of what a bundle holds, by the last rehearsal and the knowledge."""

from __future__ import annotations

from collections.abc import Sequence

from exitkit.assess.exit_estimate import ExitEstimate, Means, Moved, estimate_exit
from exitkit.assess.extrapolation import extrapolate, volumes_of
from exitkit.assess.waves import Group, reliances, waves
from exitkit.engine.extrapolation import extrapolation_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.contract import Contract
from exitkit.store.reader import Bundle


def estimate_of(
    bundle: Bundle, rehearsed: Bundle | None, contract: Contract | None, means: Means
) -> ExitEstimate:
    """Estimate the exit of `bundle`, with the rates that `rehearsed` measured, if there are any."""
    moved = list(_moved(bundle))
    in_waves = waves_of(bundle)
    if rehearsed:
        transfer = extrapolation_of(rehearsed, bundle, contract)
    else:
        records = (bundle.records(name) for name in ("assets", "datasets", "exportability"))
        transfer = extrapolate((), volumes_of(*records))
    return estimate_exit(moved, in_waves, transfer, means)


def waves_of(bundle: Bundle) -> list[list[Group]]:
    """Return all assets of a bundle in the waves that follow from what relies on what."""
    assets = (str(row["@id"]) for row in bundle.records("assets"))
    return waves(assets, reliances(bundle.records("relations")))


def _moved(bundle: Bundle) -> Sequence[Moved]:
    knowledge = load_knowledge()
    found = []
    for row in bundle.records("assets"):
        native_type = str(row["provider"]["nativeType"])
        entry = knowledge.entry_for(native_type)
        found.append(
            Moved(
                id=str(row["@id"]),
                category=str(row["kind"]).partition(".")[0],
                native_type=native_type,
                effort=knowledge.entries.efforts[entry.effort] if entry else None,
                timing=knowledge.timing_for(native_type),
            )
        )
    return found
