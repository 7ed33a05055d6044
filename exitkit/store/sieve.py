"""Tell most of what is not there at once, so that nobody looks for it on disk."""

from __future__ import annotations

FLAGS = 2**22


class Sieve:
    """Remembers things by two flags each; what was never added may rarely seem to be there."""

    def __init__(self) -> None:
        self._flags = bytearray(FLAGS)

    def add(self, thing: object) -> None:
        """Remember a thing."""
        one = hash(thing)
        self._flags[one % FLAGS] = self._flags[(one >> 32) % FLAGS] = 1

    def may_have(self, thing: object) -> bool:
        """Tell whether a thing was added, for sure only where it was not."""
        one = hash(thing)
        return bool(self._flags[one % FLAGS] and self._flags[(one >> 32) % FLAGS])
