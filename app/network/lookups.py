"""Thread limits for DNS lookups: one lookup at a time for each name, and a limit for slow names."""

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app.metrics import lookup_threads
from app.network.address_rules import Address

Lookup = Callable[[str], Sequence[Address]]

_SLOW_NAMES_KEPT = 10_000
_IDLE_THREADS = 16
"""Threads kept for the next lookup: to start one takes longer than most lookups do."""


@dataclass(frozen=True, slots=True)
class LookupLimits:
    """Limits of concurrent lookups in this process.

    `quick` counts lookups that began less than `slow_s` seconds ago, `overdue` those that have
    taken longer, and `slow` those of names whose last lookup took longer. All three are limited,
    since a thread in a lookup cannot be ended from outside.
    """

    quick: int = 32
    overdue: int = 500
    slow: int = 16
    slow_s: float = 0.5


@dataclass(eq=False, slots=True)
class PendingLookup:
    """One lookup, waiting for a thread or running. `slow`: the last lookup of its name was slow."""

    host: str
    slow: bool
    began: asyncio.Future[None] = field(init=False)
    answer: asyncio.Future[Sequence[Address]] = field(init=False)
    overdue: bool = False
    waiters: int = 0
    noted: bool = False

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.began, self.answer = loop.create_future(), loop.create_future()
        self.answer.add_done_callback(_take_exception)  # its waiters may be gone


@dataclass(frozen=True, slots=True)
class _Job:
    loop: asyncio.AbstractEventLoop
    pending: PendingLookup
    timer: asyncio.TimerHandle


def _take_exception(answer: asyncio.Future[Sequence[Address]]) -> None:
    if not answer.cancelled():
        answer.exception()


class Lookups:
    """Runs lookups in daemon threads.

    A thread that waits for a silent name server delays neither other names nor the process's exit.
    """

    def __init__(self, lookup: Lookup, limits: LookupLimits | None = None) -> None:
        """Run `lookup`, which blocks and raises socket.gaierror when it finds nothing."""
        self._lookup = lookup
        self._limits = limits or LookupLimits()
        self._pending: dict[str, PendingLookup] = {}
        self._waiting: dict[bool, dict[str, PendingLookup]] = {False: {}, True: {}}
        self._slow_names: dict[str, None] = {}
        self._quick = self._overdue = self._slow = 0
        self._idle = 0
        self._closed = False
        self._work: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()

    def ask(self, host: str) -> PendingLookup:
        """Return the pending lookup of `host`, or a new one that begins when a thread is free."""
        pending = self._pending.get(host)
        if pending is None:
            pending = self._pending[host] = PendingLookup(host, host in self._slow_names)
            self._waiting[pending.slow][host] = pending
            self._admit()
        return pending

    def drop(self, pending: PendingLookup) -> None:
        """Remove a lookup that has not begun and has no waiters."""
        if not pending.began.done() and pending.waiters == 0:
            self._waiting[pending.slow].pop(pending.host, None)
            self._pending.pop(pending.host, None)

    def close(self) -> None:
        """Cancel lookups that have not begun. Threads in a lookup run to their end."""
        self._closed = True
        for waiting in self._waiting.values():
            for pending in waiting.values():
                pending.began.cancel()
                pending.answer.cancel()
            waiting.clear()
        while self._idle:
            self._idle -= 1
            self._work.put(None)

    def _admit(self) -> None:
        limits = self._limits
        while (
            self._waiting[False] and self._quick < limits.quick and self._overdue < limits.overdue
        ):
            self._begin(self._waiting[False])
        while self._waiting[True] and self._slow < limits.slow:
            self._begin(self._waiting[True])

    def _begin(self, waiting: dict[str, PendingLookup]) -> None:
        pending = waiting.pop(next(iter(waiting)))
        loop = asyncio.get_running_loop()
        if pending.slow:
            self._slow += 1
        else:
            self._quick += 1
        lookup_threads.inc()
        pending.began.set_result(None)
        timer = loop.call_later(self._limits.slow_s, self._note_overdue, pending)
        self._work.put(_Job(loop, pending, timer))
        if self._idle:
            self._idle -= 1
            return
        try:
            threading.Thread(target=self._run, name="resolver", daemon=True).start()
        except RuntimeError:  # the machine has no more threads
            with suppress(queue.Empty):  # a thread that is about to end may have taken the job
                if self._work.get_nowait() is not None:
                    error = socket.gaierror(socket.EAI_AGAIN, "no thread for the lookup")
                    self._end(pending, timer, error)

    def _run(self) -> None:
        """Do lookups in a thread until told to end."""
        while (job := self._work.get()) is not None:
            result: Sequence[Address] | Exception
            try:
                result = self._lookup(job.pending.host)
            except Exception as error:  # raised again at its waiters
                result = error
            try:
                job.loop.call_soon_threadsafe(self._end_in_thread, job.pending, job.timer, result)
            except RuntimeError:  # the loop was closed meanwhile: there are no waiters
                return

    def _end_in_thread(
        self,
        pending: PendingLookup,
        timer: asyncio.TimerHandle,
        result: Sequence[Address] | Exception,
    ) -> None:
        if self._idle < _IDLE_THREADS and not self._closed:
            self._idle += 1
        else:
            self._work.put(None)
        self._end(pending, timer, result)

    def _note_overdue(self, pending: PendingLookup) -> None:
        pending.overdue = True
        self._slow_names.pop(pending.host, None)
        self._slow_names[pending.host] = None
        if len(self._slow_names) > _SLOW_NAMES_KEPT:
            del self._slow_names[next(iter(self._slow_names))]
        if not pending.slow:
            self._quick -= 1
            self._overdue += 1
            self._admit()

    def _end(
        self,
        pending: PendingLookup,
        timer: asyncio.TimerHandle,
        result: Sequence[Address] | Exception,
    ) -> None:
        timer.cancel()
        lookup_threads.dec()
        if pending.slow:
            self._slow -= 1
        elif pending.overdue:
            self._overdue -= 1
        else:
            self._quick -= 1
        if not pending.overdue:
            self._slow_names.pop(pending.host, None)
        del self._pending[pending.host]
        if isinstance(result, Exception):
            pending.answer.set_exception(result)
        else:
            pending.answer.set_result(result)
        self._admit()
