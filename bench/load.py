"""Load generator, a process of its own: job as JSON on stdin, calls as Zeus, results on stdout.

It is a plain loop over a selector because it shares two cores with what it measures: each call
costs two system calls and little else.
"""

import json
import selectors
import socket
import sys
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.calls import CallWriter

PATIENCE_S = 15.0
"""Longest wait for answers after the last call."""
_PERCENTILES = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1.0))


@dataclass(frozen=True, slots=True)
class Job:
    """Calls to send, and where to send them.

    Without `rate`, each of `callers` callers sends a call as soon as the one before was answered.
    With `rate` (calls/s) calls follow the clock, however slow the answers are, and a latency counts
    from the moment at which the call was due. Answers to calls of the first `warm_up_s` seconds are
    not counted. `count` ends the job after so many calls. With `stamps` the result has the time of
    every call.
    """

    host: str
    port: int
    path: str
    prefix: str
    seconds: float
    callers: int = 64
    rate: float | None = None
    keep_alive: bool = True
    warm_up_s: float = 0.0
    count: int | None = None
    stamps: bool = False


@dataclass(slots=True)
class Tally:
    """Results. Times are seconds of the monotonic clock, which all processes of a machine share."""

    counted_from: float
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    problems: Counter[str] = field(default_factory=Counter)
    sent: dict[str, float] = field(default_factory=dict)
    good: int = 0
    first_answer: float = 0.0
    last_answer: float = 0.0

    def answered(self, due: float, status: bytes) -> None:
        """Count an answer to a call that was due at `due`."""
        moment = time.monotonic()
        if status != b"200":
            self.problems[f"status {status.decode(errors='replace')}"] += 1
            return
        self.good += 1
        if due >= self.counted_from:
            self.first_answer = self.first_answer or moment
            self.last_answer = moment
            self.latencies.append(moment - due)

    def as_json(self) -> dict[str, Any]:
        """Return the sums, with latencies in milliseconds."""
        latencies = sorted(self.latencies)
        percentiles = {
            name: 1000 * latencies[int(share * (len(latencies) - 1))] if latencies else 0.0
            for name, share in _PERCENTILES
        }
        return {
            "answers": len(latencies),
            "answers_in_all": self.good,
            "seconds": self.last_answer - self.first_answer,
            "problems": {problem: count for problem, count in self.problems.items() if count},
            "sent": self.sent,
            **percentiles,
        }


class Caller:
    """One caller: one connection and one call at a time."""

    __slots__ = ("_due", "_job", "_received", "_selector", "_socket", "_tally", "busy")

    def __init__(self, job: Job, selector: selectors.BaseSelector, tally: Tally) -> None:
        self._job = job
        self._selector = selector
        self._tally = tally
        self._socket: socket.socket | None = None
        self._due = 0.0
        self._received = b""
        self.busy = False

    def send(self, request: bytes, due: float) -> None:
        """Send a call, on the open connection or on a new one.

        Connecting blocks; on one machine that takes microseconds.
        """
        self._due = due
        self._received = b""
        self.busy = True
        try:
            if self._socket is None:
                self._socket = socket.create_connection(
                    (self._job.host, self._job.port), timeout=PATIENCE_S
                )
                self._socket.setblocking(False)
                self._selector.register(self._socket, selectors.EVENT_READ, self)
            self._socket.send(request)
        except OSError as error:
            self._fail(type(error).__name__)

    def receive(self) -> None:
        """Read what has arrived. At the end of the answer the caller is free again."""
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            return self._fail(type(error).__name__)
        if not data:
            # Between two calls a server may close the connection.
            return self._fail("closed without an answer") if self.busy else self.close()
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete or len(body) < _length(head):
            return None
        self._tally.answered(self._due, head[9:12])
        self.busy = False
        if not self._job.keep_alive or b"\r\nconnection: close" in head.lower():
            self.close()
        return None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _fail(self, problem: str) -> None:
        self._tally.problems[problem] += 1
        self.busy = False
        if self._socket is not None:
            if self._socket in self._selector.get_map():
                self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


class Generator:
    """Run of one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._writer = CallWriter(job.path, job.prefix, keep_alive=job.keep_alive)
        self._selector = selectors.DefaultSelector()
        self._number = 0
        self._started = time.monotonic()
        self._end = self._started + job.warm_up_s + job.seconds
        self.tally = Tally(self._started + job.warm_up_s)

    def run(self) -> None:
        """Send everything, then wait for the outstanding answers."""
        if self._job.rate is None:
            callers = [self._caller() for _ in range(self._job.callers)]
            for caller in callers:
                self._next(caller, time.monotonic())
            self._answer_with_calls()
        else:
            callers = self._by_the_clock(self._job.rate)
        deadline = time.monotonic() + PATIENCE_S
        while any(caller.busy for caller in callers) and time.monotonic() < deadline:
            self._receive(0.1)
        self.tally.problems["no answer"] += sum(caller.busy for caller in callers)
        for caller in callers:
            caller.close()

    def _answer_with_calls(self) -> None:
        while self._selector.get_map():
            for key, _ in self._selector.select(PATIENCE_S):
                caller: Caller = key.data
                caller.receive()
                if not caller.busy:
                    now = time.monotonic()
                    if now >= self._end or self._number == self._job.count:
                        return
                    self._next(caller, now)

    def _by_the_clock(self, rate: float) -> list[Caller]:
        callers: list[Caller] = []
        due = self._started
        while due < self._end and self._number != self._job.count:
            wait = due - time.monotonic()
            if wait > 0:
                self._receive(wait)
                continue
            caller = next((caller for caller in callers if not caller.busy), None)
            if caller is None:
                callers.append(caller := self._caller())
            self._next(caller, due)
            due = self._started + self._number / rate
        return callers

    def _receive(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            key.data.receive()

    def _next(self, caller: Caller, due: float) -> None:
        number = self._number
        self._number += 1
        if self._job.stamps and due >= self.tally.counted_from:
            self.tally.sent[self._writer.order_no(number)] = due
        caller.send(self._writer.request(number), due)

    def _caller(self) -> Caller:
        return Caller(self._job, self._selector, self.tally)


def _length(head: bytes) -> int:
    """Return the Content-Length of an answer; 0 without one."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    return int(lower[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0


def main() -> None:
    """Run the job on stdin."""
    generator = Generator(Job(**json.load(sys.stdin)))
    generator.run()
    json.dump(generator.tally.as_json(), sys.stdout)


if __name__ == "__main__":
    main()
