"""Share the bytes a snapshot may take along among the extractors of a source, in a fixed order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Ground:
    """What all turns at one budget share: how much is taken, and whose turn is over."""

    taken_bytes: int = 0
    over: set[int] = field(default_factory=set)
    first_open: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


@dataclass(frozen=True, slots=True)
class Budget:
    """One extractor's turn at the bytes that all extractors of a source share.

    Extractors run side by side, yet who gets the bytes must not depend on who is fastest: a claim
    waits until everybody before has claimed or ended, so that an unchanged estate gives an
    unchanged bundle. Claim once, and close when done; a budget that is nobody's turn never waits.
    """

    _ground: _Ground = field(default_factory=_Ground, repr=False, compare=False)
    _turn: int | None = None

    def turn(self, number: int) -> Budget:
        """Return the same budget for the extractor that comes at `number`, counted from zero."""
        return Budget(self._ground, number)

    def claim(self, size_bytes: int, most_bytes: int) -> bool:
        """Take `size_bytes` if all that was taken then stays within `most_bytes`."""
        return self.claim_first((size_bytes,), most_bytes) is not None

    def claim_first(self, sizes_bytes: Sequence[int], most_bytes: int) -> int | None:
        """Take the first of the sizes that does so, and return which; None where none does."""
        ground = self._ground
        with ground.changed:
            if self._turn is not None:
                ground.changed.wait_for(lambda: ground.first_open >= (self._turn or 0))
            left_bytes = most_bytes - ground.taken_bytes
            fits = (place for place, size in enumerate(sizes_bytes) if size <= left_bytes)
            granted = next(fits, None)
            if granted is not None:
                ground.taken_bytes += sizes_bytes[granted]
            self._end()
            return granted

    def close(self) -> None:
        """End the turn of an extractor that had nothing to claim."""
        with self._ground.changed:
            self._end()

    def _end(self) -> None:
        ground = self._ground
        if self._turn is None:
            return
        ground.over.add(self._turn)
        while ground.first_open in ground.over:
            ground.over.remove(ground.first_open)
            ground.first_open += 1
        ground.changed.notify_all()
