"""One listener for operators and their scripts: the API with health and metrics on their paths, the console on all others."""

from starlette.types import ASGIApp, Receive, Scope, Send

_OF_THE_API = ("/v1", "/healthz", "/readyz", "/metrics")


class PrivateSide:
    """Hands each request to the API or to the console, by its path."""

    def __init__(self, api: ASGIApp, console: ASGIApp) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        path = scope.get("path", "")
        of_the_api = any(path == prefix or path.startswith(prefix + "/") for prefix in _OF_THE_API)
        await (self._api if of_the_api else self._console)(scope, receive, send)
