"""Write a run of 5,000 steps whose journal has so many events: python generate.py FOLDER EVENTS."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exitkit.store.canonical import storable
from exitkit.store.journal import Journal
from exitkit.store.journal_file import FileJournal
from exitkit.workspace.plan_file import plan_from_document

STEPS, FACTS = 5000, 20
START = dt.datetime(2026, 12, 1, 8, tzinfo=dt.UTC)
JOB = {
    "action": "run", "label": "run", "pid": 1, "process_started": "1", "boot_id": "gone",
    "host": "",
}  # fmt: skip


class MemoryJournal(Journal):
    """Lines that are nowhere, to be taken over by a file at once."""

    def __init__(self, run: str) -> None:
        super().__init__(Path(run), run, "memory")
        self.lines: list[tuple[str, int, str, str]] = []

    def _lines(self) -> Iterable[tuple[str, int, str, str]]:
        return self.lines

    def _insert(self, sequence: int, body: str, digest: str) -> bool:
        self.lines.append((self.run, sequence, body, digest))
        return True

    def _post(self, name: str, body: str) -> None:
        raise NotImplementedError

    def _messages(self) -> Iterable[tuple[str, str]]:
        return ()

    @contextmanager
    def _together(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        return


def main() -> None:
    folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    journal = MemoryJournal(folder.name)
    plan = plan_from_document(document())
    first = {
        "mode": "exit", "plan": storable(dict(plan.document)), "plan_digest": plan.digest,
        "bundle": "", "bundle_path": "", "targets": [],
    }  # fmt: skip
    journal.append("run.started", at=START, actor="user:bench", data=first)
    done = (step for step in plan.steps() if step.kind == "command")
    facts = [step.id for step in plan.steps() if step.kind == "wait-for"]
    attempt = 0
    for number in range(wanted // 3):
        step = next(done, None) if number % 5 == 0 or wanted // 3 - number < STEPS else None
        attempt += step is None
        name = step.id if step else facts[number % FACTS]
        last = ("step.succeeded", {"how": "own", "outcome": {"status": "succeeded"}})
        if step is None:
            until = (START + dt.timedelta(hours=number)).isoformat()
            last = ("step.waiting", {"message": "not yet", "until": until})
        add(journal, number, name, 1 if step else attempt, last)
    with FileJournal(folder / "journal.db", create=True) as kept:
        kept.take_over(journal)
        print(f"{kept.sequence} events, {(folder / 'journal.db').stat().st_size // 1024**2} MiB")


def add(
    journal: Journal, number: int, name: str, attempt: int, last: tuple[str, dict[str, Any]]
) -> None:
    kinds = [("step.started", {"kind": "command", "idempotency_key": name}), ("step.spawned", JOB)]
    for kind, data in (*kinds, last):
        journal.append(
            kind, at=START + dt.timedelta(minutes=number), actor="user:bench", data=data,
            milestone="M1", step=name, attempt=attempt,
        )  # fmt: skip


def document() -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {
            "id": f"s{n}", "kind": "command", "argv": ["true"],
            "needs": [f"s{n - 1}"] if n % 10 else [],
        }
        for n in range(STEPS)
    ]  # fmt: skip
    facts = [
        {"id": f"f{n}", "kind": "wait-for", "fact": "It is so.", "check": ["false"]}
        for n in range(FACTS)
    ]
    milestone = {
        "id": "M1", "title": "All", "deadline": {"anchor": "TS"}, "criteria": [],
        "steps": steps + facts,
    }  # fmt: skip
    return {"id": "P", "version": "1", "contract_ref": "C", "milestones": [milestone]}


if __name__ == "__main__":
    main()
