"""Health and metrics listener of a process without the API, on RELAY_METRICS_PORT."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.main.process.listeners import HttpListener
from app.main.process.roles import ProcessRole
from app.metrics import exposition
from app.probes import add_probe, probed
from app.scrapes import Scrapes
from app.settings import Settings

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

log = get_logger("main")


def make_health(is_ready: Callable[[], bool]) -> Starlette:
    """Return an application with /healthz, /readyz and /metrics.

    `is_ready` returns True when the role can do its work now.
    """
    app = Starlette()
    scrapes = Scrapes(exposition)

    async def healthz(request: Request) -> Response:
        return probed(request, "alive")

    async def readyz(request: Request) -> Response:
        ready = is_ready()
        return probed(request, "ready" if ready else "not ready", well=ready)

    async def metrics(_request: Request) -> Response:
        return Response(await scrapes.text(), media_type=METRICS_TYPE)

    add_probe(app, "/healthz", healthz)
    add_probe(app, "/readyz", readyz)
    app.add_route("/metrics", metrics)
    return app


class HealthRole:
    """A private listener with /healthz, /readyz and /metrics."""

    name = "health"

    def __init__(self, host: str, port: int) -> None:
        """Bind the listener; raises CannotListen."""
        self._listener = HttpListener(make_health(lambda: True), host, port)
        log.info("listening", role=self.name, address=self._listener.address)

    def stop(self) -> None:
        """Stop answering."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        await self._listener.run()


def with_health(settings: Settings, roles: Sequence[ProcessRole]) -> list[ProcessRole]:
    """Return the roles, and the health role last if RELAY_METRICS_PORT is set."""
    if settings.metrics_port is None:
        return list(roles)
    return [*roles, HealthRole(settings.operator_host, settings.metrics_port)]
