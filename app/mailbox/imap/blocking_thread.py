"""A thread for calls that block, which never delays the end of the process."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class BlockingThread:
    """Runs calls one after the other in a daemon thread, until it is told to end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return the result of `call`, or raise its error.

        A call that has begun goes on if the waiting task is cancelled.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def settle(outcome: Callable[[Any], None], value: object) -> None:
            if not future.done():
                outcome(value)

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # raised again at the waiting task
                end, value = future.set_exception, error
            else:
                end, value = future.set_result, result  # type: ignore[assignment]
            loop.call_soon_threadsafe(settle, end, value)

        self.submit(work)
        return await future

    def submit(self, call: Callable[[], None]) -> None:
        """Run `call` after those before it. Its errors are dropped."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put(call)

    def end(self) -> None:
        """End the thread after the calls that it has."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception:  # noqa: S112 - the loop was closed, or nobody waits
                continue
