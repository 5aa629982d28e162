"""ASGI application of the public listener: the notification endpoint and two health checks."""

import re
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.probes import add_probe, probed
from app.receiver.endpoint import NotifyEndpoint, token_matches

_SLASHES = re.compile("//+")


class NotifyPath:
    """Matches the notification path for every method, with and without trailing slash, with doubled
    slashes. Never redirects.
    """

    def __init__(self, path: str, token: str | None) -> None:
        self._path = path.rstrip("/")
        self._token = token

    def matches(self, path: str) -> bool:
        """Return True if this is the endpoint's path, with the token if one is set."""
        path = _SLASHES.sub("/", path).rstrip("/")
        if self._token is not None:
            path, _, token = path.rpartition("/")
            if not token_matches(token, self._token):
                return False
        return path == self._path


class Receiver:
    """ASGI application.

    A call goes straight to its endpoint: it needs nothing of a web framework.
    """

    def __init__(self, path: NotifyPath, endpoint: NotifyEndpoint, others: ASGIApp) -> None:
        self._path = path
        self._endpoint = endpoint
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the endpoint or to the health checks."""
        if scope["type"] == "http" and self._path.matches(scope["path"]):
            return await self._endpoint(scope, receive, send)
        return await self._others(scope, receive, send)


def make_receiver(
    endpoint: NotifyEndpoint, path: NotifyPath, is_ready: Callable[[], bool]
) -> Receiver:
    """Return the application. `is_ready` tells whether a call could be recorded now."""
    app = Starlette()
    app.router.redirect_slashes = False

    async def healthz(request: Request) -> Response:
        return probed(request, "alive")

    async def readyz(request: Request) -> Response:
        ready = is_ready()
        return probed(request, "ready" if ready else "cannot record", well=ready)

    add_probe(app, "/healthz", healthz)
    add_probe(app, "/readyz", readyz)
    return Receiver(path, endpoint, app)
