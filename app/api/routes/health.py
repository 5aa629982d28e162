"""Health checks and metrics of the private listener, for load balancers and Prometheus.

They need no token.
"""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from app.api.dependencies import WithDependencies
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.probes import METHODS, probed, spellings

READY_SECONDS = 2.0

router = APIRouter(include_in_schema=False)
log = get_logger("api")

_Endpoint = Callable[..., Awaitable[Response]]


def _probe(path: str) -> Callable[[_Endpoint], _Endpoint]:
    """Return a decorator for the endpoint that answers probes of `path`."""

    def add(endpoint: _Endpoint) -> _Endpoint:
        for spelled in spellings(path):
            router.add_api_route(spelled, endpoint, methods=list(METHODS))
        return endpoint

    return add


@_probe("/healthz")
async def healthz(request: Request) -> Response:
    """Answer 200: the process is alive."""
    return probed(request, "alive")


@_probe("/readyz")
async def readyz(request: Request, dependencies: WithDependencies) -> Response:
    """Answer 200 if the database answers within READY_SECONDS, else 503."""
    ready = await _answers(dependencies.sessions)
    return probed(request, "ready" if ready else "the database does not answer", well=ready)


@router.get("/metrics")
async def metrics(dependencies: WithDependencies) -> Response:
    """Return this process's metrics for Prometheus."""
    return Response(await dependencies.scrapes.text(), media_type=CONTENT_TYPE_LATEST)


async def _answers(sessions: Sessions) -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS), sessions() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        log.warning("not_ready", error=describe_error(error))
        return False
    return True
