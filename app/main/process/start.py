"""Start of a process: settings, logs, database URL, tracing and event loop."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from app.db.checks.defects import DatabaseUnfit
from app.db.embedded import EmbeddedPostgresMissing, start_embedded
from app.logs import configure_logs, get_logger
from app.main.process.exit_deadline import end_in_time
from app.main.process.listeners import CannotListen
from app.main.process.uncaught import log_failure, log_uncaught
from app.metrics import log_lines_dropped
from app.settings import Settings, WrongSettings, load_settings, service_variables, variable_of
from app.settings.database_url import read_database_url
from app.tracing import spans

_YOUNG_OBJECTS = 20_000
"""Threshold of the garbage collector.

Calls and webhooks in flight make thousands of objects, hardly one of them in a cycle. Python's
default of 700 costs a fifth of a receiver's time and stops it for tens of milliseconds at times.
"""

FAILED = 1
_DEFAULT_OPEN_FILES = 1_024

log = get_logger("main")

Main = Callable[[Settings, str], Awaitable[None]]


def start(main: Main, embedded_url: str | None = None) -> None:
    """Run `main` with the settings and the database URL until it ends.

    Starts the embedded Postgres if no database is set, unless another process runs it and gives its
    `embedded_url`. Raises WrongSettings, CannotListen, DatabaseUnfit or EmbeddedPostgresMissing,
    whose texts are fit for a terminal.
    """
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format, log_lines_dropped.inc)
    log_uncaught()
    if ignored := service_variables():
        log.info("service_variables_ignored", variables=ignored)
    url = (
        embedded_url or start_embedded(settings.data_dir)
        if settings.database_url is None
        else settings.database_url.get_secret_value()
    )
    log_ignored_parameters(url)
    _start_tracing(settings)
    _collect_less()
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(_awaited(main, settings, url))
    except (WrongSettings, CannotListen, DatabaseUnfit, EmbeddedPostgresMissing):
        raise
    except Exception as error:
        log_failure(error)
        sys.exit(FAILED)
    finally:
        spans.stop_tracing()


def log_ignored_parameters(url: str) -> None:
    """Log the names of parameters of the database URL that have no effect here."""
    ignored = read_database_url(url).ignored
    if ignored:
        log.info("database_url_ignored", parameters=list(ignored))


def _start_tracing(settings: Settings) -> None:
    if settings.otlp_endpoint is None:
        return
    try:
        spans.start_tracing(settings.otlp_endpoint, version("zeus-relay"))
    except spans.TracingMissing as missing:
        raise WrongSettings(f"{variable_of('otlp_endpoint')}: {missing}") from None


def _collect_less() -> None:
    """Exclude imported objects from garbage collection and collect others less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)


async def _awaited(main: Main, settings: Settings, url: str) -> None:
    code = FAILED
    try:
        await main(settings, url)
        code = 0
    finally:
        end_in_time(code)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop


def raise_open_files() -> int:
    """Raise this process's limit of open files to its maximum, and return it.

    Each connection takes one file.
    """
    if sys.platform == "win32":
        return _DEFAULT_OPEN_FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    if soft < hard:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    return hard
