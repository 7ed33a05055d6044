"""Show the coverage ledger: what was asked, what answered, and who answers for what did not."""

from __future__ import annotations

from exitkit.model.ledger import CallOutcome
from exitkit.report.figure import Tally, text_at
from exitkit.report.parts import CallRow, Count, Coverage, Exclusion
from exitkit.report.printed import Printed, Record, Records, numbered

OUTCOMES = tuple(outcome.value for outcome in CallOutcome)
UNANSWERED = tuple(outcome.value for outcome in CallOutcome if outcome.needs_acknowledgement)
ROWS = 300
REASONS = 8
ANSWERED_BY = "acknowledgement.by"


class Calls:
    """The ledger, read once."""

    def __init__(self, records: Records) -> None:
        """Count the calls and keep those that did not answer."""
        self.printed = Printed("calls")
        self._tally = Tally("calls", "outcome", ANSWERED_BY)
        self._excluded = Tally("calls", "outcome", "reason")
        self._open: list[CallRow] = []
        self._acknowledged: list[CallRow] = []
        for line, record in numbered(records, "calls"):
            unanswered = text_at(record, "outcome") in UNANSWERED
            anchor = self.printed.offer(line, record, needed=unanswered)
            self._tally.add(line, record)
            if unanswered:
                known = text_at(record, ANSWERED_BY)
                (self._acknowledged if known else self._open).append(_row(anchor, record))
            if text_at(record, "outcome") == CallOutcome.EXCLUDED.value:
                self._excluded.add(line, record)

    def coverage(self) -> Coverage:
        """Return the part of the view that the ledger tells."""
        seen = self._tally.values("outcome")
        counts = [Count(o, self._tally.figure({"outcome": (o,)})) for o in OUTCOMES if o in seen]
        exclusions = [
            Exclusion(reason, self._excluded.figure({"outcome": (outcome,), "reason": (reason,)}))
            for outcome, reason in self._excluded.combinations()
        ]
        exclusions.sort(key=lambda e: (-int(e.figure.value), e.reason))
        return Coverage(
            total=self._tally.figure(),
            outcomes=tuple(counts),
            open_total=self._tally.figure({"outcome": UNANSWERED, ANSWERED_BY: ("",)}),
            open=tuple(self._open[:ROWS]),
            acknowledged=tuple(self._acknowledged[:ROWS]),
            exclusions=tuple(exclusions[:REASONS]),
            further_reasons=len(exclusions) > REASONS,
        )


def _row(anchor: str, record: Record) -> CallRow:
    return CallRow(
        anchor=anchor,
        source=text_at(record, "source"),
        scope=text_at(record, "scope"),
        region=text_at(record, "region"),
        operation=text_at(record, "operation"),
        outcome=text_at(record, "outcome"),
        permission=text_at(record, "permission"),
        reason=text_at(record, "reason"),
        acknowledged_by=text_at(record, ANSWERED_BY),
        acknowledged_because=text_at(record, "acknowledgement.reason"),
        acknowledged_until=text_at(record, "acknowledgement.untilDate"),
    )
