"""Say how long an exit would take by what the runs of two bundles measured."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.assess.extrapolation import Extrapolation
from exitkit.engine.extrapolation import extrapolation_of
from exitkit.store.reader import Bundle


@dataclass(frozen=True, slots=True)
class ExitTimes:
    """The likely milliseconds of transfer of all that was measured; None where nothing was.

    `unmeasured` are the categories without a rate: the times leave them out.
    """

    old_ms: int | None
    new_ms: int | None
    unmeasured: tuple[str, ...] = ()


def exit_times(old: Bundle, new: Bundle) -> ExitTimes:
    """Scale the rates of each bundle's last run to its volumes; of the other's, if it has none."""
    has_run = [any(True for _ in one.records("runs")) for one in (old, new)]
    if not any(has_run):
        # Nothing was measured: no reason to read a million assets for their volumes.
        return ExitTimes(None, None)
    before = extrapolation_of(old if has_run[0] else new, old, None)
    after = extrapolation_of(new if has_run[1] else old, new, None)
    unmeasured = {*before.unknown_categories, *after.unknown_categories}
    return ExitTimes(_likely_ms(before), _likely_ms(after), tuple(sorted(unmeasured)))


def _likely_ms(estimate: Extrapolation) -> int | None:
    known = [one.likely_ms for one in estimate.categories if one.likely_ms is not None]
    return sum(known) if known else None
