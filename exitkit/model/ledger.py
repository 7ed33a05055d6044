"""Account for every call made to a source, so that nothing is missing in silence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

from exitkit.model.identity import stable_urn


class CallOutcome(StrEnum):
    """How a planned call ended; the words are those of `data/records/calls.jsonl`."""

    COLLECTED = "collected"
    EMPTY = "empty"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    NOT_OFFERED = "not-offered"
    UNSUPPORTED = "unsupported"
    EXCLUDED = "excluded"

    @property
    def needs_acknowledgement(self) -> bool:
        """Whether a run holding such a call is not clean until somebody answers for it."""
        return self in (CallOutcome.REFUSED, CallOutcome.UNAVAILABLE, CallOutcome.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A written answer for calls that failed: by whom, why, until when.

    `operation` is a shell-style pattern over `Call.operation` (`support:*`), case-sensitive.
    """

    source: str
    operation: str
    reason: str
    by: str
    on: dt.date
    until: dt.date

    def holds_on(self, day: dt.date) -> bool:
        """Tell whether the acknowledgement has begun and has not expired on `day`."""
        return self.on <= day <= self.until


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the coverage ledger: a call planned against a source, and how it ended.

    `operation` is `<service>:<Operation>` in the provider's own words (`ec2:DescribeVpcs`,
    `Microsoft.Resources/subscriptions/resources:GET`, `ssh:show running-config`).
    `binding` tells repeated calls of one operation apart: the parent, the filter, the page set.
    `permission` is the permission whose absence refused the call; `reason` one line of text.
    `duration_ms` goes to the measurements, never into the record.
    """

    source: str
    scope: str
    region: str
    operation: str
    outcome: CallOutcome
    count: int = 0
    binding: str = ""
    permission: str = ""
    reason: str = ""
    duration_ms: int = 0
    acknowledgement: Acknowledgement | None = None

    @property
    def urn(self) -> str:
        """The `@id` of the ledger line."""
        return stable_urn(
            "ebf-call-1", self.source, self.scope, self.region, self.operation, self.binding
        )

    @property
    def is_open(self) -> bool:
        """Whether this line keeps a run from being clean."""
        return self.outcome.needs_acknowledgement and self.acknowledgement is None

    def acknowledged_by(self, acknowledgement: Acknowledgement) -> Call:
        """Return the same line with somebody's answer for it."""
        return replace(self, acknowledgement=acknowledgement)
