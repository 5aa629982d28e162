"""Allowed sources from the settings, read at the start and reloaded on SIGHUP."""

import asyncio
import ipaddress
import threading
from contextlib import suppress
from queue import SimpleQueue

from app.configured_files import read_configured_text
from app.logs import get_logger
from app.network.allowed_sources import Network, SourceCheck, Sources
from app.settings import Settings, WrongSettings, load_settings, variable_of

log = get_logger("main")


def sources_of(settings: Settings) -> Sources:
    """Return the allowed sources; raises WrongSettings for a file that cannot be read.

    Its text names no address, since Zeus's addresses are confidential.
    """
    listed = _listed(settings) if settings.allowed_sources_file else []
    return Sources(
        (*settings.allowed_sources, *listed),
        tuple(settings.trusted_proxies),
        settings.source_mode == "observe",
    )


class SourcesReload:
    """Reloads the allowed sources from .env and the file of sources. Wrong settings change nothing.

    A thread reads them: the disk may hang, and calls must not wait for it.
    """

    def __init__(self, check: SourceCheck) -> None:
        """Change the sources of `check`."""
        self._check = check
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Request a reload. Must be called in the event loop that serves the calls."""
        self._wanted.put(None)
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(
                target=self._run, args=(loop,), name="sources", daemon=True
            )
            self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self._wanted.get()
            try:
                sources = sources_of(load_settings())
            except WrongSettings as error:
                log.error(
                    "sources_kept",
                    wrong=sorted({line.partition(":")[0] for line in str(error).splitlines()}),
                )
                continue
            with suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(self._apply, sources)

    def _apply(self, sources: Sources) -> None:
        self._check.change(sources)
        log.info(
            "sources_reloaded",
            allowed=len(sources.allowed),
            trusted_proxies=len(sources.trusted_proxies),
            observe=sources.observe,
        )


def _listed(settings: Settings) -> list[Network]:
    variable = variable_of("allowed_sources_file")
    try:
        lines = (
            read_configured_text(settings.allowed_sources_file).splitlines()
            if settings.allowed_sources_file
            else []
        )
    except OSError as error:
        raise WrongSettings(f"{variable}: the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise WrongSettings(f"{variable}: the file cannot be read (not UTF-8)") from None
    networks: list[Network] = []
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        try:
            networks += [ipaddress.ip_network(entry)] if entry else []
        except ValueError:
            raise WrongSettings(
                f"{variable} line {number}: is not a CIDR such as 192.0.2.10/32"
            ) from None
    return networks
