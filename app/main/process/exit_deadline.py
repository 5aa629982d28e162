"""A bound on how long a process takes to end once its roles have stopped."""

import os
import threading
import time

from app.logs import flush_logs, get_logger

EXIT_SECONDS = 5.0
"""Look-ups of names, a collector of traces, and a disk can hang for longer than whoever stops us waits."""

log = get_logger("main")


def end_in_time(code: int, seconds: float = EXIT_SECONDS) -> None:
    """End the process with `code` after so many seconds, should it still be there: all that matters is done."""
    threading.Thread(target=_end, args=(code, seconds), name="exit", daemon=True).start()


def _end(code: int, seconds: float) -> None:
    before = {thread.name for thread in threading.enumerate() if not thread.daemon}
    time.sleep(seconds)
    log.warning("exit_forced", waiting_for=sorted(before))
    flush_logs()
    os._exit(code)
