"""Run many calls at once so that one which never returns costs its deadline and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
Beat = Callable[[], None]
Job = Callable[[Beat], T]
Answered = tuple[int, T | None, BaseException | None]

TICK_S = 0.1

_thread = threading.local()


def show_life() -> None:
    """Tell that the job of this thread is alive, from where its beat is not at hand."""
    beat: Beat | None = getattr(_thread, "beat", None)
    if beat:
        beat()


@dataclass(slots=True)
class _Board(Generic[T]):
    """What the workers and the one who waits for them share."""

    jobs: Sequence[Job[T]]
    waiting: SimpleQueue[int] = field(default_factory=SimpleQueue)
    answers: SimpleQueue[Answered[T]] = field(default_factory=SimpleQueue)
    last_sign: dict[int, float] = field(default_factory=dict)

    def work(self) -> None:
        while True:
            try:
                index = self.waiting.get_nowait()
            except Empty:
                return
            self._run(index)

    def _run(self, index: int) -> None:
        answer, fault = None, None

        def beat() -> None:
            if index in self.last_sign:
                self.last_sign[index] = time.monotonic()

        self.last_sign[index] = time.monotonic()
        _thread.beat = beat
        try:
            answer = self.jobs[index](beat)
        except BaseException as raised:  # handed over: the one who waits raises it
            fault = raised
        self.last_sign.pop(index, None)
        self.answers.put((index, answer, fault))


def run_all(
    jobs: Sequence[Job[T]], workers: int, deadline_s: float
) -> Iterator[tuple[int, T | None]]:
    """Yield (index, answer) as jobs end; None for one that gave no sign of life for `deadline_s`.

    A job overdue is left behind in its daemon thread, which nobody waits for; a new thread takes
    over its place.
    """
    board: _Board[T] = _Board(jobs)
    for index in range(len(jobs)):
        board.waiting.put(index)
    for _ in range(min(workers, len(jobs))):
        _start(board)
    left_behind: set[int] = set()
    open_jobs = len(jobs)
    while open_jobs:
        for index in _overdue(board, deadline_s):
            left_behind.add(index)
            _start(board)
            open_jobs -= 1
            yield index, None
        try:
            index, answer, fault = board.answers.get(timeout=TICK_S)
        except Empty:
            continue
        if index in left_behind:
            continue
        if fault:
            raise fault
        open_jobs -= 1
        yield index, answer


def _overdue(board: _Board[T], deadline_s: float) -> list[int]:
    now = time.monotonic()
    late = [i for i, since in list(board.last_sign.items()) if now - since > deadline_s]
    for index in late:
        board.last_sign.pop(index, None)
    return late


def _start(board: _Board[T]) -> None:
    threading.Thread(target=board.work, daemon=True).start()
