"""Let Ctrl-C end a command with its exit code at any moment, never with a trace of Python."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from exitkit.errors import EXIT_INTERRUPTED


def end_quietly() -> None:
    """Let Ctrl-C end the process at once; one that was told to ignore it still does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def was_interrupted(fault: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind a fault: Python wraps what is raised while a class is made."""
    while fault is not None:
        if isinstance(fault, KeyboardInterrupt):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(EXIT_INTERRUPTED)


def _unwind(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Meanwhile:
    """Exchanges one answer to Ctrl-C for another; where somebody else answers, nothing changes."""

    def __init__(
        self, before: Callable[[int, FrameType | None], None],
        meanwhile: Callable[[int, FrameType | None], None],
    ) -> None:  # fmt: skip
        self._before, self._meanwhile = before, meanwhile

    def __enter__(self) -> None:
        if signal.getsignal(signal.SIGINT) is self._before:
            signal.signal(signal.SIGINT, self._meanwhile)

    def __exit__(self, *fault: object) -> None:
        if signal.getsignal(signal.SIGINT) is self._meanwhile:
            signal.signal(signal.SIGINT, self._before)
        # Python dies by the signal, code or no code, where the exception has passed an `exec`, as
        # of dataclasses, and nothing else was executed since.
        exec("")  # noqa: S102 - a constant


# Ctrl-C is an exception: what a command began is put right on the way out.
unwinding = _Meanwhile(_end, _unwind)
# Imports begin nothing, and an exception amid them may go unheard.
ending = _Meanwhile(_unwind, _end)
