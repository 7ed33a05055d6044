"""Turn items read back from a target into an outcome whose metrics a criterion can test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus


@dataclass(slots=True)
class Canaries:
    """Words planted at the source that must be found on the target.

    `params.canaries` lists them; `params.canary_pattern` is a regular expression, and the words it
    matches in the bundle are the ones to find.
    """

    listed: frozenset[str]
    pattern: re.Pattern[bytes] | None
    expected: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Canaries:
        """Read the two params."""
        pattern = params.get("canary_pattern")
        listed = frozenset(str(word) for word in params.get("canaries") or ())
        compiled = re.compile(str(pattern).encode()) if pattern else None
        return cls(listed, compiled, set(listed))

    def expect(self, kept: bytes) -> None:
        """Look at bytes of the bundle."""
        if self.pattern:
            self.expected.update(match.decode() for match in self._matches(kept))

    def see(self, read_back: bytes) -> None:
        """Look at bytes of the target."""
        self.found.update(word for word in self.listed if word.encode() in read_back)
        self.found.update(match.decode() for match in self._matches(read_back))

    def missing(self) -> list[str]:
        """The words nobody found, sorted."""
        return sorted(self.expected - self.found)

    def _matches(self, text: bytes) -> list[bytes]:
        return [match.group(0) for match in self.pattern.finditer(text)] if self.pattern else []


def compared(
    what: str,
    items: Sequence[ItemResult],
    *,
    canaries: Canaries,
    losses: Sequence[str] = (),
    proofs: Sequence[Proof] = (),
    measurements: Sequence[Measurement] = (),
    metrics: Mapping[str, int | bool | str] | None = None,
) -> Outcome:
    """Return the outcome of a comparison that ran, whatever it found.

    `items_different` counts what is there but not equal, `extra` included; a `lost-field` is a
    named loss of the target, not a difference of content.
    """
    count = {
        result: sum(item.result == result for item in items)
        for result in ("different", "missing", "extra", "lost-field")
    }
    total = sum(item.result != "lost-field" for item in items)
    different = count["different"] + count["extra"]
    faulty = [item for item in items if item.result not in ("equal", "lost-field")]
    named = f"; first: {faulty[0].item}" if faulty else ""
    return Outcome(
        StepStatus.SUCCEEDED,
        f"{what}: {total} compared, {different} different, {count['missing']} missing{named}",
        metrics={
            "items_compared": total,
            "items_different": different,
            "items_missing": count["missing"],
            "canaries_expected": len(canaries.expected),
            "canaries_found": len(canaries.expected & canaries.found),
            "losses": len(losses),
            **(metrics or {}),
        },
        items=tuple(items),
        losses=tuple(losses),
        proofs=tuple(proofs),
        measurements=tuple(measurements),
    )


def restored(
    what: str,
    items: Sequence[ItemResult],
    *,
    moved: Measurement,
    losses: Sequence[str] = (),
    touched: Mapping[str, Any],
) -> Outcome:
    """Return the outcome of a restore that was read back; it failed where an item is not equal.

    `what` says what was moved, `{different}` in it how many items are not as they were.
    """
    different = sum(item.result != "equal" for item in items)
    return Outcome(
        StepStatus.FAILED if different else StepStatus.SUCCEEDED,
        what.format(different=different),
        metrics={
            "items_restored": moved.items,
            "bytes_restored": moved.size_bytes,
            "items_different": different,
            "losses": len(losses),
        },
        items=tuple(items),
        losses=tuple(losses),
        measurements=(moved,),
        touched=touched,
    )


def taken(
    what: str, target: str, move: str = 'give the step `rename: "{name}-rehearsal"`'
) -> Outcome:
    """Return the outcome of a restore that found under its name what somebody else has there."""
    return failed(f"{what} is already on {target} and is not ours; {move}")


def failed(message: str, touched: Mapping[str, Any] | None = None) -> Outcome:
    """Return the outcome of a step that could not do its work."""
    return Outcome(StepStatus.FAILED, message, touched=touched or {})
