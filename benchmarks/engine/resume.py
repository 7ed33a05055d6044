"""Time what stands between a journal and going on with its run: python resume.py FOLDER."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from exitkit.engine.coordinator import ENGINE_KINDS
from exitkit.engine.frontier import Frontier
from exitkit.engine.state import fold
from exitkit.store.journal_file import FileJournal


def main() -> None:
    path = Path(sys.argv[1]) / "journal.db"
    marks = [(time.perf_counter(), time.process_time())]
    with FileJournal(path) as journal:
        state = fold(journal.stream())
        count = journal.sequence
    marks.append((time.perf_counter(), time.process_time()))
    assert state.plan is not None
    Frontier(state.plan, state, lambda step: step.kind in ENGINE_KINDS)
    marks.append((time.perf_counter(), time.process_time()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"| {count} events | wall s | processor s |\n|---|---|---|")
    names = ("read, verify and fold every line", "frontier")
    for name, (wall, cpu), (wall_after, cpu_after) in zip(names, marks, marks[1:], strict=False):
        print(f"| {name} | {wall_after - wall:.2f} | {cpu_after - cpu:.2f} |")
    (wall, cpu), (wall_after, cpu_after) = marks[0], marks[-1]
    print(f"| together | {wall_after - wall:.2f} | {cpu_after - cpu:.2f} |")
    print(f"\npeak {peak} MiB")


if __name__ == "__main__":
    main()
