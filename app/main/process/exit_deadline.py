"""Exit deadline: a limit on the time from the stop of the roles to the end of the process.

A module of its own, since its thread must outlive the event loop that `start` runs.
"""

import os
import threading
import time

from app.logs import flush_logs, get_logger

EXIT_SECONDS = 5.0
"""A DNS lookup, a trace collector or a disk can hang for longer than a supervisor waits."""

log = get_logger("main")


def end_in_time(code: int, seconds: float = EXIT_SECONDS) -> None:
    """End the process with `code` after `seconds` if it still runs.

    All important work is done by then.
    """
    threading.Thread(target=_end, args=(code, seconds), name="exit", daemon=True).start()


def _end(code: int, seconds: float) -> None:
    before = {thread.name for thread in threading.enumerate() if not thread.daemon}
    time.sleep(seconds)
    log.warning("exit_forced", waiting_for=sorted(before))
    flush_logs()
    os._exit(code)
