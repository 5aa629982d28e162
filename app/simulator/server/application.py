"""The simulator's ASGI application: cvs.cgi, the API, health, and errors as problem details."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.simulator.server.api import MailNotFound, faults_of_settings, router
from app.simulator.server.application_endpoint import ApplicationEndpoint
from app.simulator.server.console import SimulatorConsole
from app.simulator.server.local_requests import LocalRequestsOnly
from app.simulator.server.zeus import CallNotFound, SimulatedZeus
from app.simulator.state.store import SlipNotFound
from app.simulator.state.transitions import ActionNotAllowed

MARK = ("x-simulator", "zeus-relay SIMULATOR")
"""The header of every answer: nobody shall take this for Zeus."""
CVS_PATH = "/cgi-bin/cvs.cgi"


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's protocol that also hands the connection to the application, under `transport` in its scope."""

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
        exception_handlers=_HANDLERS,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.zeus = zeus
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


def _problem(status: int, title: str, **fields: Any) -> JSONResponse:
    body = {"type": "about:blank", "status": status, "title": title, **fields}
    return JSONResponse(body, status, media_type="application/problem+json")


async def _not_allowed(_: Request, error: ActionNotAllowed) -> Response:
    return _problem(
        HTTPStatus.CONFLICT,
        str(error),
        state=error.state,
        action=error.action,
        allowed=list(error.allowed),
    )


async def _not_found(_: Request, error: SlipNotFound | CallNotFound | MailNotFound) -> Response:
    what = {SlipNotFound: "order", CallNotFound: "call", MailNotFound: "mail"}[type(error)]
    return _problem(HTTPStatus.NOT_FOUND, f"No {what} has this number.", number=str(error.args[0]))


async def _unusable(_: Request, error: ValidationError) -> Response:
    return _problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid settings.", faults=faults_of_settings(error)
    )


async def _bad_request(_: Request, error: RequestValidationError) -> Response:
    faults = [
        {"field": ".".join(map(str, fault["loc"])), "reason": fault["msg"]}
        for fault in error.errors()
    ]
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid request.", faults=faults)


async def _http_error(_: Request, error: HTTPException) -> Response:
    return _problem(error.status_code, error.detail)


_HANDLERS: dict[Any, Any] = {
    ActionNotAllowed: _not_allowed,
    SlipNotFound: _not_found,
    CallNotFound: _not_found,
    MailNotFound: _not_found,
    ValidationError: _unusable,
    RequestValidationError: _bad_request,
    HTTPException: _http_error,
}
