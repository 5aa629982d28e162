"""Uncaught errors, written to the log.

Python would write them to standard error, which may be stuck.
"""

import sys
import threading
from types import TracebackType

from app.db.connections import describe_error
from app.logs import get_logger

log = get_logger("main")


def log_uncaught() -> None:
    """Log errors in threads and finalizers from now on."""
    threading.excepthook = lambda args: _log(
        args.exc_value, args.exc_traceback, args.thread.name if args.thread else ""
    )
    sys.unraisablehook = lambda args: _log(
        args.exc_value, args.exc_traceback, str(args.err_msg or "")
    )


def log_failure(error: BaseException) -> None:
    """Log the error that ends the process; for a group, each error in it."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            log_failure(one)
    else:
        log.error("process_failed", error=describe_error(error), at=places_of(error.__traceback__))


def places_of(trace: TracebackType | None) -> list[str]:
    """Return the code places that led to an error, the outermost first.

    Error texts are left out, since they may quote personal data.
    """
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places


def _log(error: BaseException | None, trace: TracebackType | None, where: str) -> None:
    if error is not None:
        log.error("uncaught", error=describe_error(error), where=where, at=places_of(trace))
