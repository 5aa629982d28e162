"""Health probes: routes and answers for load balancers and uptime services."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response

METHODS = ("GET", "HEAD", "OPTIONS")

Endpoint = Callable[..., Any]


def probe(application: FastAPI | APIRouter, path: str) -> Callable[[Endpoint], Endpoint]:
    """Return a decorator for the endpoint that answers probes of `path`."""

    def add(endpoint: Endpoint) -> Endpoint:
        for spelled in (path, f"{path}/"):
            application.add_api_route(
                spelled, endpoint, methods=list(METHODS), include_in_schema=False
            )
        return endpoint

    return add


def probed(request: Request, text: str, *, well: bool = True) -> Response:
    """Return the answer to a probe: status 200 if `well`, else 503.

    It holds `text` for GET and no body for other methods.
    """
    status = 200 if well else 503
    if request.method == "OPTIONS":
        return Response(status_code=status, headers={"Allow": ", ".join(METHODS)})
    return Response(f"{text}\n", status, media_type="text/plain")
