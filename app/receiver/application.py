"""The FastAPI application of the public listener: the notification endpoint and the two health checks."""

import re
from collections.abc import Callable

from fastapi import FastAPI, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from app.receiver.endpoint import NotifyEndpoint, token_matches

_SLASHES = re.compile("//+")


class NotifyRoute(BaseRoute):
    """Matches the notification path with and without trailing slash and with doubled slashes, for every method: never a redirect."""

    def __init__(self, path: str, token: str | None, endpoint: NotifyEndpoint) -> None:
        self._path = path.rstrip("/")
        self._token = token
        self._endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL for the endpoint's path (with the token, when there is one), else NONE."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = _SLASHES.sub("/", scope["path"]).rstrip("/")
        if self._token is not None:
            path, _, token = path.rpartition("/")
            if not token_matches(token, self._token):
                return Match.NONE, {}
        return (Match.FULL if path == self._path else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the endpoint answer."""
        await self._endpoint(scope, receive, send)


def make_receiver(endpoint: NotifyEndpoint, path: str, token: str | None, is_ready: Callable[[], bool]) -> FastAPI:
    """The application; `is_ready` says whether a call could be recorded now."""
    app = FastAPI(title="zeus-relay receiver", openapi_url=None, redirect_slashes=False)
    app.router.routes.append(NotifyRoute(path, token, endpoint))

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("alive\n", media_type="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        ready = is_ready()
        return Response("ready\n" if ready else "cannot record\n", 200 if ready else 503, media_type="text/plain")

    return app
