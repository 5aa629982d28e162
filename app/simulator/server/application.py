"""ASGI application of the simulator: cvs.cgi, the API, the console and health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.simulator.server.api import router
from app.simulator.server.application_endpoint import ApplicationEndpoint
from app.simulator.server.console import SimulatorConsole
from app.simulator.server.local_requests import LocalRequestsOnly
from app.simulator.server.problems import HANDLERS
from app.simulator.server.zeus import SimulatedZeus

MARK = ("x-simulator", "zeus-relay SIMULATOR")
"""The header of every answer: nobody shall take this for Zeus."""
CVS_PATH = "/cgi-bin/cvs.cgi"


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's protocol that also puts the connection into the scope, as `transport`."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["transport"] = self.transport  # type: ignore[typeddict-unknown-key]


def make_simulator(zeus: SimulatedZeus) -> FastAPI:
    """Return the application of one simulated Zeus; it runs the timers while it is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with zeus.running():
            yield

    app = FastAPI(
        title="zeus-relay SIMULATOR",
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        separate_input_output_schemas=False,  # a change of settings names some of them
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.zeus = zeus
    app.state.api_routes = router.routes
    app.include_router(router)
    app.add_api_route("/healthz", _healthy, methods=["GET", "HEAD"], include_in_schema=False)
    SimulatorConsole(zeus).add_to(app)
    app.router.routes.append(Route(CVS_PATH, endpoint=ApplicationEndpoint(zeus)))
    app.add_middleware(
        LocalRequestsOnly, anywhere=lambda: zeus.settings.anywhere, open_path=CVS_PATH
    )
    return app


async def _healthy() -> Response:
    return Response("ok", media_type="text/plain")
