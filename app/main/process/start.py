"""Starting a process: settings, logs, the database's URL and the event loop."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

from app.db.checks.defects import DatabaseUnfit
from app.db.embedded import EmbeddedPostgresMissing, start_embedded
from app.logs import configure_logs, get_logger
from app.main.process.exit_deadline import end_in_time
from app.main.process.listeners import CannotListen
from app.main.process.roles import ProcessRole
from app.main.process.uncaught import log_failure, log_uncaught
from app.main.roles.health import HealthRole
from app.metrics import log_lines_dropped
from app.settings import Settings, WrongSettings, load_settings, service_variables, variable_of
from app.settings.database_url import read_database_url
from app.tracing import spans

_YOUNG_OBJECTS = 20_000
"""Calls and webhooks that are under way together make thousands of objects at a time, hardly one of them in a cycle: looking at all of
them after every 700, as Python does, costs a fifth of a receiver's time and stops it for tens of milliseconds now and then."""

FAILED = 1

log = get_logger("main")

Main = Callable[[Settings, str], Awaitable[None]]


def start(main: Main) -> None:
    """Run `main` with the settings and the database's URL until it ends; the embedded Postgres is started if need be.

    Raises WrongSettings, CannotListen, DatabaseUnfit or EmbeddedPostgresMissing, whose texts are fit
    for a terminal.
    """
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format, log_lines_dropped.inc)
    log_uncaught()
    if ignored := service_variables():
        log.info("service_variables_ignored", variables=ignored)
    url = (
        start_embedded(settings.data_dir)
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
    """Log the names of what the database's URL says without any effect here."""
    ignored = read_database_url(url).ignored
    if ignored:
        log.info("database_url_ignored", parameters=list(ignored))


def with_health(settings: Settings, roles: Sequence[ProcessRole]) -> list[ProcessRole]:
    """The roles, and health and metrics beside them if RELAY_METRICS_PORT is set; they stop last."""
    if settings.metrics_port is None:
        return list(roles)
    return [*roles, HealthRole(settings.operator_host, settings.metrics_port)]


def _start_tracing(settings: Settings) -> None:
    if settings.otlp_endpoint is None:
        return
    try:
        spans.start_tracing(settings.otlp_endpoint, version("zeus-relay"))
    except spans.TracingMissing as missing:
        raise WrongSettings(f"{variable_of('otlp_endpoint')}: {missing}") from None


def _collect_less() -> None:
    """Leave what was imported out of garbage collection, and look at the rest less often."""
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


_DEFAULT = 1_024


def raise_open_files() -> int:
    """Allow this process as many open files as it may allow itself, and return how many: each connection takes one."""
    if sys.platform == "win32":
        return _DEFAULT
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    if soft < hard:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    return hard
