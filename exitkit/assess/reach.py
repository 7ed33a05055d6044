"""Tell what is gone from what was not looked at: a source that is down removes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.model.ledger import CallOutcome

Record = Mapping[str, Any]
Place = tuple[str, str]
"""The scope and the region of calls and assets; a region may be empty."""

_ANSWERED = (CallOutcome.COLLECTED.value, CallOutcome.EMPTY.value)
_FAILED = (CallOutcome.REFUSED.value, CallOutcome.UNAVAILABLE.value)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a bundle saw: where it was answered, which calls failed, and what each source got.

    `answered` holds, of the calls that failed in another bundle, those that were answered here.
    `silent` are the sources that answered nothing, and for whose silence nobody answers either.
    """

    places: frozenset[Place]
    answered: Mapping[str, Place]
    failed: frozenset[str]
    asked: frozenset[str]
    silent: tuple[str, ...]
    nothing: bool

    def is_inventory_of(self, sources: Collection[str]) -> bool:
        """Tell whether the bundle is an inventory of `sources`: each was asked, and spoke."""
        return not self.nothing and not self.silent and self.asked.issuperset(sources)


def reach_of(calls: Iterable[Record], failed_elsewhere: Collection[str] = ()) -> Reach:
    """Read the ledger of a bundle, and hold no more of it than what failed here or elsewhere."""
    places, answered = set[Place](), dict[str, Place]()
    failed, asked, answering, open_at = set[str](), set[str](), set[str](), set[str]()
    for call in calls:
        asked.add(str(call["source"]))
        if call["outcome"] in _ANSWERED:
            place = call.get("scope", ""), call.get("region", "")
            places.add(place)
            if call["@id"] in failed_elsewhere:
                answered[call["@id"]] = place
            answering.add(str(call["source"]))
        elif call["outcome"] in _FAILED:
            failed.add(str(call["@id"]))
            if "acknowledgement" not in call:
                open_at.add(str(call["source"]))
    silent = tuple(sorted(open_at - answering))
    return Reach(
        frozenset(places), answered, frozenset(failed), frozenset(asked), silent,
        bool(failed and not answering),
    )  # fmt: skip


def hidden_places(there: Reach, here: Reach) -> frozenset[Place]:
    """Return where `there` saw what `here` cannot tell about.

    No call was answered at the place any more, or one that was answered there has failed: `there`
    was read with what failed `here`.
    """
    failed = {there.answered[name] for name in here.failed & there.answered.keys()}
    return there.places - here.places | failed


def is_hidden(provider: Record, hidden: frozenset[Place]) -> bool:
    """Tell whether an asset of this `provider` member lies where nobody could look."""
    scope, region = provider["scope"], provider["region"]
    if not region:
        return any(place[0] == scope for place in hidden)
    return (scope, region) in hidden or (scope, "") in hidden
