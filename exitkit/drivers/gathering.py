"""Walk what was gathered less often for garbage: while a sweep runs, what it reads stays."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WHILE_GATHERING = (20_000, 50, 1000)
"""Objects made between two walks over the youngest, and how often older ones are walked too.

By Python's own numbers a sweep of 2,000 things spends an eighth of its processor time on them.
"""
_usual = gc.get_threshold()
_gathering = 0
_lock = threading.Lock()


@contextmanager
def gathering() -> Iterator[None]:
    """Hold for the whole process as long as any source gathers."""
    global _gathering, _usual
    with _lock:
        if not _gathering:
            _usual = gc.get_threshold()
            gc.set_threshold(*WHILE_GATHERING)
        _gathering += 1
    try:
        yield
    finally:
        with _lock:
            _gathering -= 1
            if not _gathering:
                gc.set_threshold(*_usual)
