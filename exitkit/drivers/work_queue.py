"""Let any number of hosts see to runs, by a queue that may be lost without loss."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import procrastinate
import psycopg
from procrastinate import exceptions

from exitkit.drivers.postgres_journal import check_url
from exitkit.errors import CannotRun

RUNS_AT_ONCE = 4
HEARTBEAT_S = 5.0
SILENT_S = 20.0
"""After how long without a sign of life a worker counts as dead, and others take its jobs."""
SWEEP_S = 2.0
_ONE_AT_A_TIME = "SELECT pg_advisory_lock(hashtext('exitkit queue'))"


SeeTo = procrastinate.tasks.Task[..., None, Any]


def work(
    url: str, due: Callable[[], Iterable[str]], see_to: Callable[[str], None],
    leaving: threading.Event, *, once: bool = False,
) -> None:  # fmt: skip
    """See to every run that `due` names, here or on whichever host has a hand free.

    Returns once all is seen to (`once`), or after SIGTERM or SIGINT, which sets `leaving`: whoever
    sees to a run then hands it over.
    """
    check_url(url)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    task = app.task(name="see_to")(see_to)
    try:
        _make_tables(url, app)
        asyncio.run(_work(app, task, due, leaving, once=once))
    except (psycopg.Error, exceptions.ConnectorException) as error:
        why = (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0]
        raise CannotRun(f"{url}: {why}; check that the server runs, then start again") from error


async def _work(
    app: procrastinate.App, task: SeeTo, due: Callable[[], Iterable[str]],
    leaving: threading.Event, *, once: bool,
) -> None:  # fmt: skip
    async with app.open_async():
        await _sweep(app, task, due)
        worker = asyncio.ensure_future(
            app.run_worker_async(
                wait=not once, concurrency=RUNS_AT_ONCE, delete_jobs="always",
                fetch_job_polling_interval=1.0, update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=SILENT_S, install_signal_handlers=False,
            )
        )  # fmt: skip
        _leave_on_signals(worker, leaving)
        sweeper = asyncio.ensure_future(_sweep_on(app, task, due))
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        finally:
            sweeper.cancel()


def _leave_on_signals(worker: asyncio.Future[None], leaving: threading.Event) -> None:
    def leave() -> None:
        leaving.set()
        # It takes no further job, and waits for those that hand their runs over.
        worker.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)


async def _sweep_on(app: procrastinate.App, task: SeeTo, due: Callable[[], Iterable[str]]) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await _sweep(app, task, due)


async def _sweep(app: procrastinate.App, task: SeeTo, due: Callable[[], Iterable[str]]) -> None:
    """Take back the jobs of dead workers, and ask for every run that is due, once."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_S):
        await app.job_manager.retry_job(job)
    for run in await asyncio.to_thread(lambda: list(due())):
        with contextlib.suppress(exceptions.AlreadyEnqueued):
            # No lock of the queue: unlike the hold on a journal it outlives a dead worker.
            await task.configure(queueing_lock=run).defer_async(run=run)


def _make_tables(url: str, app: procrastinate.App) -> None:
    """Create the queue where there is none; two that do it at once would trip over each other."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(_ONE_AT_A_TIME)
        found = database.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            database.execute(app.schema_manager.get_schema())
