"""Find and open the journal of a run, wherever its lines are kept."""

from __future__ import annotations

import json
from pathlib import Path

from exitkit.errors import InputError
from exitkit.model.run import Event
from exitkit.plugins import require
from exitkit.store.files import write_atomically
from exitkit.store.journal import Journal
from exitkit.store.journal_file import FileJournal

JOURNAL = "journal.db"
ELSEWHERE = "journal.json"
"""Stands in the folder of a run for a journal that is kept in a database, and says in which."""


def has_journal(folder: Path) -> bool:
    """Tell whether a folder is that of a run."""
    return (folder / JOURNAL).is_file() or (folder / ELSEWHERE).is_file()


def run_folders(runs: Path) -> list[Path]:
    """Return the folder of every run, in the order of their names."""
    return sorted(path for path in runs.glob("*") if has_journal(path))


def open_journal(folder: Path) -> Journal:
    """Open the journal of a run that there is."""
    if not (folder / ELSEWHERE).is_file():
        return FileJournal(folder / JOURNAL)
    try:
        place = json.loads((folder / ELSEWHERE).read_bytes())
        run, url = str(place["run"]), str(place["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / ELSEWHERE}: not a run and a url ({error})") from error
    return open_database(folder, run, url)


def read_journal(folder: Path) -> tuple[Event, ...]:
    """Return the verified events of a run and leave its journal as it is."""
    if not (folder / ELSEWHERE).is_file():
        return FileJournal.read_only(folder / JOURNAL)
    with open_journal(folder) as journal:
        return journal.load()


def create_journal(folder: Path, url: str = "") -> Journal:
    """Make the journal of a new run: a file of its folder, or rows of the database of `url`."""
    if not url:
        return FileJournal(folder / JOURNAL, create=True)
    journal = open_database(folder, folder.name, url, create=True)
    if journal.load():
        journal.close()
        raise InputError(f"{url}: holds a run {folder.name} already; see whose it is")
    point_to(folder, journal)
    return journal


def point_to(folder: Path, journal: Journal) -> None:
    """Say in the folder of a run where its journal is kept, for whoever opens it next."""
    place = {"run": journal.run, "url": journal.place}
    write_atomically(folder / ELSEWHERE, json.dumps(place).encode())


def copy_of(source: Journal, target: str, *, moves: bool = False) -> Journal:
    """Return a new journal at `target`, a file or a database, with the lines of `source`.

    The head of either is verified. `moves` makes the run go on there: its folder says so.
    """
    is_url = "://" in target
    if moves and not is_url and Path(target).resolve() != (source.folder / JOURNAL).resolve():
        raise InputError(f"{target}: a run looks for its journal in {source.folder / JOURNAL}")
    if is_url:
        journal = open_database(source.folder, source.run, target, create=True)
    else:
        journal = FileJournal(Path(target), create=True)
    try:
        journal.take_over(source)
        if moves and is_url:
            point_to(source.folder, journal)
        elif moves:
            (source.folder / ELSEWHERE).unlink()
    except BaseException:
        journal.close()
        raise
    if moves and is_url and (source.folder / JOURNAL).is_file():
        (source.folder / JOURNAL).rename(source.folder / f"{JOURNAL}.moved")
    return journal


def open_database(folder: Path, run: str, url: str, *, create: bool = False) -> Journal:
    """Open a journal that is kept in a database."""
    require(("psycopg:postgres",), "a journal in PostgreSQL")
    from exitkit.drivers.postgres_journal import PostgresJournal

    return PostgresJournal(folder, run, url, create=create)
