"""The courier on PostgreSQL: Procrastinate carries the news of work from any machine to a worker.

Only the news that a run has calls to make. What they are stands in the ledger, so a job that is lost or comes
twice changes nothing. Import it only where `procrastinate.contrib.django` is installed.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from dashboard.services import runs

log = logging.getLogger(__name__)

RECONNECT = 2.0  # seconds
STOP_AGAIN = 2.0  # seconds
MOST_CONNECTIONS = 4


@app.task(name="work_waiting", queue="work", pass_context=True)
async def work_waiting(context: JobContext, run_id: int) -> None:
    """Wake the engine of the worker that this reaches."""
    context.additional_context["wake"]()


def send_news(sender: object, *, run_id: int, **named: Any) -> None:
    """Defer the job on Django's own connection: it exists if and only if the run's transaction commits."""
    work_waiting.defer(run_id=run_id)


def connect() -> None:
    """From now on every run with calls to make is news."""
    runs.work_waiting.connect(send_news, dispatch_uid="courier")


@contextmanager
def listening(wake: Callable[[], None]) -> Iterator[None]:
    """Calls `wake` at each news, from a thread of its own, until the end of the block."""
    listener = Listener(wake)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


class Listener:
    """A Procrastinate worker in a thread of this process. Trouble with the database is waited out."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._stopping = False
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._listen())
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the job under way, signs off, and waits for that; says so again to a pool that swallowed it."""
        self._stopping = True
        while self._thread.is_alive():
            with suppress(RuntimeError):  # the loop has closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(STOP_AGAIN)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    async def _listen(self) -> None:
        while not self._stopping:
            try:
                await self._work()
            except ConnectorException as error:
                log.warning("no news for now, the database does not answer: %s", error)
            await asyncio.sleep(RECONNECT)

    async def _work(self) -> None:
        connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=MOST_CONNECTIONS)
        carrier = app.with_connector(connector)
        try:
            await carrier.open_async()
            await drop_stalled(carrier)
            await carrier.run_worker_async(
                queues=["work"],
                delete_jobs="always",
                install_signal_handlers=False,
                additional_context={"wake": self._wake},
            )
        finally:  # also when stopped while it opens
            await carrier.close_async()


async def drop_stalled(carrier: App) -> None:
    """News that a killed worker held is old: whoever starts or sweeps has looked at the ledger since."""
    for job in await carrier.job_manager.get_stalled_jobs():
        await carrier.job_manager.finish_job(job, Status.FAILED, delete_job=True)
