"""Health probes: routes and answers for load balancers and uptime services."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

METHODS = ("GET", "HEAD", "OPTIONS")

Endpoint = Callable[[Request], Awaitable[Response]]


def add_probe(application: Starlette, path: str, endpoint: Endpoint) -> None:
    """Answer probes of `path` with `endpoint`."""
    for spelled in spellings(path):
        application.add_route(spelled, endpoint, methods=list(METHODS), include_in_schema=False)


def spellings(path: str) -> tuple[str, str]:
    """Return the path without and with a slash at its end: probes are configured with either."""
    return (path, f"{path}/")


def probed(request: Request, text: str, *, well: bool = True) -> Response:
    """Return the answer to a probe: status 200 if `well`, else 503.

    It holds `text` for GET and no body for other methods.
    """
    status = 200 if well else 503
    if request.method == "OPTIONS":
        return Response(status_code=status, headers={"Allow": ", ".join(METHODS)})
    return Response(f"{text}\n", status, media_type="text/plain")
