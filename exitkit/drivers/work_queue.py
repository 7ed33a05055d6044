"""Let any number of hosts see to runs, by a queue that may be lost without loss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from procrastinate import exceptions

from exitkit.drivers.postgres_journal import SILENT_S, check_url, connect, conninfo
from exitkit.errors import CannotRun

RUNS_AT_ONCE = 4
HEARTBEAT_S = 5.0
SWEEP_S = 2.0
_ONE_AT_A_TIME = "SELECT pg_advisory_lock(hashtext('exitkit queue'))"


@dataclass(frozen=True, slots=True)
class Duties:
    """What a worker is for: the runs that are due, how to see to one, how to tell people."""

    due: Callable[[], Iterable[str]]
    see_to: Callable[[str], None]
    say: Callable[[str], None]


def work(url: str, duties: Duties, leaving: threading.Event, *, once: bool = False) -> None:
    """See to every run that is due, here or on whichever host has a hand free.

    Returns once all is seen to (`once`), or after SIGTERM or SIGINT, which sets `leaving`: whoever
    sees to a run then hands it over. A database that goes away later is waited for.
    """
    check_url(url)
    # What they repeat about a server that is away, we say once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    for name in ("procrastinate.worker", "procrastinate.utils"):
        logging.getLogger(name).addFilter(_is_no_outage)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo(url)))
    task = app.task(name="see_to")(duties.see_to)
    try:
        _make_tables(url, app)
        asyncio.run(_Worker(app, task, duties).work(leaving, once=once))
    except (psycopg.Error, exceptions.ConnectorException) as error:
        why = _first_line(error)
        raise CannotRun(f"{url}: {why}; check that the server runs, then start again") from error


@dataclass(slots=True)
class _Worker:
    app: procrastinate.App
    task: procrastinate.tasks.Task[..., None, Any]
    duties: Duties
    is_away: bool = False

    async def work(self, leaving: threading.Event, *, once: bool) -> None:
        asyncio.get_running_loop().set_exception_handler(_on_stray_fault)
        async with self.app.open_async():
            await self._sweep()
            hands = asyncio.ensure_future(self._take_jobs(leaving, once=once))
            _leave_on_signals(hands, leaving)
            sweeper = asyncio.ensure_future(self._sweep_on())
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await hands
            finally:
                sweeper.cancel()

    async def _take_jobs(self, leaving: threading.Event, *, once: bool) -> None:
        while not leaving.is_set():
            try:
                await self.app.run_worker_async(
                    wait=not once, concurrency=RUNS_AT_ONCE, delete_jobs="always",
                    fetch_job_polling_interval=1.0, update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=SILENT_S, install_signal_handlers=False,
                )  # fmt: skip
                # It also stops, without a fault, when it can no longer listen to the database.
                if once:
                    return
            except exceptions.ConnectorException as error:
                if once:
                    raise
                self._note_away(error)
            await asyncio.sleep(SWEEP_S)

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self._sweep()
                self.is_away = False
            except exceptions.ConnectorException as error:
                self._note_away(error)

    async def _sweep(self) -> None:
        """Take back the jobs of dead workers, and ask for every run that is due, once."""
        for job in await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_S):
            await self.app.job_manager.retry_job(job)
        for run in await asyncio.to_thread(lambda: list(self.duties.due())):
            with contextlib.suppress(exceptions.AlreadyEnqueued):
                # No lock of the queue: unlike the hold on a journal it outlives a dead worker.
                await self.task.configure(queueing_lock=run).defer_async(run=run)

    def _note_away(self, error: Exception) -> None:
        if not self.is_away:
            self.duties.say(f"the database is away, trying again: {_first_line(error)}")
        self.is_away = True


def _leave_on_signals(hands: asyncio.Future[None], leaving: threading.Event) -> None:
    def leave() -> None:
        leaving.set()
        # It takes no further job, and waits for those that hand their runs over.
        hands.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)


def _on_stray_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # A job that the queue gave to another host meanwhile cannot be handed back, and need not be.
    if not isinstance(context.get("exception"), exceptions.ConnectorException):
        loop.default_exception_handler(context)


def _is_no_outage(record: logging.LogRecord) -> bool:
    fault = record.exc_info[1] if record.exc_info else None
    return not isinstance(fault, exceptions.ConnectorException)


def _make_tables(url: str, app: procrastinate.App) -> None:
    """Create the queue where there is none; two that do it at once would trip over each other."""
    with connect(url, "exitkit queue") as database:
        database.execute(_ONE_AT_A_TIME)
        found = database.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            database.execute(app.schema_manager.get_schema())


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
