"""A worker process: one thread that claims and looks after things, and threads that make the calls.

Knows nothing of the trade: what to send, and what an answer means, is in the services.
"""

import logging
import os
import queue
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from dashboard.api.client import Client
from dashboard.engine import spool
from dashboard.services import answers, claiming, mail, sending, settling, trends, waiting, workers
from dashboard.services.answers import CLASS, Answer
from dashboard.services.claiming import Claim
from dashboard.services.errands import Clerk

log = logging.getLogger(__name__)

IDLE_POLL = 0.25
FREE_SPACE = 50 * 1024 * 1024
COMMIT_PATIENCE = 180.0


class Engine:
    """Works runs until `stop`. `start` returns at once; `join` waits for the calls under way.

    `sweep` is how often, in seconds, an idle engine looks for new work; a courier that calls `wake` lets it be longer.
    """

    def __init__(
        self, *, client: Client, name: str = "", threads: int | None = None, sweep: float = IDLE_POLL
    ) -> None:
        self._client = client
        self._sweep = sweep
        self._threads = threads or settings.PARALLEL_CALLS
        self._name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = threading.Event()
        self._wake = threading.Event()
        # SQLite has one writer: threads that take turns here are spared its sleeps between tries.
        self._turn = nullcontext() if connection.vendor == "postgresql" else threading.Lock()
        self._idle = threading.Semaphore(self._threads)
        self._is_served = True
        self._calls_first = (
            threading.Event()
        )  # set when no free thread waits for a claim: then there is time to settle
        self._claims: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._answers: queue.Queue[tuple[Claim, Answer] | None] = queue.Queue(self._threads)
        self._answered: set[int] = set()  # batches whose call has ended, not settled yet
        self._settler = threading.Thread(target=self._settle, name="settle", daemon=True)
        self._callers = [
            threading.Thread(target=self._call, name=f"call-{n}", daemon=True) for n in range(self._threads)
        ]
        self._loops = [
            threading.Thread(target=self._loop, args=(body,), name=body.__name__.strip("_"), daemon=True)
            for body in (self._dispatch, self._look_after, self._beat, self._do_errands, self._tell)
        ]
        self.incarnation = uuid.UUID(int=0)

    def start(self) -> None:
        """Register with a fresh incarnation, make up for what could not be settled before, and begin."""
        self.incarnation = workers.register(name=self._name, threads=self._threads)
        self._sender = claiming.Sender(self.incarnation, self._client.host, self._client.fingerprint)
        self._clerk = Clerk(self._client, self.incarnation)
        spool.replay(sending.settle)
        sending.read_again()
        for thread in (self._settler, *self._callers, *self._loops):
            thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more. Calls under way end."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait until the calls under way have ended and are committed, then sign off."""
        dispatcher, *others = self._loops
        dispatcher.join()
        for _ in self._callers:
            self._claims.put(None)
        for thread in self._callers:
            self._await(thread)
        self._answers.put(None)
        self._await(self._settler)
        for thread in others:
            thread.join()
        self._clerk.close()
        workers.leave(self.incarnation)
        connection.close()

    def _await(self, thread: threading.Thread) -> None:
        """Wait for its end. What it does is held meanwhile: a worker that ends is not taken for dead."""
        while thread.is_alive():
            thread.join(settings.LEASE / 5)
            try:
                workers.beat(self.incarnation)
            except DatabaseError:
                close_old_connections()

    # ------------------------------------------------------------------------------------------------------- threads

    def _loop(self, body: Callable[[], float]) -> None:
        """Calls `body` until told to stop, waiting as long as it says; trouble with the database is waited out."""
        while not self._stopping.is_set():
            try:
                wait = body()
            except DatabaseError as error:
                log.warning("the database does not answer: %s", error)
                close_old_connections()
                wait = 2.0
            except Exception:
                log.exception("unexpected trouble in the worker")
                wait = 2.0
            if body == self._dispatch:
                self._wake.wait(wait)
            else:
                self._stopping.wait(wait)
        connection.close()

    def _dispatch(self) -> float:
        """Hand claims to the free threads. Gives how long to wait before the next try, in seconds."""
        self._wake.clear()
        free = 0
        while self._idle.acquire(blocking=False):
            free += 1
        if not free:
            return IDLE_POLL
        claims: list[Claim] = []
        try:
            claims = self._claim(free)
        finally:
            if free > len(claims):
                self._idle.release(free - len(claims))
            self._calls_first.set()
        for claim in claims:
            self._claims.put(claim)
        self._is_served = bool(claims)
        return IDLE_POLL if claims or claiming.has_work() else self._sweep

    def _claim(self, at_most: int) -> list[Claim]:
        if self._trouble() or not (self._is_served or claiming.has_work()):
            return []
        with self._turn:
            return claiming.claim_some(self._sender, at_most=at_most, answered=frozenset(self._answered))

    def _call(self) -> None:
        for claim in iter(self._claims.get, None):
            try:
                self._work(claim)
            except Exception:
                log.exception("attempt %s could not be settled now", claim.attempt_id)
            self._idle.release()
            self._calls_first.clear()
            self._wake.set()
        connection.close()

    def _work(self, claim: Claim) -> None:
        """Make the call. Rows are written down by another thread, while the next call is under way.

        Whatever else an answer says may change what is to be done next, and is settled first.
        """
        answer = self._send(claim)
        if answer.answer_class == CLASS.DONE and not claim.alone:
            self._answered.add(claim.batch_id)
            self._answers.put((claim, answer))
        else:
            self._commit(claim, answer)

    def _settle(self) -> None:
        for claim, answer in iter(self._answers.get, None):
            self._calls_first.wait(IDLE_POLL)
            try:
                self._commit(claim, answer)
            except Exception:
                log.exception("attempt %s could not be settled now", claim.attempt_id)
            self._answered.discard(claim.batch_id)
            self._wake.set()
        connection.close()

    def _send(self, claim: Claim) -> Answer:
        try:
            return sending.send(claim, self._client)
        except Exception:
            log.exception("unexpected trouble while sending attempt %s", claim.attempt_id)
            return answers.of_surprise("our_error", "Rollcall met an unexpected error while sending.")

    def _commit(self, claim: Claim, answer: Answer) -> None:
        """Settle, however long the database takes; an answer that still cannot be committed is kept in a file and replayed."""
        give_up_at = time.monotonic() + COMMIT_PATIENCE
        wait = 0.1
        while True:
            try:
                with self._turn:
                    sending.settle(claim, answer)
                return
            except DatabaseError:
                stopping = self._stopping.wait(wait)
                if (stopping or time.monotonic() > give_up_at) and (self._keep(claim, answer) or stopping):
                    return
                close_old_connections()
                wait = min(wait * 2, 10)
            except Exception:
                if answer.cause == "our_error":
                    raise
                log.exception("the answer to attempt %s could not be processed", claim.attempt_id)
                answer = answers.of_surprise(
                    "our_error", "Rollcall could not process the answer; it is kept."
                ).model_copy(update={"raw": answer.raw, "status": answer.status})

    def _keep(self, claim: Claim, answer: Answer) -> bool:
        """Put the answer into the spool; False where not even a file can be written."""
        try:
            spool.keep(claim, answer)
        except OSError:
            log.exception("the answer to attempt %s cannot be kept", claim.attempt_id)
            return False
        log.exception("the answer to attempt %s is kept in the spool", claim.attempt_id)
        return True

    def _look_after(self) -> float:
        """Give up what dead workers held, re-read what is open, let paused runs go on; else re-read the waiting list."""
        sending.give_up_abandoned()
        if not settling.anything_due():
            return 0.0 if waiting.tend(client=self._client) else 0.5
        looked = settling.tend(client=self._client)
        self._wake.set()
        return 0.0 if looked else 0.5

    def _do_errands(self) -> float:
        """Select all that match, and look up lists, a step at a time."""
        return 0.0 if self._clerk.work() else 0.5

    def _tell(self) -> float:
        """Sum up what has ended, and send e-mail about it."""
        return 0.0 if trends.sum_up() + mail.deliver() else 1.0

    def _beat(self) -> float:
        workers.beat(self.incarnation, trouble=self._trouble())
        spool.replay(sending.settle)
        return settings.LEASE / 5

    def _trouble(self) -> str:
        free = shutil.disk_usage(
            settings.STATE_DIR if settings.STATE_DIR.exists() else settings.BASE_DIR
        ).free
        return "Storage is short: nothing is sent until space is freed." if free < FREE_SPACE else ""
